"""The guided panel without a browser: each step rests on what the steps before it hold by now."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import ipywidgets
import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import InputError, MappingError
from tbpu_toolkit.widgets.target_choice import SANDBOX

TELCO = Path(__file__).parents[1] / "data" / "telco_churn.csv"


@pytest.fixture
def data():
    return pd.DataFrame({"customer_id": ["00004", "00021", "a+b"], "tier": ["gold", "", "blue"]})


@pytest.fixture
def guide(tmp_path):
    """Make a guided panel whose runs lie in ``tmp_path/runs``."""
    made = []

    def make(data=None, mapping=None, **words):
        panel = tbpu.app(data, mapping, folder=tmp_path, runs=tmp_path / "runs", **words)
        made.append(panel)
        return panel

    yield make
    for panel in made:
        panel.close()


def go(panel, step):
    panel.go(step)
    assert panel.join(60)
    return panel.step


def write(panel, name):
    panel.choice.name.value = name
    panel.choice.write_button.click()
    assert panel.join(60)


def said(panel):
    return panel.steps._said.value  # noqa: SLF001 - the line on the page


def ask(panel, **message):
    """Ask the mapping table for something as its page does."""
    panel.table._page._handle_custom_msg(message, [])  # noqa: SLF001 - the page's own way


def test_the_whole_job_from_the_file_to_the_proof(guide, tmp_path):
    with tbpu.Sandbox(seconds_to_complete=0) as sandbox:
        panel = guide(TELCO, client=sandbox.client("acme"))
        assert [go(panel, step) for step in (2, 3, 4)] == [2, 3, 4]
        write(panel, "telco")
        assert panel.error is None
        assert panel.run.folder == tmp_path / "runs" / "telco"
        assert panel.send.join(60)
        assert sandbox.accepted.total() == 0, "nothing goes before Send is pressed"
        panel.send.send_button.click()
        assert panel.send.join(60)
        assert go(panel, 5) == 5
        assert panel.status.join(60)
        panel.status.prove_button.click()
        assert panel.status.join(60)
        assert panel.status.proof.seen == 400
        script = panel.code
        assert sandbox.accepted.total() == 1
        said = {}
        exec(compile(script, "clicks", "exec"), said)  # noqa: S102 - the code shown is what is tried
        assert said["run"].folder == panel.run.folder
        assert sandbox.accepted.total() == 1, "the code of the clicks sends nothing twice"


def test_nothing_is_skipped_and_what_is_missing_is_said(guide, tmp_path):
    panel = guide()
    assert go(panel, 4) == 1
    assert "No file is chosen. Choose one, or type its path." in said(panel)
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    panel = guide(tmp_path / "none.csv")
    go(panel, 2)
    ask(panel, do="bulk", what="clear", places=[0, 1])
    assert go(panel, 3) == 2
    assert panel.table.problem in said(panel).replace("&#39;", "'")
    panel = guide(pd.DataFrame({"customer_id": ["a+b", "c+d"], "tier": ["x", "y"]}))
    assert go(panel, 4) == 3
    assert "Nothing can be sent as it is" in said(panel)


def test_a_step_is_made_anew_where_an_earlier_one_has_changed(guide, data):
    panel = guide(data)
    go(panel, 3)
    table, view = panel.table, panel.view
    go(panel, 1)
    go(panel, 3)
    assert (panel.table, panel.view) == (table, view), "nothing has changed"
    write_before = write_run(panel, "first")
    go(panel, 2)
    ask(panel, do="name", place=1, value="loyaltyTier")
    assert go(panel, 4) == 4
    assert panel.view is not view
    assert panel.view.mapping.names == ("loyaltyTier",)
    assert go(panel, 5) == 4, "the run that there is was made of another mapping"
    assert "Write the batch files first." in said(panel)
    assert write_run(panel, "second").mapping.names == ("loyaltyTier",)
    assert write_before.mapping.names == ("tier",)


def write_run(panel, name):
    go(panel, 4)
    write(panel, name)
    assert panel.error is None, panel.error
    return panel.run


def test_a_folder_that_holds_another_run_is_left_alone(guide, data):
    panel = guide(data)
    write_run(panel, "july")
    other = guide(data.assign(tier="new"))
    go(other, 4)
    write(other, "july")
    assert other.step == 4
    assert other.run is None
    assert "july" in said(other)
    write(other, "../july")
    assert isinstance(other.error, InputError)
    assert other.run is None


def choose(panel, data):
    panel.loader.choice.choose(data)
    panel.loader.read()


def test_a_file_that_has_changed_since_it_was_checked_is_checked_again(guide, data, tmp_path):
    data.to_csv(tmp_path / "june.csv", index=False)
    panel = guide(tmp_path / "june.csv")
    go(panel, 4)
    data[:1].to_csv(tmp_path / "june.csv", index=False)
    write(panel, "june")
    assert "has changed since it was checked, so nothing was written" in said(panel)
    assert panel.run is None
    assert go(panel, 4) == 4
    assert panel.view.report.counts["rows_in"] == 1
    write(panel, "june")
    assert panel.run.counts["rows_in"] == 1


def test_a_frame_that_is_changed_in_place_is_sent_as_it_was_checked(guide, data):
    panel = guide(data)
    go(panel, 4)
    data["tier"] = "other"
    write(panel, "june")
    assert b"00004,gold" in panel.run.batches[0].path.read_bytes()


def slowly(monkeypatch, where):
    """Hold a function back until it may go on."""
    module, name = where.rsplit(".", 1)
    true, goes_on = getattr(importlib.import_module(module), name), threading.Event()

    def held(*given):
        goes_on.wait(10)
        return true(*given)

    monkeypatch.setattr(where, held)
    return goes_on


def test_a_table_that_is_still_being_read_is_waited_for(guide, data, tmp_path, monkeypatch):
    data.to_csv(tmp_path / "one.csv", index=False)
    data[:1].to_csv(tmp_path / "two.csv", index=False)
    panel = guide(tmp_path / "one.csv")
    write_run(panel, "one")
    goes_on = slowly(monkeypatch, "tbpu_toolkit.widgets.first_rows.read_first_rows")
    choose(panel, tmp_path / "two.csv")
    panel.go(4)
    goes_on.set()
    assert panel.join(60)
    assert panel.choice.writing in panel.steps._shown.children  # noqa: SLF001 - what is seen


def test_a_rule_that_is_still_being_checked_is_waited_for(guide, data, monkeypatch):
    panel = guide(data)
    go(panel, 4)
    goes_on = slowly(monkeypatch, "tbpu_toolkit.widgets.report_view.validate")
    panel.view._change_rule("BLK001", "off", "we know")  # noqa: SLF001 - what the form calls
    panel.choice.name.value = "june"
    panel.choice.write_button.click()
    goes_on.set()
    assert panel.join(60)
    assert panel.run is None or panel.run.mapping.rules["BLK001"].severity == "off"


def test_a_rule_that_was_switched_off_for_one_table_counts_for_another(guide):
    mails = ["anna@example.com", "ben@example.com", "cleo@example.com"]
    one = pd.DataFrame({"customer_id": ["00004", "00021", "00033"], "contact": mails})
    mapping = tbpu.Mapping("customer_id", "thirdPartyId", {"contact": "contact"})
    panel = guide(one, mapping)
    go(panel, 3)
    assert not panel.view.report.ok
    panel.view._change_rule("PRI001", "off", "made up")  # noqa: SLF001 - what the form calls
    assert panel.view.join(60)
    assert go(panel, 4) == 4
    choose(panel, one.rename(columns={"contact": "mail_"}).assign(tier="gold"))
    go(panel, 3)
    assert "PRI001" not in panel.mapping.rules


def test_after_a_run_was_taken_up_the_steps_before_it_work(guide, data):
    write_run(guide(data), "july")
    panel = guide(data)
    go(panel, 3)
    panel.choice.open_button.click()
    assert panel.join(60)
    assert [go(panel, step) for step in (2, 3, 4)] == [2, 3, 4]
    assert panel.choice.writing in panel.steps._shown.children  # noqa: SLF001 - what is seen


def run_alone(script, folder):
    """Run a script in a process of its own, and give the hashes of the batch files it wrote."""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, check=False)
    assert done.returncode == 0, script
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.batch")}


def test_the_code_of_all_steps_writes_the_same_bytes(guide, data, tmp_path):
    data.to_csv(tmp_path / "june.csv", index=False)
    panel = guide(tmp_path / "june.csv")
    go(panel, 3)
    panel.view._change_rule("KEY003", "warning", "they are new")  # noqa: SLF001 - what the form calls
    panel.view.join(60)
    go(panel, 2)
    ask(panel, do="name", place=1, value="loyaltyTier")
    run = write_run(panel, "july")
    assert "run.send" not in panel.code, "nothing was sent"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    script = panel.code.replace(str(tmp_path / "runs"), str(elsewhere))
    assert run_alone(script, elsewhere) == {batch.sha256 for batch in run.batches}
    go(panel, 2)
    ask(panel, do="name", place=1, value="level")
    assert "tbpu.prepare" not in panel.code, "of this mapping nothing was written"


def test_a_run_that_is_being_sent_stays_in_sight(guide, data, serve, until):
    goes_on = threading.Event()
    server = serve(lambda wire: (wire.read(), goes_on.wait(30), wire.accept()))
    panel = guide(data, client=server.client())
    run = write_run(panel, "july")
    assert panel.send.join(60)
    panel.send.send_button.click()
    until(lambda: server.requests)
    choose(panel, data[:1])
    assert go(panel, 4) == 4
    assert panel.send in panel.steps._shown.children  # noqa: SLF001 - what is seen
    panel.choice.open_button.click()
    assert panel.join(60)
    assert "The run &#39;july&#39; is still being sent." in said(panel)
    goes_on.set()
    assert panel.send.join(60)
    assert set(tbpu.open_run(run.folder).states.values()) == {"submitted"}


def test_the_status_of_a_run_is_asked_where_it_was_sent(guide, data):
    with tbpu.Sandbox(seconds_to_complete=0) as first, tbpu.Sandbox() as second:
        panel = guide(data, client=first.client("acme"))
        write_run(panel, "july")
        panel.send.join(60)
        panel.send.send_button.click()
        panel.send.join(60)
        panel.send.choice._given = second.client("acme")  # noqa: SLF001 - as if chosen by clicks
        assert go(panel, 5) == 5
        assert panel.status.client.base_url == first.url


def test_a_mapping_that_is_none_is_refused_at_once(guide, data):
    with pytest.raises(MappingError):
        guide(data, {"customer_id": "thirdPartyId"})


def test_a_draft_of_a_run_is_not_offered(guide, data, tmp_path):
    run = write_run(guide(data), "july")
    shutil.copytree(run.folder, tmp_path / "runs" / ".august.0936")
    assert [label for label, _ in guide().choice.runs.options] == ["july"]


def test_a_rule_that_was_changed_counts_for_what_is_written(guide, data):
    panel = guide(data)
    go(panel, 3)
    code = panel.view.report.findings["code"].iloc[-1]
    panel.view._change_rule(code, "note", "they are known")  # noqa: SLF001 - what the form calls
    assert panel.view.join(60)
    assert write_run(panel, "july").mapping.rules[code].why == "they are known"
    go(panel, 2)
    ask(panel, do="name", place=1, value="loyaltyTier")
    go(panel, 3)
    assert panel.view.mapping.rules[code].why == "they are known"


def test_a_run_of_yesterday_is_taken_up(guide, data):
    written = write_run(guide(data), "july")
    with tbpu.Sandbox(seconds_to_complete=0) as sandbox:
        client = sandbox.client("acme")
        panel = guide(client=client)
        assert [label for label, _ in panel.choice.runs.options] == ["july"]
        panel.choice.open_button.click()
        assert panel.join(60)
        assert (panel.step, panel.run.folder) == (4, written.folder)
        tbpu.open_run(written.folder).send(client)
        panel = guide(client=client)
        panel.choice.open_button.click()
        assert panel.join(60)
        assert panel.step == 5
        panel.status.join(60)
        assert go(panel, 4) == 4
        shutil.copyfile(TELCO, written.folder.parents[1] / "telco.csv")
        panel.loader.choice.choose(written.folder.parents[1] / "telco.csv")
        panel.loader.read()
        panel.loader.join(60)
        assert go(panel, 4) == 4
        assert panel.choice.writing in panel.steps._shown.children  # noqa: SLF001 - what is seen


def test_the_mapping_is_kept_for_a_table_of_the_same_columns(guide, data, tmp_path):
    mapping = tbpu.Mapping("customer_id", "thirdPartyId", {"tier": "loyaltyTier"})
    data.to_csv(tmp_path / "june.csv", index=False)
    data.rename(columns={"tier": "level"}).to_csv(tmp_path / "other.csv", index=False)
    data.to_csv(tmp_path / "july.csv", index=False)
    panel = guide(tmp_path / "june.csv", mapping)
    for name, names in (("june", "loyaltyTier"), ("july", "loyaltyTier"), ("other", "level")):
        panel.loader.choice.choose(tmp_path / f"{name}.csv")
        panel.loader.read()
        panel.loader.join(60)
        assert go(panel, 2) == 2
        assert panel.table.mapping.names == (names,)


def test_the_state_of_all_widgets_can_be_saved_whatever_was_replaced(guide, data):
    """Whoever runs notebooks by a program keeps the widgets' state with them."""
    panel = guide(data)
    write_run(panel, "july")
    go(panel, 2)
    ask(panel, do="name", place=1, value="loyaltyTier")
    write_run(panel, "august")
    assert ipywidgets.Widget.get_manager_state()["state"]
    panel.close()
    assert "state" in ipywidgets.Widget.get_manager_state()


def test_it_is_saved_as_what_each_step_has_come_to(guide, data):
    panel = guide(data.rename(columns={"tier": "<b>tier</b>"}))
    go(panel, 3)
    saved = panel._repr_mimebundle_()
    assert saved["text/plain"].startswith("Step 3 of 5: see what would be sent")
    assert saved["text/html"].count("<details") >= 3
    assert "<b>tier" not in saved["text/html"]
    assert "3 rows and 2 columns" in saved["text/html"]


def test_an_error_that_was_not_foreseen_is_shown_and_the_panel_goes_on(guide, data, monkeypatch):
    panel = guide(data)

    def fail(*_):
        raise ZeroDivisionError("by nothing")

    with monkeypatch.context() as patch:
        patch.setattr("tbpu_toolkit.widgets.app.validate", fail)
        go(panel, 3)
    assert panel.step == 1
    assert "Something that was not foreseen: ZeroDivisionError" in said(panel)
    assert go(panel, 3) == 3


@pytest.fixture(autouse=True)
def no_sandbox_is_left():
    yield
    SANDBOX.stop()
