"""Which column becomes which profile parameter: the mapping and its recipe file."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from tbpu_toolkit import limits
from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.recipes import read_recipe, write_recipe
from tbpu_toolkit.rulings import Ruling, as_rulings

if TYPE_CHECKING:
    from collections.abc import Mapping as AnyMapping
    from collections.abc import Sequence

    from tbpu_toolkit.limits import KeyType, Version

Duplicates = Literal["reject", "first", "last", "merge"]
PersonalData = Literal["block", "allow"]

_RECIPE_VERSION: Final = 1
_RECIPE_WORDS: Final = {
    "key",
    "key_type",
    "duplicates",
    "site_uses_ecid",
    "personal_data",
    "rules",
    "parameters",
    "columns",
}


@dataclass(frozen=True)
class Mapping:
    """Which column is the key, and which columns become which profile parameters.

    A mapping that exists is valid in itself: names, formats and policies were checked.

    Args:
        key: the column that holds the visitors' ids.
        key_type: ``"thirdPartyId"`` (the id that the site passes as mbox3rdPartyId) or
            ``"pcId"`` (the id that Target made up itself, also called tntId).
        parameters: column -> name of its profile parameter, or a :class:`Parameter`.
        duplicates: what becomes of several rows of one id that would not send the same:
            ``"reject"`` all of them, keep the ``"first"`` or the ``"last"``, or ``"merge"``
            (the last non-blank value of each parameter). Identical rows are always one.
        site_uses_ecid: whether the site uses the Experience Cloud ID service. Only asked
            where the key is pcId.
        personal_data: ``"block"`` holds a load back in which e-mail addresses, telephone,
            card or account numbers or national ids were found; ``"allow"`` says that they are
            meant to be sent. A parameter in the format ``sha256`` needs no such word.
        rules: code -> :class:`Ruling`, or (severity, reason): how much a rule counts here.
        columns: column -> type of all columns of the table that the mapping was made on, so that
            a later table can be held against it; :func:`suggest_mapping` and
            ``ValidationReport.recipe`` fill it.
        reasons: column -> why it was mapped so; filled by :func:`suggest_mapping`.

    Raises:
        MappingError: one of the rules for names, formats or policies is broken.

    >>> mapping = Mapping("customer", "thirdPartyId", {"tier": "loyaltyTier"})
    >>> mapping.api_version
    'v2'
    >>> mapping.parameters["tier"]
    Parameter(name='loyaltyTier', format=None)
    >>> Mapping("customer", "thirdPartyId", {"customer": "id"})
    Traceback (most recent call last):
    tbpu_toolkit.errors.MappingError: Column 'customer' is the key and can't be a parameter as \
well. Leave it out of the parameters.

    """

    key: str
    key_type: KeyType
    parameters: AnyMapping[str, Parameter]
    duplicates: Duplicates = "reject"
    site_uses_ecid: bool | None = None
    personal_data: PersonalData = "block"
    rules: AnyMapping[str, Ruling] = field(default_factory=dict)
    columns: AnyMapping[str, str] = field(default_factory=dict)
    reasons: AnyMapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __init__(  # noqa: PLR0913, PLR0917 - the contract's own signature
        self,
        key: str,
        key_type: KeyType,
        parameters: AnyMapping[str, str | Parameter],
        duplicates: Duplicates = "reject",
        site_uses_ecid: bool | None = None,
        personal_data: PersonalData = "block",
        rules: AnyMapping[str, Ruling | tuple[str, str]] | None = None,
        columns: AnyMapping[str, str] | None = None,
        reasons: AnyMapping[str, str] | None = None,
    ) -> None:
        _check_words(key, key_type, duplicates, site_uses_ecid, personal_data)
        named = _as_parameters(parameters)
        _check_parameters(key, named)
        own = {
            "key": key,
            "key_type": key_type,
            "parameters": MappingProxyType(named),
            "duplicates": duplicates,
            "site_uses_ecid": site_uses_ecid,
            "personal_data": personal_data,
            "rules": as_rulings(rules or {}),
            "columns": MappingProxyType(_as_columns(columns or {})),
            "reasons": MappingProxyType(dict(reasons or {})),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)  # frozen from here on

    def __repr__(self) -> str:
        parameters = {
            column: parameter if parameter.format else parameter.name
            for column, parameter in self.parameters.items()
        }
        told = (
            f"Mapping(key={self.key!r}, key_type={self.key_type!r}, parameters={parameters!r}, "
            f"duplicates={self.duplicates!r}, site_uses_ecid={self.site_uses_ecid!r}"
        )
        if self.personal_data != "block":
            told += f", personal_data={self.personal_data!r}"
        if self.rules:
            told += (
                f", rules={ {code: (own.severity, own.why) for code, own in self.rules.items()}!r}"
            )
        return f"{told})"

    def _repr_html_(self) -> str:
        rows = [(self.key, f"{self.key_type} (the key)", "")]
        rows += [(column, own.name, own.format or "") for column, own in self.parameters.items()]
        told = [(*row, self.reasons.get(row[0], "")) for row in rows]
        left_out = self.reasons.keys() - {self.key, *self.parameters}
        told += [(name, "", "", why) for name, why in self.reasons.items() if name in left_out]
        return _html_table(("column", "profile parameter", "format", "why"), told)

    @property
    def api_version(self) -> Version:
        """``"v1"`` (updates known profiles only) or ``"v2"`` (creates them too).

        The rule: AdobeDocs/target-dev.en, profile-bulk-api.md.

        Raises:
            MappingError: the key is pcId and ``site_uses_ecid`` was not answered.

        >>> Mapping("id", "pcId", {"a": "a"}, site_uses_ecid=True).api_version
        'v1'
        >>> Mapping("id", "pcId", {"a": "a"}).api_version
        Traceback (most recent call last):
        tbpu_toolkit.errors.MappingError: The key is pcId, so the API's version depends on the \
site: does it use the Experience Cloud ID service? Set site_uses_ecid=True (version v1, known \
profiles only) or site_uses_ecid=False (version v2).

        """
        if self.key_type == "thirdPartyId":
            return "v2"
        if self.site_uses_ecid is None:
            raise MappingError(ECID_QUESTION)
        return "v1" if self.site_uses_ecid else "v2"

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the order in which they stand in the batch file.

        >>> Mapping("id", "thirdPartyId", {"b": "beta", "a": "alpha"}).names
        ('beta', 'alpha')
        """
        return tuple(parameter.name for parameter in self.parameters.values())

    def to_dict(self) -> dict[str, Any]:
        """Give the recipe as plain words and dicts, as the file holds it."""
        recipe: dict[str, Any] = {
            "tbpu_recipe": _RECIPE_VERSION,
            "key": self.key,
            "key_type": self.key_type,
            "duplicates": self.duplicates,
            "site_uses_ecid": self.site_uses_ecid,
        }
        if self.personal_data != "block":
            recipe["personal_data"] = self.personal_data
        if self.rules:
            recipe["rules"] = {
                code: {"severity": own.severity, "why": own.why} for code, own in self.rules.items()
            }
        recipe["parameters"] = {
            column: {"name": own.name, "format": own.format} if own.format else own.name
            for column, own in self.parameters.items()
        }
        if self.columns:
            recipe["columns"] = dict(self.columns)
        return recipe

    def save(self, path: str | Path) -> Path:
        """Write the mapping as a recipe file: YAML, readable and diffable.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "loyalty.yaml"
        >>> mapping = Mapping("customer", "thirdPartyId", {"tier": "loyaltyTier"})
        >>> print(mapping.save(path).read_text(encoding="utf-8"), end="")
        tbpu_recipe: 1
        key: customer
        key_type: thirdPartyId
        duplicates: reject
        site_uses_ecid: null
        parameters:
          tier: loyaltyTier
        >>> Mapping.load(path) == mapping
        True

        """
        return write_recipe(self.to_dict(), Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Mapping:
        """Read a recipe file.

        Raises:
            MappingError: the file is not a recipe, or breaks a rule; the message names it.

        """
        content = read_recipe(Path(path))
        try:
            return cls.from_dict(content)
        except MappingError as error:
            raise MappingError(f"Recipe '{path}': {error}") from error
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            said = " ".join(str(error).split())
            raise MappingError(f"Recipe '{path}' holds what no recipe has: {said}.") from error

    @classmethod
    def from_dict(cls, content: object) -> Mapping:
        """Make a mapping of what :meth:`to_dict` gave.

        Raises:
            MappingError: a word is missing, unknown or of the wrong kind.

        """
        if not isinstance(content, dict) or content.get("tbpu_recipe") != _RECIPE_VERSION:
            raise MappingError(f"it does not begin with 'tbpu_recipe: {_RECIPE_VERSION}'.")
        words = {name: value for name, value in content.items() if name != "tbpu_recipe"}
        if strange := sorted(str(word) for word in words.keys() - _RECIPE_WORDS):
            known = ", ".join(sorted(_RECIPE_WORDS))
            raise MappingError(f"it holds {strange}, which no recipe has. Its words are {known}.")
        if missing := sorted({"key", "key_type", "parameters"} - words.keys()):
            raise MappingError(f"it lacks {missing}. Add them.")
        if not isinstance(words["parameters"], dict):
            raise MappingError(
                "its 'parameters' are not lines of 'column: name'. Write one a column."
            )
        words["parameters"] = {
            column: _parameter_from(column, value) for column, value in words["parameters"].items()
        }
        return cls(**words)


ECID_QUESTION: Final = (
    "The key is pcId, so the API's version depends on the site: does it use the Experience Cloud "
    "ID service? Set site_uses_ecid=True (version v1, known profiles only) or "
    "site_uses_ecid=False (version v2)."
)


def _html_table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Give a plain table that survives in a notebook which is not trusted."""
    used = [place for place, _ in enumerate(names) if any(row[place] for row in rows)]
    head = "".join(f'<th scope="col">{names[place]}</th>' for place in used)
    lines = [
        "".join(f'<td style="text-align:left">{html.escape(row[place])}</td>' for place in used)
        for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _parameter_from(column: object, value: object) -> str | Parameter:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.keys() <= {"name", "format"} and "name" in value:
        return Parameter(**value)
    raise MappingError(
        f"column {column!r} is mapped to {value!r}. Write a name, or {{name: …, format: …}}."
    )


def _check_words(
    key: object, key_type: object, duplicates: object, site_uses_ecid: object, personal_data: object
) -> None:
    if not isinstance(key, str) or not key:
        raise MappingError(f"The key is {key!r}. Give the name of the column that holds the ids.")
    for word, value, allowed in (
        ("key_type", key_type, limits.KEY_TYPES),
        ("duplicates", duplicates, get_args(Duplicates)),
        ("site_uses_ecid", site_uses_ecid, (True, False, None)),
        ("personal_data", personal_data, get_args(PersonalData)),
    ):
        if not any(type(value) is type(choice) and value == choice for choice in allowed):
            choices = ", ".join(repr(choice) for choice in allowed)
            raise MappingError(f"{word} is {value!r}. Use one of {choices}.")


def _as_parameters(parameters: object) -> dict[str, Parameter]:
    if not hasattr(parameters, "items"):
        raise MappingError(
            f"The parameters are {parameters!r}. Give a dict of column -> parameter name."
        )
    named = {}
    for column, value in parameters.items():
        if not isinstance(column, str):
            raise MappingError(
                f"Column {column!r} is not text. Name columns as text; in a recipe, quote what "
                'YAML takes for something else, such as "yes" or "1".'
            )
        named[column] = value if isinstance(value, Parameter) else Parameter(value)
    return named


def _as_columns(columns: object) -> dict[str, str]:
    if isinstance(columns, (dict, MappingProxyType)) and all(
        isinstance(word, str) for pair in columns.items() for word in pair
    ):
        return dict(columns)
    raise MappingError(f"The mapping's columns are {columns!r}. Give a dict of column -> type.")


def _check_parameters(key: str, parameters: dict[str, Parameter]) -> None:
    if not parameters:
        raise MappingError("The mapping has no parameters. Map at least one column to a name.")
    if key in parameters:
        raise MappingError(
            f"Column {key!r} is the key and can't be a parameter as well. "
            "Leave it out of the parameters."
        )
    counts = Counter(parameter.name for parameter in parameters.values())
    for name, count in counts.items():
        if count > 1:
            columns = [column for column, own in parameters.items() if own.name == name]
            raise MappingError(
                f"Parameter {name!r} is given by the columns {columns}, where a name may stand "
                "once in a batch file. Keep one, or rename the others."
            )
