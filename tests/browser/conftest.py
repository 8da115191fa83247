"""A real JupyterLab in a real Chromium, for the tests in this folder.

One JupyterLab and one Chromium serve them all, and are gone after the last: Playwright keeps an
event loop running in the main thread, which other tests could not bear. Each test has a notebook,
a kernel and a folder (its ``tmp_path``) of its own. JupyterLab's page is kept, for it takes four
times as long to load as a notebook does; ``lab_page.reload()`` gives a fresh one::

    def test_a_click(lab_page):
        lab_page.open(["import ipywidgets as w", "w.Button(description='Go')"]).run_all()
        lab_page.cell(1).get_by_role("button", name="Go").click()
        assert lab_page.axe(1) == []

At its end the page must have asked for nothing outside this machine, and its console must be
without an error. ``CHROMIUM`` names the browser where it is not on the path as ``chromium`` or
``google-chrome``; pictures go to the folder that ``TBPU_PICTURES`` names, else to ``tmp_path``.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from .chromium import ABSENT, find_chromium, launch
from .page import WIDTHS, Tab
from .server import LabServer
from .watch import Watch, find_violations

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Say in one line for all of them that they were left out."""
    report = yield
    if report.skipped and ABSENT in str(report.longrepr):
        report.longrepr = (str(HERE), None, f"Skipped: {ABSENT}")
    return report


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    server = LabServer(tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("lab"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="package")
def browser():
    find_chromium()  # before Playwright starts what would have to be ended again
    before = set(threading.enumerate())
    with sync_playwright() as playwright:
        started = launch(playwright)
        try:
            yield started
        finally:
            started.close()
    # One waits for Playwright's own process, and is left to end by itself.
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


@pytest.fixture
def watched(browser):
    """Open a plain page: ``with watched(color_scheme="dark") as (page, watch)``.

    It fails at its end where the page asked for something elsewhere or its console has an error.
    """

    @contextlib.contextmanager
    def tab(**options):
        options = {"viewport": {"width": WIDTHS[0], "height": 1000}} | options
        context = browser.new_context(reduced_motion="reduce", **options)
        try:
            page = context.new_page()
            watch = Watch(page)
            yield page, watch
            watch.check()
        finally:
            context.close()

    return tab


@pytest.fixture
def axe(browser):  # noqa: ARG001 - skips with it
    """Look for violations of WCAG A and AA: ``axe(locator) == []``."""
    return find_violations


@pytest.fixture
def theme():
    """The theme of ``lab_page``: ``@pytest.mark.parametrize("theme", ["light", "dark"])``."""
    return "light"


@pytest.fixture(scope="package")
def tab(browser, lab):
    kept = Tab(browser, lab)
    yield kept
    kept.close()


@pytest.fixture
def lab_page(tab, theme, tmp_path):
    with tab.lend(theme, tmp_path) as page:
        yield page
