"""JupyterLab's page, and what an analyst does with it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

import nbformat
from playwright.sync_api import Error

from .watch import Watch, find_violations

WIDTHS = (1400, 800)
THEMES = ("light", "dark")
OPENED = """path => {
    const opened = window.jupyterapp?.shell?.currentWidget?.context;
    return opened?.path === path && !document.querySelector('#jupyterlab-splash');
}"""
READY = """async () => {
    const shell = window.jupyterapp.shell, panel = shell.currentWidget;
    for (const other of [...shell.widgets('main')]) if (other !== panel) other.dispose();
    await panel.context.ready;
    await panel.context.sessionContext.ready;
    const kernel = panel.context.sessionContext.session?.kernel;
    if (kernel) await kernel.info;
}"""
RUN = """([command, index, seconds]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    if (index !== null) { notebook.deselectAll(); notebook.activeCellIndex = index; }
    const ended = window.jupyterapp.commands.execute(command).then(() => true);
    const late = new Promise(resolve => setTimeout(resolve, 1000 * seconds, false));
    return Promise.race([ended, late]);
}"""
TIDY = """() => {
    const shell = window.jupyterapp.shell;
    for (const panel of [...shell.widgets('main')]) panel.dispose();
    shell.expandLeft();
    return !document.querySelector('.jp-Dialog');
}"""
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


def joined(source):
    return source if isinstance(source, str) else "".join(source)


class Tab:
    """JupyterLab's page, kept from test to test as long as it can be tidied up."""

    def __init__(self, browser, lab):
        self.browser, self.lab, self.page, self.watch = browser, lab, None, None

    @contextlib.contextmanager
    def lend(self, theme, folder):
        """Give a :class:`LabPage` without a notebook, and check at its end what was noticed."""
        if self.page is None:
            self.load()
        self.watch.forget()
        page = LabPage(self.page, self.watch, self.lab, folder)
        page.resize(WIDTHS[0])
        page.dress(theme)
        try:
            yield page
            self.watch.check()
        finally:
            self.tidy()

    def load(self):
        self.page = self.browser.new_context(reduced_motion="reduce").new_page()
        self.page.set_default_timeout(30_000)
        self.watch = Watch(self.page)
        self.page.goto(f"{self.lab.url}/lab?reset&token={self.lab.token}")
        self.page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")

    def tidy(self):
        self.lab.end_kernels()
        try:
            is_tidy = self.page.evaluate(TIDY)
        except Error:  # the page is closed, or has crashed
            is_tidy = False
        if not is_tidy:
            self.close()

    def close(self):
        if self.page is not None:
            self.page.context.close()
            self.page = None


class LabPage:
    """JupyterLab with one notebook; cells are counted from 0.

    Attributes:
        page: Playwright's page.
        folder: where the notebook lies; the kernel's working directory.
        path: the notebook's file.
        watch: what the page asked for elsewhere, and the errors of its console.

    """

    def __init__(self, page, watch, lab, folder):
        self.page, self.watch, self.lab, self.folder = page, watch, lab, folder
        self.path = None

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
        self.command("docmanager:open", path=self.place, factory="Notebook")
        return self.wait_until_ready()

    @property
    def place(self):
        """Where the server has the notebook."""
        return self.path.relative_to(self.lab.root).as_posix()

    def close(self):
        """Close the notebook without saving it; its kernel lives on."""
        self.page.evaluate(TIDY)

    def reload(self):
        """Load the page anew; the kernel lives on."""
        self.page.reload()
        return self.wait_until_ready()

    def wait_until_ready(self):
        self.page.wait_for_function(OPENED, arg=self.place)
        self.page.evaluate(READY)
        return self

    # running

    def command(self, name, **words):
        """Execute a command of JupyterLab's and wait for its end."""
        script = "([name, words]) => window.jupyterapp.commands.execute(name, words).then(() => 0)"
        self.page.evaluate(script, [name, words])

    def run_all(self, seconds=60):
        """Run every cell; fail where one raises."""
        done = self.page.evaluate(RUN, ["notebook:run-all-cells", None, seconds])
        assert done, f"the cells still run after {seconds} seconds"
        return self.check_cells()

    def run(self, index, seconds=60):
        """Run one cell to its end; fail where it raises."""
        done = self.page.evaluate(RUN, ["notebook:run-cell", index, seconds])
        assert done, f"cell {index} still runs after {seconds} seconds"
        return self.check_cells(index)

    def start(self, index):
        """Start one cell and come back at once."""
        self.page.evaluate(f"words => {{ ({RUN})(words); }}", ["notebook:run-cell", index, 0])

    def check_cells(self, only=None):
        # JupyterLab's command ends well where a cell has failed.
        failed = [
            f"cell {index}: {output['ename']}: {output['evalue']}"
            for index, cell in enumerate(self.cells())
            for output in cell.get("outputs", [])
            if output["output_type"] == "error" and only in {None, index}
        ]
        assert failed == [], "; ".join(failed)
        return self

    # looking

    def kernels(self):
        """Give the ids of the kernels that run."""
        return [kernel["id"] for kernel in self.lab.call("api/kernels")]

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
        body = f"body[data-jp-theme-light={light}]"
        self.page.wait_for_selector(body, state="attached")
        # It covers the page for a moment, and axe can't judge the contrast of what is covered.
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def hide_sidebar(self):
        """Put the list of files away, as who has a narrow window does."""
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

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
