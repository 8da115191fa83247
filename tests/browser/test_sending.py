"""Sending and following by clicks, in a real JupyterLab, against the sandbox of the kernel."""

from __future__ import annotations

import json
import os
import time

from playwright.sync_api import expect

CANARY = "canary-70f2/token+5ab9"
PREPARE = """\
import pandas as pd
import tbpu_toolkit as tbpu

count = {rows}
data = pd.DataFrame({{"id": [f"{{n:05d}}" for n in range(count)], "tier": ["gold"] * count}})
mapping = tbpu.Mapping("id", "thirdPartyId", {{"tier": "loyaltyTier"}})
run = tbpu.prepare(data, mapping, "runs/loyalty", max_rows={most})
"""
SANDBOX = """\
sandbox = tbpu.Sandbox(calls_per_minute=None, seconds_to_complete=0, faults={faults})
sandbox.start()
client = tbpu.TargetClient("acme", base_url=sandbox.url, calls_per_minute=None)
"""
SEND = "send = tbpu.SendPanel(run, client)\nsend"
STATUS = "status = tbpu.StatusPanel(run, client)\nstatus"
RECORD = "print(sorted(sandbox.accepted.values()), list(run.states.values()))"


def prepare(rows=6, most=2, faults="None"):
    return PREPARE.format(rows=rows, most=most) + SANDBOX.format(faults=faults)


expect.set_options(timeout=20_000)  # a busy machine is no fault


def look(lab_page, name, index):
    """Take the pictures where somebody wants to look at them: they take more time than the rest."""
    if os.environ.get("TBPU_PICTURES"):
        lab_page.pictures(name, index)


def button(cell, name):
    return cell.get_by_role("button", name=name)


def test_a_run_is_sent_followed_and_proven_by_clicks(lab_page):
    lab_page.open([PREPARE.format(rows=6, most=2), "tbpu.SendPanel(run)", "tbpu.StatusPanel(run)"])
    lab_page.run_all()
    send, status = lab_page.output(1), lab_page.output(2)
    expect(status).to_contain_text("Not sent to anywhere yet.")
    look(lab_page, "send-before", 1)
    button(send, "Start the sandbox").click()
    expect(send).to_contain_text("3 batch files with 6 rows")
    look(lab_page, "send-ready", 1)
    button(send, "Send 3 batch files to the sandbox").click()
    expect(send).to_contain_text("3 batch files handed over: ")
    expect(status.get_by_role("row")).to_have_count(4)
    expect(status.get_by_text("complete", exact=True)).to_have_count(4)
    button(status, "Prove").click()
    expect(status).to_contain_text("6 of 6 fetched rows came back as sent")
    expect(status.locator("img")).to_have_attribute(
        "alt", "Batches over time: 3 submitted, 3 complete, 3 seen."
    )
    for index, name in ((1, "send-done"), (2, "status-done")):
        look(lab_page, name, index)
    for shown in ("light", "dark"):
        lab_page.dress(shown)
        assert lab_page.axe(1) == []
        assert lab_page.axe(2) == []


def test_a_send_is_cancelled_within_a_second_resolved_and_gone_on_with(lab_page):
    faults = "['accept', {'hang': {'seconds': 60, 'accept': True}}]"
    lab_page.open([prepare(faults=faults), SEND, STATUS, RECORD]).run_all()
    send, status = lab_page.output(1), lab_page.output(2)
    button(send, "Send 3 batch files").click()
    expect(send).to_contain_text("1 of 3 batch files handed over")
    lab_page.page.wait_for_timeout(500)  # the second one is on its way by now
    look(lab_page, "send-busy", 1)
    begun = time.monotonic()
    button(send, "Cancel").click()
    expect(send).to_contain_text("there is no usable answer")
    assert time.monotonic() - begun < 5, "far less than the minute that the sandbox hangs"
    expect(status.get_by_role("row").nth(1)).to_contain_text("unknown")
    look(lab_page, "status-unknown", 2)
    button(status, "Probe").click()
    expect(status).to_contain_text("Batch 2 was accepted: 2 of 2 profiles")
    button(send, "Send 1 batch file to the sandbox").click()
    expect(send).to_contain_text("1 batch file handed over: ")
    lab_page.run(3)
    assert lab_page.text(3).startswith("[1, 1, 1] ['")


def test_a_page_that_is_reloaded_shows_the_sending_that_is_under_way(lab_page):
    faults = "['accept', {'hang': {'seconds': 600, 'accept': True}}]"
    lab_page.open([prepare(faults=faults), SEND, STATUS, RECORD]).run_all()
    button(lab_page.output(1), "Send 3 batch files").click()
    expect(lab_page.output(1)).to_contain_text("1 of 3 batch files handed over")
    lab_page.save()
    lab_page.reload()
    send, status = lab_page.output(1), lab_page.output(2)
    expect(send).to_contain_text("1 of 3 batch files handed over")
    expect(status.get_by_role("row").nth(1)).to_contain_text("sending")
    button(send, "Cancel").click()
    expect(status.get_by_role("row").nth(1)).to_contain_text("unknown")
    lab_page.run(3)
    assert lab_page.text(3).startswith("[1, 1] [")


def test_a_token_that_was_typed_is_in_no_saved_notebook(lab_page):
    look_at_it = "send.client and (send.client.has_token, send.choice.token.token)"
    lab_page.open([PREPARE.format(rows=2, most=2), "send = tbpu.SendPanel(run)\nsend", look_at_it])
    lab_page.run_all()
    send = lab_page.output(1)
    send.get_by_label("production").check()
    send.get_by_label("Client code", exact=True).fill("acme")
    token = send.get_by_label("Token")
    token.press_sequentially(CANARY)
    token.press("Enter")
    expect(token).to_have_value("")
    expect(send).to_contain_text("A token is kept in this kernel's memory; it is not stored.")
    button(send, "Use this account").click()
    expect(send).to_contain_text("PRODUCTION")
    expect(button(send, "Send 1 batch file to production")).to_be_disabled()
    send.get_by_label("Client code, again").fill("acme")
    send.get_by_label("Number of rows").fill("2")
    expect(button(send, "Send 1 batch file to production")).to_be_enabled()
    look(lab_page, "send-production", 1)
    for shown in ("light", "dark"):
        lab_page.dress(shown)
        assert lab_page.axe(1) == []
    lab_page.run(2)
    assert "(True, [secure])" in lab_page.text(2)
    saved = json.dumps(lab_page.save())
    assert "Send" in saved
    assert CANARY not in saved
    assert CANARY.replace("/", "\\/") not in saved


def test_no_control_lets_a_key_at_the_cells(lab_page):
    faults = "[{'hang': 1}, 'accept', {'hang': {'seconds': 1, 'accept': True}}]"
    lab_page.open([prepare(faults=faults), SEND, STATUS]).run_all()
    before = lab_page.sources()
    count = 0
    for index in (1, 2):
        found = lab_page.output(index).locator("a, button, input, select, summary, [tabindex]")
        for place in range(found.count()):
            control = found.nth(place)
            if control.is_visible() and control.is_enabled():
                control.focus()
                lab_page.press("b", "d", "d")
                count += 1
    assert count >= 8
    assert lab_page.sources() == before


def test_keys_alone_send_a_run(lab_page):
    lab_page.open([prepare(), SEND, RECORD]).run_all()
    send = lab_page.output(1)
    expect(button(send, "Send 3 batch files")).to_be_enabled()
    send.get_by_label("the sandbox, to practise").focus()
    for _ in range(10):
        lab_page.press("Tab")
        if "Send 3" in lab_page.page.evaluate("document.activeElement.textContent"):
            break
    lab_page.press("Enter")
    expect(send).to_contain_text("3 batch files handed over: ")
    expect(send).to_contain_text("Nothing is left to send")
    lab_page.run(2)
    assert lab_page.text(2).startswith("[1, 1, 1]")


def test_a_copy_without_a_kernel_that_is_not_trusted_still_tells_the_result(lab_page):
    cells = [prepare(), "run.send(client)\nrun.wait(client)\nNone", SEND, STATUS]
    lab_page.open(cells).run_all()
    notebook = lab_page.save()
    # Whatever another one changed is not trusted here.
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "of-others", "metadata": {}, "source": "!"}
    )
    path = lab_page.folder / "copy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab_page.close()
    lab_page.open(path)
    for index in (2, 3):
        shown = lab_page.output(index)
        expect(shown).to_contain_text("6 rows in = 6 ready")
        expect(shown.get_by_text("complete", exact=True).first).to_be_visible()
        expect(shown.locator("meter")).to_have_count(5)
    look(lab_page, "saved", 3)


def test_many_batches_are_scrolled_to_by_keys(lab_page):
    cells = [prepare(rows=40, most=1), "run.send(client)\nrun.wait(client)\nNone", STATUS]
    lab_page.open(cells).run_all()
    status = lab_page.output(2)
    expect(status.get_by_role("row")).to_have_count(41)
    for theme in ("light", "dark"):
        lab_page.dress(theme)
        assert lab_page.axe(2) == []
    look(lab_page, "status-many", 2)
    batches = status.get_by_role("region", name="Batches")
    expect(status.get_by_role("row").last).not_to_be_in_viewport()
    batches.focus()
    lab_page.press("End")
    expect(status.get_by_role("row").last).to_be_in_viewport()
