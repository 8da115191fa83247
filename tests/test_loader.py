"""The panel that loads a table, by its controls, without a browser."""

from __future__ import annotations

import gzip
import html
import threading
from pathlib import Path
from typing import ClassVar

import ipywidgets
import pandas as pd
import pyarrow as pa
import pytest
import xlsxwriter

import tbpu_toolkit as tbpu

CSV = "id,city,spent\n00042,Malmö,29.5\n00043,,30\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The notebook's own folder, with a folder of data in it."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    (data / "more" / ".ipynb_checkpoints").mkdir(parents=True)
    (data / "crm.csv").write_text(CSV, encoding="utf-8")
    (data / "till.csv").write_bytes("id;city\n00042;Malmö, hamn\n".encode("cp1252"))
    (data / "more" / "packed.tsv.gz").write_bytes(gzip.compress(b"id\tv\n1\t2\n"))
    (data / "more" / ".ipynb_checkpoints" / "crm.csv").write_text(CSV, encoding="utf-8")
    (data / "photo.png").write_bytes(b"\x89PNG")
    with xlsxwriter.Workbook(data / "book.xlsx") as book:
        book.add_worksheet("Front page").write_row(0, 0, ["nothing"])
        sheet = book.add_worksheet("Kunden")
        sheet.write_row(0, 0, ["id", "tier"])
        sheet.write_row(1, 0, ["00042", "gold"])
        hidden = book.add_worksheet("Old")
        hidden.write_row(0, 0, ["id"])
        hidden.hide()
    return data


@pytest.fixture
def loader_of():
    made = []

    def make(*args, **words):
        loader = tbpu.Loader(*args, **words)
        made.append(loader)
        assert loader.join(30)
        return loader

    yield make
    for loader in made:
        assert loader.join(30)
        loader.close()


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def is_shown(widget):
    return widget.layout.display != "none"


def markup(panel):
    return "\n".join(w.value for w in walk(panel) if isinstance(w, ipywidgets.HTML) and is_shown(w))


def texts(panel):
    """Everything that the panel's lines say; tags are left in."""
    return html.unescape(markup(panel))


def field(panel, description):
    return next(w for w in walk(panel) if getattr(w, "description", "") == description)


def select(panel, description, start):
    """Choose the option whose label begins so, and wait until it was read."""
    control = field(panel, description)
    labels = [label if isinstance(label, str) else label[0] for label in control.options]
    control.index = next(n for n, label in enumerate(labels) if label.startswith(start))
    assert panel.join(30)


def labels(panel, description):
    return [label for label, _ in field(panel, description).options]


def again(loader):
    """Run the lines that repeat the clicks, and give their ``data``."""
    names = {}
    exec(loader.code, names)  # noqa: S102 - it is what is tested
    return names["data"]


# --- what there is to choose from --------------------------------------------------------


def test_what_can_be_read_is_listed_with_its_size_and_nothing_else(folder, loader_of):
    loader = loader_of()
    size = (folder / "book.xlsx").stat().st_size
    assert labels(loader, "File") == [
        "choose a file",
        f"book.xlsx · {size / 1000:.1f} kB",
        f"crm.csv · {len(CSV.encode())} bytes",
        f"more/packed.tsv.gz · {(folder / 'more' / 'packed.tsv.gz').stat().st_size} bytes",
        "till.csv · 26 bytes",
    ]
    assert loader.version == 0
    with pytest.raises(tbpu.InputError, match="No file is chosen"):
        _ = loader.data
    assert "No file is chosen" in loader.problem
    assert repr(loader) == loader.problem


def test_a_missing_and_an_empty_folder_are_told(folder, loader_of):
    assert "There is no folder 'exports'" in texts(loader_of("exports"))
    (folder.parent / "none").mkdir()
    assert "Folder 'none' holds no table" in texts(loader_of("none"))


def test_more_files_than_are_listed_are_told(folder, loader_of):
    for number in range(500):
        (folder / f"day{number}.csv").write_text("id\n1\n")
    loader = loader_of()
    assert len(labels(loader, "File")) == 501
    assert "Only 500 files are listed" in texts(loader)


def test_refresh_lists_and_reads_anew_and_keeps_what_is_chosen(folder, loader_of):
    loader = loader_of()
    select(loader, "File", "crm.csv")
    (folder / "crm.csv").write_text(CSV + "00044,Ystad,1\n", encoding="utf-8")
    (folder / "b.csv").write_text("id\n1\n")
    loader.choice.refresh_button.click()
    assert loader.join(30)
    assert "b.csv · 5 bytes" in labels(loader, "File")
    assert "3 rows and 3 columns" in texts(loader)
    assert loader.data == tbpu.File("data/crm.csv")


# --- files of text -----------------------------------------------------------------------


def test_a_chosen_file_is_shown_as_it_is_read(loader_of):
    loader = loader_of()
    select(loader, "File", "crm.csv")
    said = texts(loader)
    assert "2 rows and 3 columns" in said
    assert "UTF-8, separated by commas, every column read as text" in said
    for cell in ("00042", "Malmö", "29.5", "00043"):
        assert f">{cell}<" in said
    assert loader.data == tbpu.File("data/crm.csv")
    assert again(loader) == loader.data
    assert loader.problem is None
    assert loader.version == 1
    assert repr(loader).startswith("2 rows and 3 columns, read from 'crm.csv'")


def test_no_more_than_ten_rows_are_shown_and_only_the_last_is_not(folder, loader_of):
    (folder / "many.csv").write_text("id\n" + "".join(f"{n:05d}\n" for n in range(1, 13)))
    loader = loader_of(data="data/many.csv")
    said = texts(loader)
    assert ">00010<" in said
    assert "00011" not in said
    assert "The first 10 rows" in said
    assert "12 rows and 1 column" in said


def test_separator_and_encoding_are_told_and_can_be_said(loader_of):
    loader = loader_of(data="data/till.csv")
    assert "separated by semicolons" in texts(loader)
    assert "which is a guess" in texts(loader)
    assert "which is a guess" in repr(loader)
    select(loader, "Separator", "commas")
    assert ">00042;Malmö<" in texts(loader)
    select(loader, "Encoding", "Windows, Korean")
    assert "this is not Korean Windows-949" in loader.problem
    assert again(loader) == tbpu.File("data/till.csv", separator=",", encoding="cp949")
    select(loader, "Encoding", "Windows, Western")
    select(loader, "Separator", "as told")
    assert loader.data == tbpu.File("data/till.csv", encoding="cp1252")
    assert "which is a guess" not in texts(loader)
    assert ">Malmö, hamn<" in texts(loader)


def test_another_sign_and_another_encoding_are_typed(folder, loader_of):
    (folder / "odd.txt").write_bytes("id~city\n00042~Łódź\n".encode("cp1250"))
    loader = loader_of(data="data/odd.txt")
    assert not is_shown(field(loader, "Sign"))
    select(loader, "Separator", "another")
    assert is_shown(field(loader, "Sign"))
    assert "Give one sign" in loader.problem
    field(loader, "Sign").value = "~"
    select(loader, "Encoding", "another")
    field(loader, "Its name").value = "ansi1250"
    assert loader.join(30)
    assert "no encoding of text that Python knows" in texts(loader)
    field(loader, "Its name").value = "cp1250"
    assert loader.join(30)
    assert ">Łódź<" in texts(loader)
    assert again(loader) == tbpu.File("data/odd.txt", separator="~", encoding="cp1250")


def test_what_was_said_of_one_file_is_not_said_of_the_next(loader_of):
    loader = loader_of(data=tbpu.File("data/till.csv", separator="|", encoding="cp1252"))
    assert field(loader, "Separator").value == "|"
    select(loader, "File", "crm.csv")
    assert loader.data == tbpu.File("data/crm.csv")
    assert field(loader, "Separator").label == "as told from the file"


def test_lines_with_too_many_cells_are_told_without_their_values(folder, loader_of):
    (folder / "ragged.csv").write_text("id,v\n1,2\n3,4,secret\n5,6\n")
    said = texts(loader_of(data="data/ragged.csv"))
    assert "1 line has another number of cells" in said
    assert "line 3" in said
    notes = said.partition("noticed meanwhile")[2].partition("</ul>")[0]
    assert "secret" not in notes


# --- workbooks and others ----------------------------------------------------------------


def test_a_workbook_offers_its_sheets_and_no_separator(loader_of):
    loader = loader_of()
    select(loader, "File", "book.xlsx")
    assert labels(loader, "Sheet") == [
        "as told from the file",
        "Front page",
        "Kunden",
        "Old (hidden)",
    ]
    assert not is_shown(field(loader, "Separator"))
    assert "Front page" in texts(loader)
    select(loader, "Sheet", "Kunden")
    assert ">00042<" in texts(loader)
    assert loader.data == again(loader) == tbpu.File("data/book.xlsx", sheet="Kunden")
    select(loader, "File", "crm.csv")
    assert not is_shown(field(loader, "Sheet"))
    assert loader.data == tbpu.File("data/crm.csv")


def test_a_parquet_file_needs_no_words(folder, loader_of):
    pd.DataFrame({"id": ["00042"], "n": [3]}).to_parquet(folder / "t.parquet")
    loader = loader_of(data=folder / "t.parquet")
    assert not is_shown(loader.choice.reading)
    assert ">00042<" in texts(loader)
    assert ">integer<" in texts(loader)


def test_a_path_outside_of_the_folder_is_typed(folder, loader_of):
    outside = folder.parent / "crm export.csv"
    outside.write_text(CSV, encoding="utf-8")
    loader = loader_of()
    field(loader, "Load").value = "path"
    field(loader, "Path").value = str(outside)
    assert loader.join(30)
    assert loader.data == again(loader) == tbpu.File(outside)


# --- DataFrames --------------------------------------------------------------------------


def test_a_dataframe_is_chosen_by_its_name(loader_of):
    frames = {"crm": pd.DataFrame({"id": ["00042"]}), "till": pa.table({"id": [7]})}
    loader = loader_of(frames=frames)
    field(loader, "Load").value = "frame"
    assert labels(loader, "DataFrame") == ["choose a DataFrame", "crm", "till"]
    select(loader, "DataFrame", "till")
    assert loader.data is frames["till"]
    assert loader.code == "data = till\n"
    frames["late"] = pd.DataFrame({"id": ["00077"]})
    loader.choice.refresh_button.click()
    assert loader.join(30)
    select(loader, "DataFrame", "late")
    assert ">00077<" in texts(loader)
    assert not is_shown(loader.choice.reading)


def test_the_variables_of_the_notebook_are_listed(loader_of, monkeypatch):
    class Shell:
        user_ns: ClassVar = {
            "crm": pd.DataFrame({"id": [1]}), "_": pd.DataFrame(), "n": 3,
            "cls": pd.DataFrame, "column": pd.Series([1]), "table": pa.table({"id": [1]}),
        }  # fmt: skip

    monkeypatch.setattr("tbpu_toolkit.widgets.kernel_frames.get_ipython", Shell)
    loader = loader_of(data=Shell.user_ns["crm"])
    assert labels(loader, "DataFrame") == ["choose a DataFrame", "crm", "table"]
    assert loader.code == "data = crm\n"


def test_what_is_no_table_is_refused(loader_of):
    with pytest.raises(tbpu.InputError, match=r"data= is a list\. Give the path"):
        loader_of(data=[1, 2])


# --- bad input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.csv", None, "There is no file"),
        ("empty.csv", b"", "is empty. Export it again."),
        ("odd.pdf", b"%PDF", "is of no kind that is read"),
        ("wrong.csv", b"PK\x03\x04....", "is a workbook or a zip archive"),
        ("broken.xlsx", b"no workbook", "broken.xlsx"),
    ],
)
def test_bad_input_is_one_sentence(folder, loader_of, name, content, said):
    if content is not None:
        (folder / name).write_bytes(content)
    loader = loader_of(data=f"data/{name}")
    assert said in loader.problem
    shown = texts(loader)
    assert "Traceback" not in shown.partition("<details>")[0]
    assert "Traceback" in shown.partition("<details>")[2]
    assert "Traceback" not in loader.summary_html() + repr(loader)
    assert repr(loader) == loader.problem
    with pytest.raises(tbpu.InputError, match=r"\."):
        _ = loader.data


def test_a_file_that_may_not_be_opened_is_told(loader_of, monkeypatch):
    def refuse(_data):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tbpu_toolkit.widgets.first_rows.open_source", refuse)
    said = "File 'data/crm.csv' can't be opened: Permission denied. See who may read it"
    assert said in loader_of(data="data/crm.csv").problem


def test_an_error_is_gone_with_what_caused_it(folder, loader_of):
    (folder / "empty.csv").write_bytes(b"")
    loader = loader_of(data="data/empty.csv")
    assert "empty" in loader.problem
    select(loader, "File", "crm.csv")
    assert loader.problem is None
    assert "Traceback" not in texts(loader)


def test_every_text_is_escaped(folder, loader_of):
    hostile = "<img src=x onerror=alert(1)>"
    (folder / "h.csv").write_text(f"id,{hostile}\n1,<script>alert(2)</script>\n2,a\u202eb\n")
    (folder / f"{hostile}.csv").write_text("id\n1,2\n")
    for name in ("h.csv", f"{hostile}.csv"):
        loader = loader_of(data=f"data/{name}")
        for shown in (markup(loader), loader.summary_html()):
            assert "<img" not in shown
            assert "<script" not in shown
            assert "&lt;img src=x onerror=alert(1)&gt;" in shown
            assert "\u202e" not in shown


# --- saved, and beside the kernel --------------------------------------------------------


def test_a_saved_copy_tells_how_it_was_read_and_holds_no_rows(folder, loader_of):
    (folder / "crm.csv").write_text(CSV + "00044,Anna@example.com,1,2\n", encoding="utf-8")
    bundle = loader_of(data="data/crm.csv")._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    saved = bundle["text/html"]
    for word in ("3 rows and 3 columns", "crm.csv", "UTF-8", ">city<", "1 line has another"):
        assert word in saved
    for value in ("00042", "Malmö", "Anna"):
        assert value not in saved + bundle["text/plain"]
    assert "class=" not in saved.replace('class="tbpu-soft"', "")


def test_reading_does_not_hold_the_kernel_and_the_last_choice_counts(loader_of, monkeypatch, until):
    from tbpu_toolkit.widgets import first_rows  # noqa: PLC0415

    really, may_go, read = first_rows.read_first_rows, threading.Event(), []

    def slowly(data):
        read.append(data)
        assert may_go.wait(30)
        return really(data)

    monkeypatch.setattr(first_rows, "read_first_rows", slowly)
    loader = loader_of()
    control = field(loader, "File")
    names = {Path(value).name: value for _, value in control.options}
    control.value = names["till.csv"]
    until(lambda: "Reading File 'data/till.csv'" in texts(loader))
    assert loader.is_busy
    control.value = names["book.xlsx"]
    control.value = names["crm.csv"]
    assert loader.data == tbpu.File("data/crm.csv")
    may_go.set()
    assert loader.join(30)
    assert [file.path.name for file in read] == ["till.csv", "crm.csv"]
    assert loader.version == 1
    assert "Reading" not in texts(loader)
    assert ">city<" in loader.summary_html()


def test_who_hears_of_a_reading_may_choose_another(loader_of):
    loader, heard = loader_of(), []

    def choose(_change):
        heard.append(loader.data.path.name)
        if len(heard) == 1:
            loader.choice.choose("data/till.csv")
            loader.read()

    loader.observe(choose, "version")
    select(loader, "File", "crm.csv")
    assert heard == ["crm.csv", "till.csv"]
    assert "semicolons" in repr(loader)


def test_every_control_has_a_label(loader_of):
    controls = (ipywidgets.Dropdown, ipywidgets.Text, ipywidgets.Button)
    found = [w for w in walk(loader_of()) if isinstance(w, controls)]
    assert len(found) == 10
    assert all(control.description for control in found)
