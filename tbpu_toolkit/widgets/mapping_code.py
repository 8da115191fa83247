"""A mapping as the code, and as the recipe, that make it again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.parameters import Parameter

_DEFAULTS: Final = {"duplicates": "reject", "site_uses_ecid": None, "personal_data": "block"}


def as_code(mapping: Mapping) -> str:
    """Give the Python that makes an equal mapping.

    >>> from tbpu_toolkit.mapping import Mapping
    >>> print(as_code(Mapping("id", "thirdPartyId", {"tier": "tier", "spent": "spent"}, "last")))
    import tbpu_toolkit as tbpu
    <BLANKLINE>
    mapping = tbpu.Mapping(
        key="id",
        key_type="thirdPartyId",
        parameters={
            "tier": "tier",
            "spent": "spent",
        },
        duplicates="last",
    )

    """
    words = [f"key={_quoted(mapping.key)}", f"key_type={_quoted(mapping.key_type)}"]
    words += _dict("parameters", ((n, _parameter(own)) for n, own in mapping.parameters.items()))
    for name, default in _DEFAULTS.items():
        value = getattr(mapping, name)
        if value != default:
            words.append(f"{name}={_quoted(value) if isinstance(value, str) else value}")
    rulings = mapping.rules.items()
    words += _dict("rules", ((n, f"({_quoted(r.severity)}, {_quoted(r.why)})") for n, r in rulings))
    words += _dict("columns", ((n, _quoted(kind)) for n, kind in mapping.columns.items()))
    lines = "".join(f"    {word},\n" for word in words)
    return f"import tbpu_toolkit as tbpu\n\nmapping = tbpu.Mapping(\n{lines})"


def as_recipe(mapping: Mapping) -> str:
    """Give the recipe file's text that ``Mapping.load`` makes an equal mapping of."""
    with tempfile.TemporaryDirectory(prefix="tbpu-") as folder:
        return mapping.save(Path(folder) / "recipe.yaml").read_text(encoding="utf-8")


def _parameter(own: Parameter) -> str:
    if own.format is None:
        return _quoted(own.name)
    return f"tbpu.Parameter({_quoted(own.name)}, format={_quoted(own.format)})"


def _dict(name: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines = [f"        {_quoted(key)}: {value},\n" for key, value in pairs]
    return [f"{name}={{\n{''.join(lines)}    }}"] if lines else []


def _quoted(text: str) -> str:
    r"""Write *text* as Python would, in double quotes where that needs no other signs.

    >>> print(_quoted("it's"), _quoted("tier"), _quoted('say "a"'))
    "it's" "tier" 'say "a"'
    """
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written
