"""Files of text: encodings, separators, line ends, quotes, and lines that don't fit."""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib.util
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.sources import open_source


def read(path, **words):
    """Give the names, the rows (blank as ``""``), the ragged rows, the notes, the description."""
    with open_source(tbpu.File(path, **words)) as source:
        fields = ", ".join(f"coalesce({column.sql}, '')" for column in source.columns)
        ragged = source.ragged or "NULL"
        found = source.con.execute(f"SELECT {ragged}, row, {fields} FROM data").fetchall()
        assert [row[1] for row in found] == list(range(1, len(found) + 1))
        return Read(
            [column.name for column in source.columns],
            [list(row[2:]) for row in found],
            {row[1]: row[0] for row in found if row[0] is not None},
            {note.code: note for note in source.notes},
            source.described,
        )


class Read:
    def __init__(self, names, rows, ragged, notes, described):
        self.names = names
        self.rows = rows
        self.ragged = ragged
        self.notes = notes
        self.described = described


@pytest.fixture
def written(tmp_path):
    def written(content, name="t.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return written


# --- encodings ---------------------------------------------------------------------------

GERMAN = "id;größe\r\n00042;schön\r\n00043;Größe 12 €\r\n"
KOREAN = "고객번호,등급\n00042,골드\n00043,실버 회원\n"
ENCODINGS = {
    "utf-8": (GERMAN.encode(), "UTF-8,"),
    "utf-8 with BOM": (GERMAN.encode("utf-8-sig"), "UTF-8 with BOM,"),
    "utf-16 with BOM": (GERMAN.encode("utf-16"), "UTF-16 with BOM,"),
    "utf-16 big with BOM": (codecs.BOM_UTF16_BE + GERMAN.encode("utf-16-be"), "UTF-16 with BOM,"),
    "utf-16": (GERMAN.encode("utf-16-le"), "UTF-16,"),
    "utf-16 big": (GERMAN.encode("utf-16-be"), "UTF-16,"),
    "utf-32 with BOM": (GERMAN.encode("utf-32"), "UTF-32 with BOM,"),
    "cp1252": (GERMAN.encode("cp1252"), "Windows-1252"),
    "korean utf-8": (KOREAN.encode(), "UTF-8,"),
    "korean utf-16": (KOREAN.encode("utf-16-le"), "UTF-16,"),
    "cp949": (KOREAN.encode("cp949"), "Windows-949"),
}


@pytest.mark.parametrize("is_packed", [False, True], ids=["bare", "packed"])
@pytest.mark.parametrize("kind", ENCODINGS)
def test_an_encoding_is_found_out_and_shown(written, kind, is_packed):
    content, shown = ENCODINGS[kind]
    found = read(written(gzip.compress(content) if is_packed else content))
    text = KOREAN if kind.startswith(("korean", "cp949")) else GERMAN
    lines = [re.split("[,;]", line) for line in text.splitlines()]
    assert [found.names, *found.rows] == lines
    assert shown in found.described
    assert ("gzip" in found.described) == is_packed
    assert set(found.notes) == ({"SRC002"} if kind.startswith("cp") else set())


def test_a_guess_is_told_with_cells_to_look_at_and_what_to_say_instead(written):
    note = read(written(GERMAN.encode("cp1252"))).notes["SRC002"]
    assert note.examples == ((1, "…chön…"), (2, "…Größe…"))
    assert "guess" in note.message
    note = read(written("größe;id\na;b\n".encode("cp1252"))).notes["SRC002"]
    assert note.examples == ((None, "größe"),)


@pytest.mark.parametrize(
    "text",
    ["21°C", "Société Générale", "ÄRZTE", "naïve", "§ 5", "São Paulo", "Ångström", "ø"],
)
def test_what_is_western_is_not_taken_for_korean(written, text):
    found = read(written(f"id,v\na,{text}\n".encode("cp1252")))
    assert found.rows == [["a", text]]


@pytest.mark.parametrize("place", [10, 5_000_000])
def test_a_byte_that_is_not_utf_8_is_noticed_wherever_it_stands(written, place):
    lines = b"id,v\n" + b"a,1\n" * (place // 4) + b"b,\xe9\n"
    assert "SRC002" in read(written(lines)).notes


def test_what_an_encoding_can_not_be_names_line_and_byte_and_the_remedy(written):
    path = written(b"id,v\na,1\r\nb,\x81\n")
    with pytest.raises(tbpu.SourceError, match=r"line 3, byte 13\b.*encoding="):
        read(path)
    with pytest.raises(tbpu.SourceError, match="line 2, byte 8"):
        read(written("id,v\na,é\n".encode("cp1252")), encoding="utf-8")


def test_an_encoding_that_was_asked_for_is_followed_and_no_guess(written):
    path = written("id,v\na,Привет\n".encode("cp1251"))
    found = read(path, encoding="cp1251")
    assert found.rows == [["a", "Привет"]]
    assert found.notes == {}
    assert read(written("id,v\na,é\n".encode("latin-1")), encoding="latin-1").rows == [["a", "é"]]


def test_an_encoding_that_the_mark_contradicts_is_a_source_error(written):
    with pytest.raises(tbpu.SourceError, match="BOM"):
        read(written("id,v\na,1\n".encode("utf-8-sig")), encoding="cp1252")
    for name in ("utf-8", "utf-8-sig", "UTF8"):
        assert read(written("id,v\na,1\n".encode("utf-8-sig")), encoding=name).names == ["id", "v"]


@pytest.mark.parametrize("marks", [1, 2])
def test_a_byte_order_mark_is_no_part_of_a_name(written, marks):
    assert read(written(codecs.BOM_UTF8 * marks + b"id,v\na,1\n")).names == ["id", "v"]


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"x" * 99, b"\xd0\xcf\x11\xe0" * 9, b"%PDF-1"])
def test_another_kind_of_file_under_the_name_of_a_text_is_named(written, content):
    with pytest.raises(tbpu.SourceError, match="whatever its name says"):
        read(written(content))


def test_a_packed_file_is_known_by_its_bytes_and_not_by_its_name_alone(written):
    assert read(written(gzip.compress(b"id,v\na,1\n"), "t.csv")).rows == [["a", "1"]]
    with pytest.raises(tbpu.SourceError, match="not packed"):
        read(written(b"id,v\na,1\n", "t.csv.gz"))
    with pytest.raises(tbpu.SourceError, match="empty"):
        read(written(gzip.compress(b""), "t.csv.gz"))


# --- separators --------------------------------------------------------------------------


def test_a_sign_within_quotes_separates_nothing(tmp_path):
    path = tmp_path / "escaped.csv"
    path.write_text('id,"a &amp;"\na,"x &amp;"\nb,"y &amp;"\n')
    mapping = tbpu.Mapping("id", "thirdPartyId", {"a &amp;": "a"})
    run = tbpu.prepare(path, mapping, tmp_path / "run")
    assert run.preview() == "batch=thirdPartyId,a\na,x%20%26amp%3B\nb,y%20%26amp%3B\n"


@pytest.mark.parametrize(
    ("content", "names", "shown", "is_doubtful"),
    [
        ("id,v\na,1\n", ["id", "v"], "commas", False),
        ("id;v\na;1,5\n", ["id", "v"], "semicolons", False),
        ("id\tv\na\t1\n", ["id", "v"], "tabs", False),
        ("id|v\na|1\n", ["id", "v"], "bars", False),
        ('"a,b,c";v\n1;2\n', ["a,b,c", "v"], "semicolons", False),
        ("a;b,c\n1;2\n3;4\n", ["a", "b,c"], "semicolons", False),
        ("a;b,c\n1,2\n3,4\n", ["a;b", "c"], "commas", False),
        ("a;b,c\n1;2,3\n", ["a;b", "c"], "commas", True),
        ("a;b;c,d\n1;2;3,5\n", ["a", "b", "c,d"], "semicolons", True),
        ("a;b,c\n", ["a;b", "c"], "commas", True),
        ("id\na\n", ["id"], "a single column", False),
        ('"id;v"\n"a;b"\n', ["id;v"], "a single column", False),
    ],
)
def test_a_separator_is_found_out_by_the_first_lines(written, content, names, shown, is_doubtful):
    found = read(written(content))
    assert found.names == names
    assert shown in found.described
    assert ("SRC003" in found.notes) == is_doubtful
    assert found.ragged == {}


def test_a_doubtful_separator_is_told_with_its_rival(written):
    assert "semicolons" in read(written("a;b,c\n1;2,3\n")).notes["SRC003"].message


def test_tabs_go_first_in_a_file_of_tabs(written):
    assert read(written("a,b\tc\n1,2\t3\n", "t.tsv")).names == ["a,b", "c"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|", "~", " ", "§", "😀", "1", "\\"])
def test_a_separator_that_was_asked_for_is_followed(written, sign):
    found = read(written(f'id{sign}v\n"a{sign}b"{sign}x\n'), separator=sign)
    assert (found.names, found.rows) == (["id", "v"], [[f"a{sign}b", "x"]])


@pytest.mark.parametrize("said", ["sep=;", "SEP=;", '"sep=;"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_first_line_of_excel_that_names_the_separator_is_understood(written, said, end, mark):
    found = read(written(f"{mark}{said}{end}id;v{end}a;1,5{end}b;2{end}b;2;3{end}"))
    assert (found.names, found.rows) == (["id", "v"], [["a", "1,5"], ["b", "2"], ["b", "2"]])
    assert "sep=;" in found.described.lower()
    assert "line 5" in found.ragged[3]
    clean = read(written(f"{mark}{said}{end}id;v{end}a;1,5{end}"))
    assert (clean.names, clean.rows) == (["id", "v"], [["a", "1,5"]])


def test_a_separator_that_was_asked_for_goes_before_the_first_line(written):
    found = read(written("sep=;\nid,v\na,1\n"), separator=",")
    assert (found.names, found.rows) == (["id", "v"], [["a", "1"]])
    assert "sep" not in found.described.removeprefix("'t.csv'").replace("separated", "")


def test_a_german_file_of_excel_keeps_its_decimal_commas(written):
    content = 'Kunde;Umsatz\r\n00042;1.234,56\r\n"Müller; Hans";-0,5\r\n'.encode("utf-8-sig")
    assert read(written(content)).rows == [["00042", "1.234,56"], ["Müller; Hans", "-0,5"]]


# --- lines that don't fit ------------------------------------------------------------------

RAGGED = {
    "more": ("id,v\na,1,2\nb,2\n", [["a", "1"], ["b", "2"]], {1: "line 2 has 3 cells"}),
    "fewer": ("id,v,w\na,1\nb,2,3\n", [["a", "1", ""], ["b", "2", "3"]], {1: "line 2 has 2 cells"}),
    "one": ("id,v\na,1\nb\n", [["a", "1"], ["b", ""]], {2: "line 3 has 1 cell "}),
    "a separator at the end": ("id,v\na,1,\nb,2\n", [["a", "1"], ["b", "2"]], {1: "has 3 cells"}),
    "a separator at every end": ("id,v\na,1,\nb,2,\n", [["a", "1"], ["b", "2"]],
                                 {1: "has 3 cells", 2: "has 3 cells"}),
    "shifted": ("id,v,w\na,Smith, J,\n", [["a", "Smith", " J"]], {1: "line 2 has 4 cells"}),
    "evened out": ("id,v\na\nb,1,2\n", [["a", ""], ["b", "1"]],
                   {1: "line 2 has 1 cell", 2: "line 3 has 3 cells"}),
    "behind empty lines": ("id,v\n\n\na\n", [["a", ""]], {1: "line 4 has 1 cell"}),
    "behind a cell of lines": ('id,v\na,"1\n2\n"\nb\n', [["a", "1\n2\n"], ["b", ""]],
                               {2: "line 5 has 1 cell"}),
    "white space": ("id,v\na,1\n   \n", [["a", "1"], ["   ", ""]], {2: "line 3 has 1 cell"}),
    "last, unended": ("id,v\na,1\nb,2,3", [["a", "1"], ["b", "2"]], {2: "line 3 has 3 cells"}),
    "one column": ("id\na\nb,c\n", [["a"], ["b"]], {2: "has 2 cells where the header has 1 name,"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", RAGGED)
def test_a_ragged_line_is_a_row_that_says_so(written, kind):
    content, rows, said = RAGGED[kind]
    found = read(written(content))
    assert found.rows == rows
    assert found.ragged.keys() == said.keys()
    assert all(said[row] in found.ragged[row] for row in said)


def test_what_is_said_of_a_ragged_line_quotes_it(written):
    found = read(written('id,v\na,1\nb,2,"x,y",\'\n'))
    assert found.ragged[2] == (
        'line 3 has 4 cells where the header has 2 names, and reads: b,2,"x,y",\''
    )
    found = read(written("id,v\n" + "x" * 300 + "\n"))
    assert found.ragged[1].endswith("reads: " + "x" * 200 + "…")


def test_many_lines_are_read_in_their_order_where_some_are_ragged(written):
    lines = [f"{number},{number * 7}" for number in range(70_000)]
    lines[50_000] += ",x"
    found = read(written("\n".join(["id,v", *lines]) + "\n"))
    assert list(found.ragged) == [50_001]
    assert "line 50,002 " in found.ragged[50_001]
    assert found.rows == [line.split(",")[:2] for line in lines]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('id,v\na,"1\nb,2\n', 2),
        ('id,v\na,"1\n2"\n\nb,"2', 5),
        ('id,v\na,"1\n2","\nb', 3),
        ('id,v\r\na,1\r\nb,"\r\n\r\n', 3),
        ('id,v\n"a"b,1\n', 2),
        ('id,v\na,1\n"b" ,1\n', 3),
        ('id,v\na,1\nb, "1,2"\n', 3),
    ],
)
def test_a_quote_that_is_not_as_it_should_be_stops_the_load_at_its_line(written, content, line):
    with pytest.raises(tbpu.SourceError, match=rf"line {line}\b.*(quote|quoted)"):
        read(written(content))


def test_a_quote_that_opens_at_the_begin_of_a_large_file_is_named_in_bounded_memory(written):
    with pytest.raises(tbpu.SourceError, match=r"line 2\b.*quote"):
        read(written(b'id,v\na,"1\n' + b"b,2\n" * 5_000_000))


# --- line ends, empty lines, odd signs -----------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_empty_lines_are_no_rows_and_are_told(written, end, quote):
    lines = ["id,v", "", f"a,{quote}1{quote}", "", "", "b,2", ""]
    found = read(written("".join(line + end for line in lines)))
    assert found.rows == [["a", "1"], ["b", "2"]]
    assert "4 empty lines" in found.notes["SRC004"].message
    assert set(found.notes) == {"SRC004"}


def test_an_empty_line_of_a_single_column_is_no_row_either(written):
    found = read(written('id\na\n\n""\nb\n'))
    assert found.rows == [["a"], [""], ["b"]]
    assert "1 empty line " in found.notes["SRC004"].message


def test_empty_lines_within_a_cell_belong_to_the_cell(written):
    found = read(written('id,v\na,"\n\n1\r\n\r\n"\nb,2\n'))
    assert found.rows == [["a", "\n\n1\r\n\r\n"], ["b", "2"]]
    assert found.notes == {}


def test_line_ends_of_several_kinds_all_end_a_line_and_are_told(written):
    found = read(written("id,v\r\na,1\nb,2\rc,3\r\nd,4"))
    assert found.rows == [["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"]]
    assert "2 CR LF" in found.notes["SRC005"].message


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"id,v\na\0b,\0\nb,1\n", [["a\0b", "\0"], ["b", "1"]]),
        (b'id,v\na\0,"\0"\nb\n', [["a\0", "\0"], ["b", ""]]),
        (b"id,v\na,NA\nb,nan\nc,\n", [["a", "NA"], ["b", "nan"], ["c", ""]]),
        (b'id,v\n a , 1 \n"  b"," "\n', [[" a ", " 1 "], ["  b", " "]]),
        (b"id,v\n#a,1\n-- b,\\\n", [["#a", "1"], ["-- b", "\\"]]),
        (b'id,v\na,5" pipe\nb,"5"" pipe"\n', [["a", '5" pipe'], ["b", '5" pipe']]),
        (b"id,v\n,\n", [["", ""]]),
        (b"id,v\n", []),
        (b"id,v", []),
    ],
)
def test_cells_are_read_as_they_stand(written, content, rows):
    assert read(written(content)).rows == rows


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,,v", ["id", "", "v"]),
        ("id,id,v", ["id", "id", "v"]),
        (" id ,Id,v", [" id ", "Id", "v"]),
        ('id,"v\nw",x', ["id", "v\nw", "x"]),
        ("1,2,3", ["1", "2", "3"]),
        (",,", ["", "", ""]),
    ],
)
def test_names_are_read_as_they_stand(written, header, names):
    found = read(written(f"{header}\na,b,c\n"))
    assert (found.names, found.rows) == (names, [["a", "b", "c"]])


@pytest.mark.parametrize("content", ["\nid,v\n", "   \nid,v\n", "sep=,\n", "sep=,\n\nid,v\n", "\n"])
def test_a_first_line_without_names_is_a_source_error(written, content):
    with pytest.raises(tbpu.SourceError, match="empty line"):
        read(written(content))


def test_a_cell_of_many_megabytes_is_read_and_a_longer_line_is_named(written):
    for tail, ragged in (("", 0), (",x", 1)):  # by the engine, and line by line
        found = read(written("id,v\na," + "x" * 16_000_000 + f"\nb,2{tail}\n"))
        assert [len(row[1]) for row in found.rows] == [16_000_000, 1]
        assert len(found.ragged) == ragged
    with pytest.raises(tbpu.SourceError, match="line 3 is longer than"):
        read(written("id,v\na,1\nb," + "x" * 40_000_000 + "\n"))


# --- what a file is told to be -------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"path": 5}, "path"),
        ({"path": "t.csv", "sheet": 0}, "sheet=0"),
        ({"path": "t.csv", "separator": ""}, "separator=''"),
        ({"path": "t.csv", "separator": ",,"}, "separator=',,'"),
        ({"path": "t.csv", "separator": '"'}, "separator="),
        ({"path": "t.csv", "separator": "\n"}, "separator="),
        ({"path": "t.csv", "encoding": "ansi1252"}, "encoding='ansi1252'"),
        ({"path": "t.csv", "encoding": "hex"}, "encoding='hex'"),
        ({"path": "t.csv", "encoding": "utf-8\0"}, "encoding="),
        ({"path": "t.csv", "encoding": 1252}, "encoding=1252"),
    ],
)
def test_words_that_no_file_can_follow_are_refused_at_once(words, said):
    with pytest.raises(tbpu.InputError, match=re.escape(said)):
        tbpu.File(**words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("t.csv", {"sheet": "Customers"}),
        ("t.xlsx", {"separator": ";"}),
        ("t.xlsx", {"encoding": "utf-8"}),
        ("t.parquet", {"sheet": "Customers"}),
        ("t.parquet", {"separator": ";"}),
        ("t.parquet", {"encoding": "utf-8"}),
    ],
)
def test_words_that_this_kind_of_file_can_not_follow_are_a_source_error(written, name, words):
    with pytest.raises(tbpu.SourceError, match=next(iter(words))):
        read(written(b"id,v\na,1\n", name), **words)


def test_a_file_can_not_be_changed_and_compares_by_what_it_says(tmp_path):
    file = tbpu.File(str(tmp_path / "t.csv"), separator=";")
    assert file == tbpu.File(tmp_path / "t.csv", separator=";")
    with pytest.raises(AttributeError):
        file.separator = ","


def test_the_folder_of_copies_goes_with_the_source(written):
    with open_source(written(GERMAN.encode("utf-16"))) as source:
        folder = source.folder
        assert [path.name for path in folder.glob("*.csv")] == ["text.csv"]
    assert not folder.exists()


# --- any table ---------------------------------------------------------------------------

SIGNS = st.one_of(
    st.sampled_from(list(",;|\t\"'\r\n \\ab0é가€\0\ufeff")), st.characters(codec="utf-8")
)
CELLS = st.text(SIGNS, max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6)
EVEN_TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
)
FILES = st.fixed_dictionaries(
    {
        "table": TABLES | EVEN_TABLES,
        "separator": st.sampled_from(",;|\t"),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "encoding": st.sampled_from(
            ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp949", "cp1252"]
        ),
        "is_packed": st.booleans(),
    }
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=FILES)
def test_every_cell_of_any_table_comes_back(tmp_path, file):
    """What Python writes is read as Python reads it, and uneven lines are named."""
    text = io.StringIO(newline="")
    csv.writer(
        text, delimiter=file["separator"], lineterminator=file["end"], quoting=file["quoting"]
    ).writerows(file["table"])
    content = text.getvalue().encode(file["encoding"], "replace")
    (tmp_path / "t.csv").write_bytes(gzip.compress(content) if file["is_packed"] else content)
    lines = io.StringIO(content.decode(file["encoding"]).lstrip("\ufeff"), newline="")
    header, *rows = csv.reader(lines, delimiter=file["separator"])
    rows = [row for row in rows if row]  # Python quotes no lone CR, which then ends a line
    try:
        found = read(tmp_path / "t.csv", separator=file["separator"], encoding=file["encoding"])
    except tbpu.SourceError as error:
        assert "begins with an empty line" in str(error)  # noqa: PT017 - either is right
        assert "".join(header).strip() == ""
        return
    width = len(header)
    assert found.names == header
    assert found.rows == [(row + [""] * width)[:width] for row in rows]
    assert list(found.ragged) == [n for n, row in enumerate(rows, 1) if len(row) != width]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris is not installed")
def test_no_bytes_break_the_reader_or_the_account_of_rows(tmp_path):
    program = [sys.executable, Path(__file__).with_name("fuzz_csv.py"), tmp_path]
    done = subprocess.run(
        [*program, "-max_total_time=8"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"Done (\d+) runs", done.stderr)[1]) > 10
