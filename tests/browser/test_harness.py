"""The harness tells the truth: what it is to notice, it does."""

from __future__ import annotations


def test_it_runs_cells(lab_page):
    lab_page.open(["x = 6 * 7", "print(x)", "x"]).run_all()
    assert lab_page.text(1) == "42\n"
    assert lab_page.text(2) == "42"
