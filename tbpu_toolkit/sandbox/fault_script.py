"""Reads a fault script: what goes wrong with which request, as a list, a mapping or a YAML file.

>>> script = read_script(["accept", {"refuse": 413}, {"hang": {"seconds": 5, "accept": True}}])
>>> script["batchUpdate"][2]
Hang(seconds=5, accepted=True)
>>> read_script([{"kill": "later"}])
Traceback (most recent call last):
    ...
tbpu_toolkit.sandbox.fault_script.BadFaultScript: The fault script's entry 1 for batchUpdate: \
'when' of 'kill' must be before, after or answered.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tbpu_toolkit.sandbox.fault_options import Unfit
from tbpu_toolkit.sandbox.fault_words import OPTIONS, WORDS
from tbpu_toolkit.sandbox.faults import Fault, Usual

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.sandbox.fault_words import Call

Given = str | Path | Sequence[Any] | Mapping[str, Any]
_USUAL: Final = Usual()
# The first by what is written, the others by a tag on what it does not fit, such as !!int [].
_NO_YAML: Final = (
    yaml.YAMLError,
    *(ValueError, TypeError, LookupError, AttributeError, RecursionError),
)


class BadFaultScript(ValueError):
    """A fault script holds what can't be played; the text says where and what may stand there."""


class Playbook:
    """A fault script while it is played: each request takes the next entry of its call."""

    def __init__(self, script: Mapping[Call, tuple[Fault, ...]]) -> None:
        self._left = {call: iter(faults) for call, faults in script.items()}

    def next(self, call: Call) -> Fault:
        """Take the entry of the request that came now; after the last, all goes as usual."""
        return next(self._left.get(call, iter(())), _USUAL)


def read_script(given: Given | None) -> dict[Call, tuple[Fault, ...]]:
    """Give the faults of each call.

    Args:
        given: a list, for ``batchUpdate``; a mapping of ``batchUpdate``, ``batchStatus`` and
            ``profiles`` to a list each; the path of a YAML file with one of the two; or ``None``.

    Raises:
        BadFaultScript: an entry is none of the words, or not as its word wants it.
        OSError: the file can't be read.

    """
    if given is None:
        return {}
    if not isinstance(given, str | Path):
        return _faults(given)
    try:
        return _faults(_loaded(Path(given)))
    except BadFaultScript as error:
        raise BadFaultScript(f"'{given}': {error}") from None


def _loaded(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except BadFaultScript:
        raise
    except OSError as error:
        raise OSError(f"The fault script '{path}' can't be read: {error.strerror}.") from error
    except _NO_YAML as error:
        said = " ".join(str(error).split())
        raise BadFaultScript(f"The fault script is not valid YAML: {said}.") from error


def _faults(given: Any) -> dict[Call, tuple[Fault, ...]]:
    lists = given if isinstance(given, Mapping) else {"batchUpdate": given}
    if unknown := [call for call in lists if call not in WORDS]:
        raise BadFaultScript(
            f"The fault script has a list for {unknown[0]!r}; it may have one for each of "
            f"{', '.join(WORDS)}."
        )
    return {call: _listed(call, lists[call]) for call in WORDS if call in lists}


def _listed(call: Call, entries: Any) -> tuple[Fault, ...]:
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise BadFaultScript(
            f"The fault script for {call} is not a list; write one entry for each request, such as "
            "['accept', {'refuse': 413}]."
        )
    return tuple(_fault(call, number, entry) for number, entry in enumerate(entries, 1))


def _fault(call: Call, number: int, entry: Any) -> Fault:
    try:
        word, given = _word(call, entry)
        return _made(word, WORDS[call][word], given)
    except Unfit as error:
        where = f"The fault script's entry {number:,} for {call}"
        raise BadFaultScript(f"{where}: {error}.") from None


def _word(call: Call, entry: Any) -> tuple[str, Any]:
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((word, given),) = entry.items()
    elif isinstance(entry, Mapping):
        raise Unfit(f"a mapping holds one word, but this one holds {len(entry):,}")
    else:
        word, given = entry, None
    if not isinstance(word, str) or word not in WORDS[call]:
        raise Unfit(f"{word!r} is none of its words, which are {', '.join(WORDS[call])}")
    return word, given


def _made(word: str, make: Callable[..., Fault], given: Any) -> Fault:
    known = inspect.signature(make).parameters
    options = _options(word, list(known), given)
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in options:
            raise Unfit(f"{word!r} wants {name!r}")
    return make(**{name: _checked(word, name, value) for name, value in options.items()})


def _options(word: str, known: list[str], given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not known:
        raise Unfit(f"{word!r} stands alone, without options")
    if not isinstance(given, Mapping):
        return {known[0]: given}
    if unknown := [name for name in given if name not in known]:
        raise Unfit(f"{word!r} has no option {unknown[0]!r}; it has {', '.join(known)}")
    return given


def _checked(word: str, name: str, value: Any) -> Any:
    check = OPTIONS.get(f"{word}.{name}") or OPTIONS[name]
    try:
        return check(value)
    except Unfit as rule:
        # The value stays out of the sentence: it may be a token.
        raise Unfit(f"{name!r} of {word!r} must be {rule}") from None


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses a key given twice, where YAML would drop the first in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [str(self.construct_object(key, deep=True)) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            line = node.start_mark.line + 1
            raise BadFaultScript(
                f"The fault script has {twice[0]!r} twice in the mapping that begins in line "
                f"{line:,}; keep one."
            )
        return super().construct_mapping(node, deep)
