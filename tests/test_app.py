"""The guided panel without a browser: each step rests on what the steps before it hold by now."""

from __future__ import annotations

import shutil
from pathlib import Path

import ipywidgets
import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import InputError
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


def test_a_file_that_has_changed_since_it_was_checked_is_told(guide, data, tmp_path):
    data.to_csv(tmp_path / "june.csv", index=False)
    panel = guide(tmp_path / "june.csv")
    go(panel, 4)
    data[:1].to_csv(tmp_path / "june.csv", index=False)
    write(panel, "june")
    assert "The table has changed since it was checked: it was 3 rows in" in said(panel)
    assert panel.run.counts["rows_in"] == 1


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
