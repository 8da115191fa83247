"""Measure how long a mapping table takes to be there in a browser, and what is sent for it.

From the cell's run in a real JupyterLab until its last row is laid out and painted: medians of
the rounds, and the size of the messages from the kernel. It needs Chromium. Run it with
``python benchmarks/mapping_table.py``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the tests' own JupyterLab serves here as well

from browser.chromium import launch  # noqa: E402 - found by the line above
from browser.page import Tab  # noqa: E402
from browser.server import LabServer  # noqa: E402

if TYPE_CHECKING:
    from browser.page import LabPage

SIZES = (200, 1000)
CELLS = [
    "import pandas as pd, tbpu_toolkit as tbpu\nmade = []",
    'data = pd.DataFrame({"id": ["a", "b"]} | {f"Column {n}": [n, None] for n in range(1, COUNT)})',
    """\
import time
begun = time.perf_counter()
table = tbpu.MappingTable(data)
made.append(time.perf_counter() - begun)
table""",
    "print(made[-1])",
]
SHOW = """async ([index, count]) => {
    const panel = window.jupyterapp.shell.currentWidget, notebook = panel.content;
    const kernel = panel.context.sessionContext.session.kernel;
    let bytes = 0;
    const weigh = (_, { direction, msg }) => {
        if (direction === 'recv') bytes += new Blob([JSON.stringify(msg)]).size;
    };
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    const output = notebook.widgets[index].outputArea;
    kernel.anyMessage.connect(weigh);
    const painted = () => new Promise(next => requestAnimationFrame(() => setTimeout(next)));
    const begun = performance.now();
    const ended = window.jupyterapp.commands.execute('notebook:run-cell');
    const isThere = () => {
        const rows = output.node.querySelectorAll('.tbpu-map-body > .tbpu-map-row');
        return rows.length === count && rows[count - 1].getClientRects().length > 0;
    };
    while (!isThere()) {
        if (performance.now() - begun > 90000) throw new Error("no table within 90 seconds");
        await painted();
    }
    await painted();
    const seconds = (performance.now() - begun) / 1000;
    await ended;
    kernel.anyMessage.disconnect(weigh);
    return [seconds, bytes / 1000];
}"""


def rounds_of(page: LabPage, columns: int, rounds: int) -> list[tuple[float, float, float]]:
    """Give a round's seconds until shown, seconds of Python in it, and KB that the kernel sent."""
    page.open([source.replace("COUNT", str(columns)) for source in CELLS])
    page.run(0).run(1)
    measured = []
    for number in range(rounds + 1):
        page.command("notebook:clear-all-cell-outputs")
        seconds, size = page.page.evaluate(SHOW, [2, columns])
        page.run(3)
        if number:  # the first one loads what the others find loaded
            measured.append((seconds, float(page.text(3)), size))
    return measured


def report(columns: int, measured: list[tuple[float, float, float]]) -> str:
    """Say it in a line."""
    shown, made, size = map(statistics.median, zip(*measured, strict=True))
    return (
        f"{columns:>5,} columns: shown in {shown:.2f} s ({made:.2f} s of it Python), {size:.0f} KB"
    )


def measure(browser: Any, folder: Path, rounds: int) -> None:
    """Print a line a size."""
    lab = LabServer(folder, folder / "home")
    try:
        lab.wait()
        tab = Tab(browser, lab)
        for columns in SIZES:
            place = folder / str(columns)
            place.mkdir()
            with tab.lend("light", place) as page:
                print(report(columns, rounds_of(page, columns, rounds)))
        tab.close()
    finally:
        lab.stop()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="tbpu-") as folder, sync_playwright() as playwright:
        (Path(folder) / "home").mkdir()
        browser = launch(playwright)
        try:
            measure(browser, Path(folder), rounds)
        finally:
            browser.close()


if __name__ == "__main__":
    main()
