"""The mapping, its rules and the recipe file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tbpu_toolkit import InputError, Mapping, MappingError, Parameter

HEAD = "tbpu_recipe: 1\nkey: id\nkey_type: thirdPartyId\n"


@pytest.mark.parametrize(
    ("key_type", "site_uses_ecid", "version"),
    [
        ("thirdPartyId", None, "v2"),
        ("thirdPartyId", True, "v2"),
        ("thirdPartyId", False, "v2"),
        ("pcId", True, "v1"),
        ("pcId", False, "v2"),
    ],
)
def test_the_version_follows_from_the_key_and_the_site(key_type, site_uses_ecid, version):
    mapping = Mapping("id", key_type, {"a": "a"}, site_uses_ecid=site_uses_ecid)
    assert mapping.api_version == version


def test_under_pc_id_the_version_is_asked_for_and_not_guessed():
    with pytest.raises(MappingError, match="Set site_uses_ecid=True"):
        Mapping("id", "pcId", {"a": "a"}).api_version  # noqa: B018


@pytest.mark.parametrize("name", ["a" * 128, "é" * 128, "😀" * 128, "a,b", " a ", "a\nb", "PCID"])
def test_a_name_of_128_characters_at_most_is_taken_whatever_its_bytes(name):
    assert Parameter(name).name == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 129, "has a name of 129 characters"),
        ("é" * 129, "has a name of 129 characters"),
        ("", "has no name"),
        (" \t", "has no name"),
        ("\u00a0", "has no name"),
        (None, "has no name"),
        ("profile.tier", "Name it 'tier'."),
        ("pcId", "has the name of a key"),
        ("thirdPartyId", "has the name of a key"),
        ("mbox3rdPartyId", "has the name of a key"),
        ("a\ud800", "holds half a character"),
    ],
)
def test_a_name_that_target_would_not_take_is_refused_with_a_reason(name, said):
    with pytest.raises(MappingError) as caught:
        Parameter(name)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["profile.", "profile.profile.tier", "profile.pcId"])
def test_the_name_that_a_refusal_proposes_is_one_that_is_taken(name):
    """'Name it X' must not lead to the next refusal."""
    with pytest.raises(MappingError) as caught:
        Parameter(name)
    _, proposes, proposed = str(caught.value).partition("Name it ")
    if proposes:
        assert Parameter(proposed.rstrip(".").strip("'")).name


@pytest.mark.parametrize(
    ("how", "decimals"),
    [("0", 0), ("0.0", 1), ("0.00", 2), ("0." + "0" * 10, 10), ("date", None), (None, None)],
)
def test_a_format_of_zeros_tells_how_many_decimals(how, decimals):
    assert Parameter("a", how).decimals == decimals


@pytest.mark.parametrize("how", ["", "00", "0.", "0.01", "0." + "0" * 11, "Date", 0, 0.0, ["iso"]])
def test_an_unknown_format_is_refused(how):
    with pytest.raises(MappingError, match=r"which is (not known|a number)"):
        Parameter("a", how)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"key": ""}, "The key is ''"),
        ({"key": 5}, "The key is 5"),
        ({"key_type": "tntId"}, "key_type is 'tntId'. Use one of 'pcId', 'thirdPartyId'."),
        ({"duplicates": "newest"}, "duplicates is 'newest'"),
        ({"site_uses_ecid": "yes"}, "site_uses_ecid is 'yes'"),
        ({"parameters": {}}, "has no parameters"),
        ({"parameters": ["a"]}, "Give a dict of column -> parameter name"),
        ({"parameters": {1: "a"}}, "Column 1 is not text"),
        ({"parameters": {"id": "a"}}, "Column 'id' is the key"),
        ({"parameters": {"a": "x", "b": "x"}}, "given by the columns ['a', 'b']"),
        ({"parameters": {"a": "x", "b": Parameter("x", "0")}}, "given by the columns ['a', 'b']"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused_with_a_reason(words, said):
    with pytest.raises(MappingError) as caught:
        Mapping(**({"key": "id", "key_type": "pcId", "parameters": {"a": "a"}} | words))
    assert said in str(caught.value)
    assert isinstance(caught.value, InputError)


def test_a_mapping_can_not_be_changed():
    mapping = Mapping("id", "thirdPartyId", {"a": "a"})
    with pytest.raises(AttributeError):
        mapping.key = "other"
    with pytest.raises(TypeError):
        mapping.parameters["b"] = Parameter("b")


def test_a_mapping_keeps_its_own_parameters_when_the_given_dict_changes():
    given_parameters = {"a": "a"}
    mapping = Mapping("id", "thirdPartyId", given_parameters)
    given_parameters["b"] = "b"
    assert mapping.names == ("a",)


# --- the recipe file ---------------------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20
) | st.sampled_from(
    [
        "yes",
        "null",
        "1",
        "0x1",
        "2026-11-21",
        "=",
        "<<",
        "~",
        "- a",
        "a: b",
        "#",
        "'",
        '"',
        "\x00",
        "\ufeff",
        "\x85",
        "\u2028",
        "😀",
        "\n",
        " a ",
        "*a",
        "&a",
        "!a",
        "%",
        "12:30",
        "x" * 128,
    ]
)
NAMES = TEXT.filter(
    lambda name: (
        name.strip()
        and not name.startswith("profile.")
        and name not in {"pcId", "thirdPartyId", "mbox3rdPartyId"}
    )
)
FORMATS = st.sampled_from([None, "0", "0.00", "0.000", "date", "iso", "epoch_ms", "1/0", "yes/no"])
PARAMETERS = st.builds(Parameter, NAMES, FORMATS)


@given(
    key=TEXT,
    key_type=st.sampled_from(["pcId", "thirdPartyId"]),
    parameters=st.dictionaries(TEXT, PARAMETERS, min_size=1, max_size=4),
    duplicates=st.sampled_from(["reject", "first", "last", "merge"]),
    site_uses_ecid=st.sampled_from([True, False, None]),
)
def test_any_mapping_comes_back_from_its_recipe_as_it_was(
    key, key_type, parameters, duplicates, site_uses_ecid
):
    parameters.pop(key, None)
    named = {own.name: column for column, own in parameters.items()}
    once = {column: parameters[column] for column in named.values()}
    if not once:
        return
    mapping = Mapping(key, key_type, once, duplicates, site_uses_ecid)
    with tempfile.TemporaryDirectory() as folder:
        path = mapping.save(Path(folder) / "recipe.yaml")
        back = Mapping.load(path)
    assert back == mapping
    assert list(back.parameters) == list(mapping.parameters)
    assert (back.key, back.names) == (key, mapping.names)


def test_a_recipe_is_plain_yaml_with_the_parameters_in_their_order(tmp_path):
    mapping = Mapping("id", "thirdPartyId", {"b": "beta", "a": Parameter("größe", "0.00")}, "merge")
    text = mapping.save(tmp_path / "r.yaml").read_bytes().decode("utf-8")
    assert "größe" in text
    assert "\r" not in text
    assert yaml.safe_load(text) == {
        "tbpu_recipe": 1,
        "key": "id",
        "key_type": "thirdPartyId",
        "duplicates": "merge",
        "site_uses_ecid": None,
        "parameters": {"b": "beta", "a": {"name": "größe", "format": "0.00"}},
    }


def test_a_recipe_may_leave_out_what_has_a_default(tmp_path):
    (tmp_path / "r.yaml").write_text(HEAD + "parameters: {a: b}\n")
    assert Mapping.load(tmp_path / "r.yaml") == Mapping("id", "thirdPartyId", {"a": "b"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with 'tbpu_recipe: 1'"),
        ("[]", "does not begin with 'tbpu_recipe: 1'"),
        ("tbpu_recipe: 2\n", "does not begin with 'tbpu_recipe: 1'"),
        ("a: b: c", "is not valid YAML"),
        ("tbpu_recipe: 1\nkey: a\n", "it lacks ['key_type', 'parameters']"),
        (HEAD + "parameters: {a: b}\nparameter: 1\n", "it holds ['parameter']"),
        (HEAD + "parameters:\n- a\n", "'parameters' are not"),
        (HEAD + "parameters: {}\n", "has no parameters"),
        (HEAD + "parameters: {a: b, a: c}\n", "'a' stands there twice"),
        (HEAD + "key: other\nparameters: {a: b}\n", "'key' stands there twice"),
        (HEAD + "parameters: {a: {name: b, name: c}}\n", "'name' stands there twice"),
        (HEAD + "parameters: {yes: b}\n", "Column True is not text"),
        (HEAD + "parameters: {1: b}\n", "Column 1 is not text"),
        (HEAD + "parameters: {a: yes}\n", "column 'a' is mapped to True"),
        (HEAD + "parameters: {a: {format: date}}\n", "column 'a' is mapped to"),
        (HEAD + "parameters: {a: {name: b, style: c}}\n", "column 'a' is mapped to"),
        (HEAD + "parameters: {a: !!python/object:os.system x}\n", "is not valid YAML"),
        (HEAD + "parameters: {a: b}\nduplicates: newest\n", "duplicates is 'newest'"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_its_name_and_the_reason(tmp_path, text, said):
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        Mapping.load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "tbpu_recipe: 1\nkey: 2026-99-99\n",  # YAML takes it for a date, and there is none such
        HEAD + "parameters: {2026-02-30: b}\n",
        HEAD + "parameters: !!map [a, b]\n",
        "tbpu_recipe: 1\nkey: !!int abc\n",
        HEAD + "parameters: {? [a] : b}\n",
        HEAD + "parameters: &a {x: *a}\n",
        "\x00",
        "\ud7ff\ufffe",
        "[" * 5_000,
    ],
)
def test_no_text_of_a_recipe_file_brings_another_error_than_a_mapping_error(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError):
        Mapping.load(path)


def test_a_missing_recipe_a_folder_and_bytes_that_are_no_text_are_mapping_errors(tmp_path):
    (tmp_path / "r.yaml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "r.yaml"):
        with pytest.raises(MappingError):
            Mapping.load(path)


def test_an_unquoted_format_in_a_recipe_is_refused_with_the_word_that_would_do(tmp_path):
    """YAML reads 0.00 as the number 0.0: the refusal has to say to quote it."""
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + "parameters: {a: {name: b, format: 0.00}}\n")
    with pytest.raises(MappingError, match="quote"):
        Mapping.load(path)
