"""What the panel for following says: a row a batch, how far each is, what can be done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports import account_line
from tbpu_toolkit.reports.spelling import known
from tbpu_toolkit.run_table import RUNGS, ladder
from tbpu_toolkit.widgets.panel import as_html
from tbpu_toolkit.widgets.target import pill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.ledger import Target
    from tbpu_toolkit.proof import Proof
    from tbpu_toolkit.run import Run

# Those that need a person come first; a stable sort keeps each kind in order.
_FIRST: Final = {"unknown": 0, "refused": 1, "untracked": 2, "sending": 3}
_TO_DO: Final = {
    "unknown": "It may have arrived. Probe it, or decide, below.",
    "refused": "Nothing of it was stored. Mend the cause; or decide below to send it again.",
    "untracked": "Target took it without a batch id: prove it by fetching back.",
    "sending": "It is being sent.",
}
_REACHED: Final = {"untracked": "submitted"}
_TOLD_OF_ROWS: Final = ("consumed", "updated", "not_found", "failed")

_HEAD: Final = """
<h3>Status of <code>{{ run.folder.name }}</code></h3>
<p>{% if target %}{{ target }}{% else %}Not sent to anywhere yet.{% endif %}</p>
<p>{{ account }}</p>
<ol class="tbpu-ladder">
{% for rung, count in ladder.items() %}
<li class="{{ 'all' if count == batches else 'some' if count else 'none' }}"><b>{{ rung }}</b>
{{ "{:,}".format(count) }} of {{ "{:,}".format(batches) }}</li>
{% endfor %}
</ol>
"""
_TABLE: Final = """
<table class="tbpu-batches" aria-label="Batches"><thead><tr>
<th scope="col" class="number">batch</th><th scope="col">how far</th>
{% for name in ("rows", "consumed", "updated", "not found", "failed") %}
<th scope="col" class="number">{{ name }}</th>
{% endfor %}
</tr></thead><tbody>
{% for row in rows %}
<tr class="{{ row.look }}"><th scope="row" class="number">{{ row.batch }}</th>
<td class="how-far"><span class="tbpu-rungs {{ row.look }}" aria-hidden="true">
{%- for step in steps %}<i{% if step < row.reached %} class="on"{% endif %}></i>{% endfor -%}
</span><b>{{ row.state }}</b>
{% if row.note %}<div class="note">{{ row.note }}</div>{% endif %}</td>
{% for count in row.counts %}<td class="number">{{ count }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table>
"""
_PICTURE: Final = """
<p class="tbpu-picture"><img src="{{ address }}" alt="{{ said }}"/></p>
"""
_NEWS: Final = '<p class="{{ look }}" role="status">{{ said }}</p>'
_PROOF: Final = """
<p role="status"><b>{{ said }}</b></p>
{% if parameters %}
<table><thead><tr><th scope="col">parameter</th><th scope="col" class="number">rows that differ</th>
</tr></thead><tbody>
{% for name, count in parameters %}
<tr><th scope="row">{{ name }}</th><td class="number">{{ count }}</td></tr>
{% endfor %}
</tbody></table>
{% endif %}
{% if is_short %}<p class="tbpu-soft">Which ones: panel.proof.missing and panel.proof.differing.</p>
{% endif %}
"""


def head_html(run: Run, target: Target | None, states: Sequence[Any]) -> str:
    """Say what the run is, where it went, and how many batches are on which rung."""
    return as_html(
        _HEAD,
        run=run,
        account=account_line(run.counts),
        target=pill(target) if target else None,
        ladder=ladder(states),
        batches=len(states),
    )


def table_html(batches: Sequence[dict[str, Any]]) -> str:
    """Give the table of the batches; see ``Run.table`` for what each has."""
    rows = [_row(batch) for batch in sorted(batches, key=_urgency)]
    return as_html(_TABLE, rows=rows, steps=range(len(RUNGS)))


def _urgency(batch: dict[str, Any]) -> int:
    return _FIRST.get(batch["state"], len(_FIRST))


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    state, note = batch["state"], known(batch["note"])
    counts = [batch["rows"], *(known(batch[name]) for name in _TOLD_OF_ROWS)]
    rung = _REACHED.get(state, state)
    return {
        "batch": batch["batch"],
        "state": state,
        "look": f"is-{state}",
        "reached": RUNGS.index(rung) + 1 if rung in RUNGS else 1,
        "counts": ["—" if count is None else f"{int(count):,}" for count in counts],
        "note": " ".join(filter(None, (_sentence(note or ""), _TO_DO.get(state, "")))),
    }


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}." if note else ""


def picture_html(address: str, said: str) -> str:
    """Give the picture of the batches over time."""
    return as_html(_PICTURE, address=address, said=said) if address else ""


def news_html(said: str, *, is_bad: bool = False) -> str:
    """Give a line of what was found out."""
    return as_html(_NEWS, said=said, look="tbpu-bad" if is_bad else "") if said else ""


def proof_html(proof: Proof | None) -> str:
    """Give a proof's sentence, and how often which parameter came back otherwise."""
    if proof is None:
        return ""
    differing = Counter(proof.differing["parameter"]).most_common(10)
    is_short = proof.seen < proof.sampled
    return as_html(_PROOF, said=repr(proof), parameters=differing, is_short=is_short)


def code(run: Run, client: str, done: Sequence[str]) -> str:
    """Give the lines that do what was clicked."""
    lines = ["import tbpu_toolkit as tbpu", "", f"run = tbpu.open_run({str(run.folder)!r})"]
    lines += [client] if client else []
    lines += ["run.wait(client)"] if client else []
    return "\n".join([*lines, *done, "run.table()", ""])


def looking(seconds: float | None, *, is_busy: bool, left: int, is_sent: bool = True) -> str:
    """Say when it looks again.

    >>> looking(12.4, is_busy=True, left=3)
    'Target is at work on 3 batch files. Next look in 12 s.'
    """
    if not is_sent:
        return "Nothing was sent yet."
    if not left:
        return "Target has nothing left to do." if not is_busy else "Looking …"
    at_work = f"Target is at work on {count_of(left, 'batch file')}."
    if seconds is not None:
        return f"{at_work} Next look in {max(0, round(seconds))} s."
    return f"{at_work} Looking …" if is_busy else f"{at_work} Press Look now."
