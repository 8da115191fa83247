"""What is wrong with a draft of a mapping: beside each column, and on the whole."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.findings import reason, remedy_of
from tbpu_toolkit.parameters import name_problem, name_warning
from tbpu_toolkit.rules import CATALOGUE
from tbpu_toolkit.widgets.mapping_draft import alike_but_for_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.widgets.mapping_draft import Choice, MappingDraft
    from tbpu_toolkit.widgets.seen_columns import SeenColumn

ECID: Final = (
    "Say whether the site uses the Experience Cloud ID service: under pcId it decides between "
    "version v1, which updates known profiles only, and v2, which creates them too."
)


class Problem(NamedTuple):
    """What is wrong with a column's choice: an error, or what is only good to know."""

    level: Literal["error", "warning"]
    text: str


def problem_of(draft: MappingDraft) -> str | None:
    """Say in one sentence what stands in the way of a load; None where nothing does."""
    try:
        mapping = draft.mapping()
    except MappingError as error:
        return str(error)
    if mapping.key_type == "pcId" and mapping.site_uses_ecid is None:
        return ECID
    found = problems_of(draft)
    return next((own.text for own in found if own and own.level == "error"), None)


def problems_of(draft: MappingDraft) -> list[Problem | None]:
    """Say of each column what is wrong with it, in their order."""
    chosen = draft.choices.columns
    names = [own.name for own in chosen if own.role == "parameter"]
    counts, alike = Counter(names), alike_but_for_case(names)
    allowed = draft.choices.personal_data == "allow"
    problems = []
    for column, choice in zip(draft.columns, chosen, strict=True):
        found = _of_column(column, choice) if choice.role != "out" else iter(())
        problem = next(found, None)
        if problem is None and choice.role == "parameter":
            problem = _of_name(choice.name, counts, alike)
        if problem is None and choice.role != "out" and not allowed:
            problem = _of_personal(column, choice)
        problems.append(problem)
    return problems


def _of_column(column: SeenColumn, choice: Choice) -> Iterator[Problem]:
    if column.is_missing or column.is_ambiguous:
        rule = CATALOGUE["MAP001" if column.is_missing else "MAP002"]
        yield Problem("error", f"{_says(rule)}. {rule.remedy}")
    if choice.role == "parameter" and (said := name_problem(choice.name)):
        yield Problem("error", said)


def _of_name(name: str, counts: Counter[str], alike: set[str]) -> Problem | None:
    if counts[name] > 1:
        said = f"{counts[name]} columns are parameter {name!r}, and a name may stand only once"
        return Problem("error", f"{said}. Keep one, or rename the others.")
    if warning := name_warning(name):
        return Problem("warning", f"Parameter {name!r} {warning}.")
    if name in alike:
        rule = CATALOGUE["NAM002"]
        return Problem("warning", f"{_says(rule)}. {rule.why}")
    return None


def _of_personal(column: SeenColumn, choice: Choice) -> Problem | None:
    rule = column.personal
    if rule is None or choice.format == "sha256":
        return None
    said = remedy_of(rule, is_of_key=choice.role == "key")
    return Problem("warning", f"{_says(rule)}. {said}")


def _says(rule: Rule) -> str:
    return reason(rule, None)
