"""The package's face: its names are a contract."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tbpu_toolkit
from tbpu_toolkit import errors

CONTRACT = {
    "File",
    "Loader",
    "MappingTable",
    "Mapping",
    "Parameter",
    "Query",
    "ReportView",
    "Ruling",
    "Run",
    "Sandbox",
    "SendPanel",
    "StatusPanel",
    "TargetClient",
    "Token",
    "ValidationReport",
    "app",
    "explain",
    "open_run",
    "prepare",
    "suggest_mapping",
    "validate",
}


def error_names():
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }


def test_the_public_names_are_the_contract_and_the_errors():
    assert set(tbpu_toolkit.__all__) == CONTRACT | error_names()


def test_the_public_names_are_sorted_and_each_stands_once():
    assert tbpu_toolkit.__all__ == sorted(set(tbpu_toolkit.__all__))


def test_dir_lists_the_public_names():
    assert set(tbpu_toolkit.__all__) <= set(dir(tbpu_toolkit))


@pytest.mark.parametrize("name", tbpu_toolkit.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name):
    value = getattr(tbpu_toolkit, name)
    assert value.__name__ == name
    assert value.__doc__


def test_every_error_is_a_toolkit_error():
    for name in error_names():
        assert issubclass(getattr(errors, name), errors.ToolkitError)


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        tbpu_toolkit.no_such_name  # noqa: B018


def test_importing_the_package_brings_no_heavy_library_with_it():
    """The engine, HTTP, the server and the pictures are imported when they are first used."""
    heavy = "{'duckdb', 'pandas', 'pyarrow', 'requests', 'tornado', 'matplotlib', 'ipywidgets'}"
    code = f"import sys, tbpu_toolkit; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_was_imported_late_is_the_same_object_the_second_time():
    assert tbpu_toolkit.validate is tbpu_toolkit.validate
    from tbpu_toolkit.validation import validate  # noqa: PLC0415

    assert tbpu_toolkit.validate is validate
