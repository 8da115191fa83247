"""The mapping table in a real JupyterLab: by keys, in both themes, and as it is saved."""

from __future__ import annotations

import pytest

_CELLS = [
    "import pandas as pd, tbpu_toolkit as tbpu",
    """
data = pd.DataFrame({"customer_id": ["00004", "00021"], "First Order": ["1997", ""],
                     "city": ["Zürich", "Bonn"], "<b>x</b>": ["1", "2"]})
table = tbpu.MappingTable(data)
table
""",
    "print(table.mapping.names)",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_there_in_both_themes_and_keeps_its_keys(lab_page, theme):
    lab_page.open(_CELLS)
    lab_page.run_all()
    shown = lab_page.output(1)
    assert "First Order" in shown.inner_text()
    lab_page.pictures("mapping-table", 1)
    lab_page.dress(theme)
    cells = len(lab_page.sources())
    for kind in ("select", "button", "input"):
        shown.locator(kind).first.focus()
        lab_page.press("b", "d", "d")
    assert len(lab_page.sources()) == cells
    assert lab_page.axe(1) == []
