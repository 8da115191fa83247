"""What the guided panel says: its steps when it is saved, and the code of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from tbpu_toolkit.widgets.panel import as_html

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STEPS: Final = """
{% for title, summary, is_shown in steps %}
<details{% if is_shown %} open{% endif %}><summary>{{ title | capitalize }}</summary>
{{ summary }}
</details>
{% endfor %}
"""
_CONTINUED: Final = (" ", ")", "}", "]")
_MADE_ONCE: Final = ("run = ", "sandbox = ", "client = ")  # whichever panel makes them first


def steps_html(steps: Sequence[tuple[str, str, bool]]) -> str:
    """Fold what each step has come to.

    Args:
        steps: a step's title, its summary as HTML, and whether it is the one that is shown.

    """
    safe = [(title, Markup(summary), shown) for title, summary, shown in steps]  # noqa: S704 - escaped by its panel
    return as_html(_STEPS, steps=safe)


def without_mapping(code: str) -> str:
    r"""Leave out how a mapping was changed: it is given as it is by now.

    >>> without_mapping("mapping = replace(mapping, rules={})\nreport = validate(data, mapping)")
    'report = validate(data, mapping)'
    """
    lines = code.splitlines(keepends=True)
    return "".join(own for own in lines if not own.startswith(("mapping = ", "from dataclasses")))


def joined_code(parts: Iterable[str]) -> str:
    r"""Join the code of several panels to one script, in which no line is said twice.

    >>> print(joined_code(["import a\n\nx = a.b(\n    1,\n)\n", "import a\n\nx.c()\n"]))
    import a
    <BLANKLINE>
    x = a.b(
        1,
    )
    x.c()
    <BLANKLINE>
    """
    imports: list[str] = []
    lines: list[str] = []
    made: set[str] = set()
    for told in (line for part in parts for line in part.splitlines() if line.strip()):
        name = next((own for own in _MADE_ONCE if told.startswith(own)), told)
        if told.startswith(("import ", "from ")):
            imports += [told] if told not in imports else []
        elif told.startswith(_CONTINUED) or name not in made:
            lines.append(told)
            made.add(name)
    return "\n".join([*sorted(imports), "", *lines, ""]) if lines else ""
