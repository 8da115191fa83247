"""A mapping while it is being made: what was chosen for each column, and the way back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from tbpu_toolkit import limits
from tbpu_toolkit.errors import InputError, MappingError
from tbpu_toolkit.findings import count_of, reason
from tbpu_toolkit.mapping import Duplicates, Mapping, PersonalData
from tbpu_toolkit.parameters import FORMATS, Parameter
from tbpu_toolkit.rules import CATALOGUE
from tbpu_toolkit.suggestion import camel_case
from tbpu_toolkit.widgets.seen_columns import SeenColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Role = Literal["key", "parameter", "out"]

_SETTINGS: Final[dict[str, tuple[Any, ...]]] = {
    "key_type": limits.KEY_TYPES,
    "site_uses_ecid": (None, True, False),
    "duplicates": get_args(Duplicates),
    "personal_data": get_args(PersonalData),
}
_MOST_STEPS: Final = 200  # that can be taken back


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a column; name and format are kept while it is left out."""

    role: Role = "out"
    name: str = ""
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """All that was chosen: one choice a column, and the settings of the mapping."""

    columns: tuple[Choice, ...]
    key_type: Any = "thirdPartyId"
    site_uses_ecid: Any = None
    duplicates: Any = "reject"
    personal_data: Any = "block"


@dataclass(slots=True)
class _Steps:
    """What was chosen before, and what was taken back, each with what was done."""

    done: list[tuple[str, Choices]] = field(default_factory=list)
    undone: list[tuple[str, Choices]] = field(default_factory=list)
    typing: str = ""  # names the typing that the last step belongs to


class MappingDraft:
    """The choices of a mapping table, in which every change can be taken back.

    Columns are told apart by their place: their names may be anything, and the same.

    Attributes:
        columns: the table's columns, and behind them those that only the mapping names.
        choices: what is chosen now.

    """

    def __init__(self, columns: Sequence[SeenColumn], mapping: Mapping | None) -> None:
        self._base = mapping
        named = (mapping.key, *mapping.parameters) if mapping else ()
        known = {own.name for own in columns}
        missing = (SeenColumn(name, "") for name in named if name not in known)
        self.columns = (*columns, *missing)
        self._rank = {name: place for place, name in enumerate(named)}
        self.choices = self._begun()
        self._steps = _Steps()

    def mapping(self) -> Mapping:
        """Give what is chosen as a mapping.

        Raises:
            MappingError: it is none; the message says why.

        """
        keys = self._with_role("key")
        if not keys:
            raise MappingError(
                "No column is the key. Choose the one that holds the visitors' ids as the key."
            )
        if twice := next((own for own in self.mapped if own.is_ambiguous), None):
            rule = CATALOGUE["MAP002"]
            raise MappingError(f"{reason(rule, twice.name)}. {rule.remedy}")
        chosen, base = self.choices, self._base
        return Mapping(
            self.columns[keys[0]].name,
            chosen.key_type,
            {self.columns[place].name: self._parameter(place) for place in self._in_order()},
            chosen.duplicates,
            chosen.site_uses_ecid,
            chosen.personal_data,
            rules=dict(base.rules) if base else None,
            columns=dict(base.columns) if base else None,
            reasons=dict(base.reasons) if base else None,
        )

    @property
    def mapped(self) -> list[SeenColumn]:
        """The columns that are the key or a parameter."""
        pairs = zip(self.columns, self.choices.columns, strict=True)
        return [column for column, choice in pairs if choice.role != "out"]

    @property
    def undoes(self) -> str | None:
        """What :meth:`undo` would take back; None where there is nothing."""
        return self._steps.done[-1][0] if self._steps.done else None

    @property
    def redoes(self) -> str | None:
        """What :meth:`redo` would do again; None where there is nothing."""
        return self._steps.undone[-1][0] if self._steps.undone else None

    def set_role(self, place: int, role: str) -> str:
        """Choose what becomes of a column, and say what else that changed.

        Raises:
            InputError: there is no such column or role, or it can't have it.

        """
        column = self._column(place)
        if role not in get_args(Role):
            raise InputError(f"The role is {role!r}. Use one of {', '.join(get_args(Role))}.")
        if role != "out" and column.is_ambiguous:
            rule = CATALOGUE["MAP002"]
            raise InputError(f"{reason(rule, column.name)}. {rule.remedy}")
        changed = list(self.choices.columns)
        former = [own for own in self._with_role("key") if role == "key" and own != place]
        for own in former:
            changed[own] = replace(changed[own], role="out")
        changed[place] = replace(changed[place], role=role)  # type: ignore[arg-type]
        self._take(f"the role of {column.name!r}", columns=tuple(changed))
        names = ", ".join(repr(self.columns[own].name) for own in former)
        return f"{names} was the key, and is left out now." if former else ""

    def set_name(self, place: int, name: str, typing: str = "") -> None:
        """Name a column's parameter; keys of the same *typing* are one step."""
        column, text = self._column(place), _text(name)
        changed = self._changed([place], lambda own, _: replace(own, name=text))
        self._take(f"the name for {column.name!r}", typing, columns=changed)

    def set_format(self, place: int, how: str | None) -> None:
        """Choose how a parameter's values are written; None for the rule of their type.

        Raises:
            InputError: there is no such format.

        """
        column = self._column(place)
        try:
            Parameter("a", how)
        except MappingError as error:
            raise InputError(f"There is no format {how!r}. Use {', '.join(FORMATS)}.") from error
        changed = self._changed([place], lambda own, _: replace(own, format=how))
        self._take(f"the format of {column.name!r}", columns=changed)

    def set_setting(self, name: str, value: Any) -> None:
        """Choose the key's type, or what becomes of duplicates and personal data.

        Raises:
            InputError: there is no such setting, or it has no such value.

        """
        allowed = _SETTINGS.get(name, ())
        if not any(value is own or (value == own and type(value) is str) for own in allowed):
            raise InputError(f"{name} is {value!r}. Use one of {allowed}.")
        self._take(name.replace("_", " "), **{name: value})

    def map_all(self, places: Iterable[int]) -> str:
        """Make parameters of these columns, where they are left out."""
        wanted = [own for own in self._left_out(places) if not self.columns[own].is_ambiguous]
        self._bulk("map", wanted, lambda own, _: replace(own, role="parameter"))
        return f"{count_of(len(wanted), 'column')} mapped."

    def clear(self, places: Iterable[int]) -> str:
        """Leave these parameters out; the key stays."""
        wanted = self._parameters(places)
        self._bulk("leave out", wanted, lambda own, _: replace(own, role="out"))
        return f"{count_of(len(wanted), 'parameter')} left out."

    def camel_case(self, places: Iterable[int]) -> str:
        """Write the names of these parameters in camel case."""
        wanted = self._parameters(places)
        self._bulk("camelCase", wanted, self._camel)
        return f"{count_of(len(wanted), 'name')} in camelCase."

    def prefix(self, places: Iterable[int], text: str) -> str:
        """Put *text* before the names of these parameters, where it is not there yet."""
        wanted, text = self._parameters(places), _text(text)
        if not text:
            raise InputError("There is no prefix. Write one, such as 'crm'.")
        new = [own for own in wanted if not self.choices.columns[own].name.startswith(text)]
        self._bulk(f"prefix {text!r}", new, lambda own, _: replace(own, name=text + own.name))
        had = len(wanted) - len(new)
        said = f"{text!r} put before {count_of(len(new), 'name')}"
        return f"{said}; {had:,} had it already." if had else f"{said}."

    def undo(self) -> str:
        """Take the last change back, and say which one it was."""
        return self._step(self._steps.done, self._steps.undone, "Taken back")

    def redo(self) -> str:
        """Do again what was taken back."""
        return self._step(self._steps.undone, self._steps.done, "Done again")

    # --- within

    def _begun(self) -> Choices:
        base = self._base
        if base is None:
            return Choices(tuple(Choice(name=camel_case(own.name)) for own in self.columns))
        taken: set[str] = set()
        begun = []
        for own in self.columns:
            given = None if own.name in taken else base.parameters.get(own.name)
            is_key = own.name == base.key and own.name not in taken
            taken.add(own.name)
            role: Role = "key" if is_key else "parameter" if given else "out"
            name = given.name if given else camel_case(own.name)
            begun.append(Choice(role, name, given.format if given else None))
        settings = {name: getattr(base, name) for name in _SETTINGS}
        return Choices(tuple(begun), **settings)

    def _parameter(self, place: int) -> Parameter:
        own = self.choices.columns[place]
        return Parameter(own.name, own.format)

    def _in_order(self) -> list[int]:
        """Give the parameters as the mapping had them, and behind them the new ones."""
        last = len(self._rank)
        parameters = self._with_role("parameter")
        return sorted(parameters, key=lambda own: self._rank.get(self.columns[own].name, last))

    def _with_role(self, role: Role) -> list[int]:
        chosen = enumerate(self.choices.columns)
        return [place for place, own in chosen if own.role == role]

    def _column(self, place: int) -> SeenColumn:
        if type(place) is not int or not 0 <= place < len(self.columns):
            raise InputError(f"There is no column {place!r}; there are {len(self.columns)}.")
        return self.columns[place]

    def _parameters(self, places: Iterable[int]) -> list[int]:
        return [own for own in self._known(places) if self._role(own) == "parameter"]

    def _left_out(self, places: Iterable[int]) -> list[int]:
        return [own for own in self._known(places) if self._role(own) == "out"]

    def _known(self, places: Iterable[int]) -> list[int]:
        known = list(places)
        for place in known:  # before they are sorted: what is no number has no order
            self._column(place)
        return sorted(set(known))

    def _role(self, place: int) -> Role:
        return self.choices.columns[place].role

    def _camel(self, own: Choice, place: int) -> Choice:
        cased = camel_case(own.name) or camel_case(self.columns[place].name)
        return replace(own, name=cased or own.name)

    def _changed(
        self, places: Iterable[int], change: Callable[[Choice, int], Choice]
    ) -> tuple[Choice, ...]:
        changed = list(self.choices.columns)
        for place in places:
            changed[place] = change(changed[place], place)
        return tuple(changed)

    def _bulk(self, what: str, places: list[int], change: Callable[[Choice, int], Choice]) -> None:
        self._take(
            f"{what} ({count_of(len(places), 'row')})", columns=self._changed(places, change)
        )

    def _take(self, what: str, typing: str = "", **words: Any) -> None:
        chosen = replace(self.choices, **words)
        if chosen == self.choices:
            return
        if not typing or typing != self._steps.typing:
            self._steps.done.append((what, self.choices))
            del self._steps.done[:-_MOST_STEPS]
        self._steps.undone.clear()
        self._steps.typing = typing
        self.choices = chosen

    def _step(
        self, taken: list[tuple[str, Choices]], put: list[tuple[str, Choices]], said: str
    ) -> str:
        if not taken:
            return ""
        what, choices = taken.pop()
        put.append((what, self.choices))
        self.choices = choices
        self._steps.typing = ""
        return f"{said}: {what}."


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise InputError(f"{given!r} is not text.")
    return given


def alike_but_for_case(names: Iterable[str]) -> set[str]:
    """Give the names that differ from another one in case only.

    >>> sorted(alike_but_for_case(["tier", "Tier", "city"]))
    ['Tier', 'tier']
    """
    known = set(names)
    counts = Counter(name.casefold() for name in known)
    return {name for name in known if counts[name.casefold()] > 1}
