"""The sandbox's own page in a browser: what it shows, to everybody, and that nothing in it runs."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

HOSTILE = (
    """<img src=x onerror="document.title='broken'"><script>document.title='broken'</script>"""
)
TITLE = "Sandbox: a stand-in for Adobe Target"


@pytest.fixture
def upload(sandbox, until):
    """Upload a batch file, and wait until it is complete."""

    def send(body, place="acme/v2"):
        url = f"{sandbox.url}/m2/{place}/profile/batchUpdate"
        with urllib.request.urlopen(url, body.encode(), timeout=10) as answer:
            said = answer.read().decode()
        address = said.partition("<batchStatus>")[2].partition("</batchStatus>")[0]

        def complete():
            with urllib.request.urlopen(address.replace("&amp;", "&"), timeout=10) as answer:
                return b"<status>complete</status>" in answer.read()

        until(complete)

    return send


def rows(page, index):
    """Give the texts of a table's cells as they are seen."""
    found = page.get_by_role("table").nth(index).locator("tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in found]


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture
def page(sandbox, scheme, watched):
    with watched(color_scheme=scheme) as (opened, _):
        opened.goto(sandbox.url)
        yield opened


@pytest.fixture
def picture(page, scheme, tmp_path):
    folder = Path(os.environ.get("TBPU_PICTURES") or tmp_path)
    return lambda name: page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)


def test_it_shows_batches_and_looks_a_profile_up_by_keys_alone(page, upload, axe, scheme, picture):
    assert "No batch has come in yet." in page.inner_text("main")
    assert axe(page.locator("html")) == []
    body = "batch=thirdPartyId,city,tier\n00042,Z%C3%BCrich,gold\nan+id,Bonn,\n"  # no + in ids
    upload(body)
    upload("batch=pcId,city\n123,Bonn\n", place="other-1")
    page.reload()
    first, second = rows(page, 0)
    assert first[1:9] == ["other-1", "v1", "1", "25", "complete", "0", "1", "0"]
    assert second[1:9] == ["acme", "v2", "2", str(len(body)), "complete", "1", "0", "1"]

    page.get_by_label("Client code").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("00042")
    page.keyboard.press("Enter")
    page.wait_for_url("**id=00042**")
    assert [row[:2] for row in rows(page, 1)] == [["city", "Zürich"], ["tier", "gold"]]
    assert page.get_by_label("Id", exact=True).input_value() == "00042"
    assert axe(page.locator("html")) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 27)"}[scheme]
    for width in (1400, 800, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        picture(f"sandbox-{width}")


def test_what_others_wrote_is_shown_as_text_and_never_run(page, sandbox, upload, axe, picture):
    cell, key = quote(HOSTILE, safe=""), HOSTILE.replace("/", "")
    upload(f"batch=thirdPartyId,{cell}\n{quote(key)},{cell}\n")
    page.goto(f"{sandbox.url}/?{urlencode({'client': 'acme', 'id': key})}")
    assert rows(page, 1)[0][:2] == [HOSTILE, HOSTILE]
    assert page.get_by_label("Id", exact=True).input_value() == key
    check_nothing_ran(page, axe)
    picture("sandbox-hostile")

    query = dict.fromkeys(["client", "keyType", "id"], HOSTILE)
    page.goto(f"{sandbox.url}/?{urlencode(query)}")
    assert page.get_by_role("status").inner_text().count(HOSTILE) == 3
    assert page.get_by_label("Client code").input_value() == HOSTILE
    check_nothing_ran(page, axe)


def check_nothing_ran(page, axe):
    assert page.title() == TITLE
    assert page.locator("img, script").count() == 0
    assert axe(page.locator("html")) == []
