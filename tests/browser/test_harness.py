"""The harness tells the truth: what it is to notice, it notices, and what it says is so."""

from __future__ import annotations

import json
import sys

import pytest

import tbpu_toolkit as tbpu

from .chromium import find_chromium

OUTSIDE = "//192.0.2.1/"  # an address that is kept for documentation, and is nobody's
NEXT_TO = "import json, os, sys, tbpu_toolkit as t\n"
ABOUT = "print(json.dumps([sys.executable, t.__file__, os.getcwd()]))"
ASK = "import urllib.request\nurllib.request.urlopen('http:{}', timeout=5)"


def told(words):
    return pytest.raises(AssertionError, match=words)


def test_cells_run_in_this_python_and_their_errors_are_told(lab_page):
    lab_page.open([NEXT_TO + ABOUT, "1 / 0", ASK.format(OUTSIDE), "1 + 1", "input()"])
    assert json.loads(lab_page.run(0).text(0)) == [
        sys.executable,
        tbpu.__file__,
        str(lab_page.folder),
    ]
    with told("cell 1: ZeroDivisionError: division by zero"):
        lab_page.run(1)
    with told(r"cell 2: URLError: .*Connection refused"):
        lab_page.run(2)
    assert lab_page.run(3).text(3) == "2"
    with told("cell 1: ZeroDivisionError"):
        lab_page.run_all()
    assert [len(cell["outputs"]) for cell in lab_page.save()["cells"]] == [1, 1, 0, 0, 0]


def test_a_cell_that_does_not_end_is_told(lab_page):
    lab_page.open(["import time\ntime.sleep(60)", "x = 1"])
    lab_page.start(0)
    assert lab_page.outputs(0) == []  # it came back at once
    with told(r"cell 1 still runs after 0\.2 seconds"):
        lab_page.run(1, seconds=0.2)


def test_a_notebook_is_given_with_its_keys_and_themes(lab_page):
    """One notebook for all that is no fault, for each takes a second."""
    lab_page.open(["'first'", "'second'", "'third'"]).run_all()
    assert lab_page.page.locator(".jp-NotebookPanel").count() == 1
    lab_page.command_mode(1)
    lab_page.press("d", "d")
    assert lab_page.sources() == ["'first'", "'third'"]
    lab_page.press("b")
    assert lab_page.sources() == ["'first'", "'third'", ""]
    lab_page.dress("dark")
    assert lab_page.page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
    assert lab_page.save()["cells"][1]["outputs"][0]["data"]["text/plain"] == ["'third'"]
    kernels = lab_page.kernels()
    assert lab_page.reload().text(0) == "'first'"
    assert lab_page.kernels() == kernels
    assert len(kernels) == 1


@pytest.mark.parametrize("theme", ["dark"])
def test_violations_and_pictures_are_those_of_the_theme(lab_page):
    shown = "from IPython.display import HTML\n" + 'HTML("""{}""")'
    faulty = "<p style='color: var(--jp-layout-color2)'>pale</p><button></button>"
    lab_page.open([shown.format(faulty), shown.format("<p style='height: 1500px'>tall</p>")])
    lab_page.run_all()
    for light in ("false", "true"):
        body = lab_page.page.locator("body")
        assert body.get_attribute("data-jp-theme-light") == light
        assert {rule for rule, _, _ in lab_page.axe(0)} == {"color-contrast", "button-name"}
        assert lab_page.axe(1) == []
        lab_page.dress("light")
    lab_page.dress("dark")
    shots = lab_page.pictures("tall", 1)
    names = ["tall-dark-800", "tall-dark-1400", "tall-light-800", "tall-light-1400"]
    assert [path.stem for path in shots] == names
    assert len({path.read_bytes() for path in shots}) == 4
    for path in shots:
        data = path.read_bytes()  # the width and the height come after the PNG's first 16 bytes
        width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
        assert height > 1500
        assert width < int(path.stem.rpartition("-")[2])


def test_what_is_elsewhere_is_neither_reached_nor_overlooked(watched):
    failures = []
    with told("outside this machine"), watched() as (page, watch):
        page.on("requestfailed", lambda request: failures.append(request.failure))
        page.evaluate(f"fetch('http:{OUTSIDE}').catch(() => 0)")
        page.evaluate(
            f"new Promise(end => {{ new WebSocket('ws:{OUTSIDE}').onclose = () => end(0); }})"
        )
    assert failures == ["net::ERR_PROXY_CONNECTION_FAILED"]
    assert watch.elsewhere == [f"http:{OUTSIDE}", f"ws:{OUTSIDE}"]


@pytest.mark.parametrize(
    "script", ["console.error('no good')", "setTimeout(() => { throw Error('no good') })"]
)
def test_an_error_in_the_console_is_not_overlooked(watched, script):
    with told("no good"), watched() as (page, _):
        page.evaluate(f"() => {{ {script}; }}")
    with watched() as (page, watch):
        watch.allowed.append("no good")
        page.evaluate(f"() => {{ console.log('fine'); {script}; }}")


def test_the_page_of_jupyterlab_is_watched_and_used_again(tab, lab, tmp_path):
    with told("no good"), tab.lend("light", tmp_path) as page:
        page.open(["1"]).page.evaluate("console.error('no good')")
    with tab.lend("dark", tmp_path) as page:
        assert page.page.locator(".jp-NotebookPanel").count() == 0
        assert lab.call("api/kernels") == []
        assert page.open(["2"]).run_all().text(0) == "2"


def test_without_a_browser_the_tests_are_left_out_or_fail_where_it_is_required(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("TBPU_REQUIRE", "postgres")
    with pytest.raises(pytest.skip.Exception, match="no Chromium is on this machine"):
        find_chromium()
    monkeypatch.setenv("TBPU_REQUIRE", "postgres browser")
    with pytest.raises(pytest.fail.Exception, match="no Chromium is on this machine"):
        find_chromium()
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert find_chromium() == sys.executable
