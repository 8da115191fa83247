"""Feed any bytes to the reader of texts, as a program: ``python tests/fuzz_csv.py FOLDER -runs=N``.

FOLDER gets the file that is read, and the bytes that something escaped from. Whatever is found
becomes a test of its own.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import tbpu_toolkit as tbpu

MAPPING = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
HEADERS = [b"", b"id,v\n", b"id;v\r\n", b"\xef\xbb\xbfid\tv\r", b'sep=|\n"id"|v\n']
SEEDS = [
    b"\1a,1\nb,2\n",
    b'\2"a";"1,5"\r\n\r\nb;"x\ny"\r\n',
    b"\3a\t1\rb\r\r",
    b'\4a|"|"\nb|5"\n"b"|"',
    b"\0" + "id,v\na,é\n".encode("utf-16"),
    b"\0" + "id,v\na,가나\n".encode("cp949"),
    b"\1a,1,2\n\0,\x80\n",
]


def check(data: bytes, path: Path) -> None:
    """Hold the promise: one of our errors, or an account of rows that adds up."""
    path.write_bytes(HEADERS[data[0] % len(HEADERS)] + data[1:] if data else b"")
    try:
        counts = tbpu.validate(path, MAPPING).counts
    except tbpu.SourceError:
        return
    told = counts["ready"] + counts["rejected"] + counts["merged"] + counts["empty"]
    assert counts["rows_in"] == told, counts


def main(folder: Path, words: list[str]) -> None:
    """Let the fuzzer look for bytes that break the promise, and stop at the first."""
    import atheris  # noqa: PLC0415 - this file is imported where there is none

    with atheris.instrument_imports(include=["tbpu_toolkit.sources"]):
        importlib.import_module("tbpu_toolkit.validation")  # the package imports it late
    seeds = folder / "seeds"
    seeds.mkdir()
    for place, seed in enumerate(SEEDS):
        (seeds / str(place)).write_bytes(seed)
    own = [f"-artifact_prefix={folder}/", "-max_len=200", "-len_control=0"]
    # A process is charged with what the one that started it held at most, so its peak says nothing.
    own += ["-rss_limit_mb=0", "-malloc_limit_mb=2048"]
    atheris.Setup([__file__, *own, *words, str(seeds)], lambda data: check(data, folder / "t.csv"))
    atheris.Fuzz()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
