"""A real JupyterLab in a real Chromium, for the tests in this folder.

One JupyterLab and one Chromium serve them all, and are gone after the last: Playwright keeps an
event loop running in the main thread, which other tests could not bear. Each test has a page, a
kernel and a folder (its ``tmp_path``) of its own::

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
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import sync_playwright

import tbpu_toolkit as tbpu

HERE = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "localhost"}
NOWHERE = "http://127.0.0.1:1"  # a proxy that is not there: what is not loopback ends here
WIDTHS = (1400, 800)
THEMES = ("light", "dark")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SETTINGS = {
    # Windowing leaves cells out of the document that are out of sight.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # The theme follows the browser's colour scheme, so that one server shows both.
    "apputils-extension/themes": {"adaptive-theme": True},
}


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


# --- the server


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def environment(home, token):
    """Nothing of the user's Jupyter, no way out of the machine, and the package on the path."""
    own = ("JUPYTER", "IPYTHON", "TBPU_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    package = str(Path(tbpu.__file__).parents[1])
    proxies = dict.fromkeys(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"], NOWHERE)
    places = ["CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR"]
    return (
        kept
        | proxies
        | {f"JUPYTER_{place}": str(home / place.lower()) for place in places}
        | {
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "JUPYTER_TOKEN": token,
            "NO_PROXY": ",".join(LOOPBACK),
            "no_proxy": ",".join(LOOPBACK),
            "PYTHONPATH": os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH")])),
        }
    )


class LabServer:
    """JupyterLab on loopback, with settings of its own; *root* is the folder that it serves."""

    def __init__(self, root, home):
        self.root, self.log = root, home / "lab.log"
        self.port, self.token = free_port(), secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{self.port}"
        for name, values in SETTINGS.items():
            path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        words = ["--no-browser", "--allow-root", "--expose-app-in-browser", "--ip=127.0.0.1"]
        words += [f"--port={self.port}", "--ServerApp.port_retries=0"]
        words += [f"--ServerApp.root_dir={root}", "--ServerApp.terminals_enabled=False"]
        words += ["--LabApp.news_url=", "--LabApp.extension_manager=readonly"]
        words += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *words],
                env=environment(home, self.token),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def call(self, path, method="GET"):
        """Call the server's own interface, and give the status and what it says."""
        head = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/{path}", headers=head, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self, seconds=60):
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                return self.call("api/status")
            text = self.log.read_text(encoding="utf-8", errors="replace")
            assert self.process.poll() is None, f"JupyterLab has ended:\n{text}"
            assert time.monotonic() < end, f"JupyterLab does not answer:\n{text}"
            time.sleep(0.05)

    def end_kernels(self):
        for kernel in self.call("api/kernels"):
            self.call(f"api/kernels/{kernel['id']}", "DELETE")

    def stop(self):
        # It ends its kernels first; kernels have process groups of their own.
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(15)


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    server = LabServer(tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("lab"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


# --- the browser


def chromium():
    """Give the path of the browser, or None where there is none."""
    names = [os.environ.get("CHROMIUM"), "chromium", "google-chrome"]
    return next(filter(None, (shutil.which(name) for name in names if name)), None)


@pytest.fixture(scope="package")
def browser():
    program = chromium()
    if program is None:
        say = pytest.fail if "browser" in os.environ.get("TBPU_REQUIRE", "") else pytest.skip
        say("no Chromium is on this machine, so the tests in a browser are left out")
    bypass = f"--proxy-bypass-list=<-loopback>;{';'.join(sorted(LOOPBACK))}"
    with sync_playwright() as playwright:
        words = [f"--proxy-server={NOWHERE}", bypass]
        started = playwright.chromium.launch(executable_path=program, args=words)
        try:
            yield started
        finally:
            started.close()


class Watch:
    """What a page asked for elsewhere, and what its console said that is an error.

    ``allowed`` holds parts of messages that a test means to provoke.
    """

    def __init__(self, page):
        self.elsewhere, self.messages, self.allowed = [], [], []
        page.on("request", lambda request: self.note(request.url))
        page.on("websocket", lambda socket: self.note(socket.url))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("console", self.listen)

    def note(self, url):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOOPBACK:
            self.elsewhere.append(url)

    def listen(self, message):
        if message.type == "error":
            self.messages.append(f"{message.text} ({message.location.get('url', '')})")

    @property
    def errors(self):
        return [text for text in self.messages if not any(part in text for part in self.allowed)]

    def check(self):
        assert self.elsewhere == [], "asked for outside this machine"
        assert self.errors == [], "errors in the console"


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


def find_violations(locator):
    """Give what axe finds against WCAG A and AA in an element: rule, impact, elements."""
    locator.page.evaluate(AXE_SCRIPT)
    found = locator.evaluate(
        "(node, tags) => axe.run(node, {runOnly: tags, resultTypes: ['violations']})", WCAG
    )
    return [
        (
            one["id"],
            one["impact"],
            [f"{node['html'][:200]} … {node.get('failureSummary')}" for node in one["nodes"]],
        )
        for one in found["violations"]
    ]


@pytest.fixture
def axe(browser):  # noqa: ARG001 - skips with it
    """Look for violations of WCAG A and AA: ``axe(locator) == []``."""
    return find_violations


# --- the page

READY = """async () => {
    const panel = window.jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.context.sessionContext.ready;
    const kernel = panel.context.sessionContext.session?.kernel;
    if (kernel) await kernel.info;
}"""
RUN = """async ([command, index]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    if (index !== null) { notebook.deselectAll(); notebook.activeCellIndex = index; }
    await window.jupyterapp.commands.execute(command);
    return true;
}"""
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


def joined(source):
    return source if isinstance(source, str) else "".join(source)


class LabPage:
    """A page of JupyterLab on a notebook; cells are counted from 0.

    Attributes:
        page: Playwright's page.
        folder: where the notebook lies; the kernel's working directory.
        path: the notebook's file.
        watch: what the page asked for elsewhere, and the errors of its console.

    """

    def __init__(self, page, watch, lab, folder):
        self.page, self.watch, self.lab, self.folder = page, watch, lab, folder
        self.path = None
        page.set_default_timeout(20_000)

    # opening

    def open(self, notebook):
        """Open a new notebook of the given code cells, or a copy of a notebook's file."""
        if isinstance(notebook, list):
            made = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(source) for source in notebook],
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            )
            self.path = self.folder / "notebook.ipynb"
            nbformat.write(made, self.path)
        else:
            self.path = self.folder / Path(notebook).name
            if self.path != Path(notebook):
                shutil.copyfile(notebook, self.path)
        place = quote(self.path.relative_to(self.lab.root).as_posix())
        self.page.goto(f"{self.lab.url}/lab/tree/{place}?reset&token={self.lab.token}")
        return self.wait_until_ready()

    def reload(self):
        """Load the page anew; the kernel lives on."""
        self.page.reload()
        return self.wait_until_ready()

    def wait_until_ready(self):
        self.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
        self.page.evaluate(READY)
        self.page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")
        return self

    # running

    def command(self, name, **words):
        """Execute a command of JupyterLab's and wait for its end."""
        script = "([name, words]) => window.jupyterapp.commands.execute(name, words).then(() => 0)"
        self.page.evaluate(script, [name, words])

    def run_all(self):
        """Run every cell; fail where one raises."""
        self.page.evaluate(RUN, ["notebook:run-all-cells", None])
        return self.check_cells()

    def run(self, index):
        """Run one cell to its end; fail where it raises."""
        self.page.evaluate(RUN, ["notebook:run-cell", index])
        return self.check_cells(index)

    def start(self, index):
        """Start one cell and come back at once."""
        self.page.evaluate(f"words => {{ ({RUN})(words); }}", ["notebook:run-cell", index])

    def check_cells(self, only=None):
        # JupyterLab's command ends well where a cell has failed.
        failed = [
            f"cell {index}: {output['ename']}: {output['evalue']}"
            for index, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if output["output_type"] == "error" and only in {None, index}
        ]
        assert failed == []
        return self

    # looking

    def cells(self):
        """Give the cells as the notebook's file would hold them."""
        return self.page.evaluate(CELLS)

    def sources(self):
        return [joined(cell["source"]) for cell in self.cells()]

    def outputs(self, index):
        """Give a cell's outputs as the notebook's file would hold them."""
        return self.cells()[index].get("outputs", [])

    def text(self, index):
        """Give what a cell printed and gave as plain text, joined."""
        outputs = self.outputs(index)
        parts = (out.get("text") or out.get("data", {}).get("text/plain", "") for out in outputs)
        return "".join(map(joined, parts))

    def cell(self, index):
        """Locate a cell."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(index)

    def output(self, index):
        """Locate a cell's outputs."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def axe(self, index):
        """Give the violations of WCAG A and AA in a cell's outputs."""
        return find_violations(self.output(index))

    # acting

    def press(self, *keys):
        """Press keys, one after the other, where the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def command_mode(self, index):
        """Select a cell as an analyst does who has left its editor: keys are now shortcuts."""
        self.cell(index).locator(".jp-InputPrompt").click()

    def save(self):
        """Save, and give the notebook as it now is on the disk."""
        self.command("docmanager:save")
        return json.loads(self.path.read_text(encoding="utf-8"))

    # the picture

    def resize(self, width, height=1000):
        self.page.set_viewport_size({"width": width, "height": height})

    def dress(self, theme):
        """Change to the light or the dark theme."""
        self.page.emulate_media(color_scheme=theme)
        light = "true" if theme == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]")

    def hide_sidebar(self):
        """Put the list of files away, as who has a narrow window does."""
        self.command("application:toggle-left-area")

    def picture(self, name, index=None):
        """Take a picture of a cell's outputs in their full height, or of the page as it is."""
        folder = Path(os.environ.get("TBPU_PICTURES") or self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        if index is None:
            self.page.screenshot(path=path)
            return path
        shown, before = self.output(index), self.page.viewport_size
        self.resize(before["width"], int(shown.bounding_box()["height"]) + 400)
        shown.screenshot(path=path)
        self.page.set_viewport_size(before)
        return path

    def pictures(self, name, index=None):
        """Take a picture in both themes, wide and narrow; the page is light and wide afterwards."""
        taken = []
        for theme in reversed(THEMES):
            self.dress(theme)
            for width in reversed(WIDTHS):
                self.resize(width)
                taken.append(self.picture(f"{name}-{theme}-{width}", index))
        return taken


@pytest.fixture
def theme():
    """The theme of ``lab_page``: ``@pytest.mark.parametrize("theme", ["light", "dark"])``."""
    return "light"


@pytest.fixture
def lab_page(browser, watched, lab, theme, tmp_path):  # noqa: ARG001 - no server without a browser
    with watched(color_scheme=theme) as (page, watch):
        yield LabPage(page, watch, lab, tmp_path)
        lab.end_kernels()
