"""What the panel for sending says: what would go, how far it is, what came of it, the code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.batches import check_bytes
from tbpu_toolkit.errors import BatchBusy, BatchUnknown, RunCorrupt, ToolkitError
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports import account_line
from tbpu_toolkit.widgets.panel import as_html
from tbpu_toolkit.widgets.target import kind_of, pill, target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.rehearsal import Rehearsal
    from tbpu_toolkit.run import Run

_LINES: Final = 3  # of the first batch file, below its header
_MOST_FILES: Final = 200
_KILO: Final = 1_000

_PREPARED: Final = """
<h3>Send <code>{{ run.folder.name }}</code></h3>
<p>{{ account }}</p>
"""
_WOULD: Final = """
{% if plan.batches %}
<p><b>{{ files }} with {{ rows }}</b> ({{ size }}) would go to {{ target }}, as
{{ parameters }} of each {{ run.mapping.key_type }} ({{ run.mapping.api_version }}).
{% if plan.others %}{{ others }} would be left alone.{% endif %}</p>
{% elif not obstacle %}
<p>Nothing is left to send to {{ target }}: {{ states }}.</p>
{% endif %}
{% for told in plan.told %}<p class="tbpu-soft">{{ told }}</p>{% endfor %}
{% if obstacle %}<p class="tbpu-warn" role="alert">In the way: {{ obstacle }}</p>{% endif %}
"""
_FILES: Final = """
<details><summary>The files, and the first lines to the letter</summary>
<table><thead><tr><th scope="col" class="number">batch</th><th scope="col" class="number">rows</th>
<th scope="col" class="number">bytes</th><th scope="col">file</th><th scope="col">SHA-256</th></tr>
</thead><tbody>
{% for batch in batches %}
<tr><th scope="row" class="number">{{ batch.number }}</th>
<td class="number">{{ "{:,}".format(batch.rows) }}</td>
<td class="number">{{ "{:,}".format(batch.bytes) }}</td><td>{{ batch.path.name }}</td>
<td><code>{{ batch.sha256[:12] }}…</code></td></tr>
{% endfor %}
</tbody></table>
{% if hidden %}<p class="tbpu-soft">and {{ hidden }} more; run.batches has them all.</p>{% endif %}
{% if lines %}<pre class="tbpu-code">{{ lines }}</pre>
{% else %}<p class="tbpu-soft">{{ why }}</p>{% endif %}
</details>
"""
_PROGRESS: Final = """
<p class="tbpu-progress"><progress max="{{ whole }}" value="{{ done }}" aria-label="{{ label }}">
</progress> <span>{{ said }}</span></p>
"""
_CODE: Final = """
<details><summary>{{ title }}</summary><pre class="tbpu-code">{{ code }}</pre></details>
"""
_OUTCOME: Final = '<p class="{{ look }}" role="status">{{ said }}</p>'


def prepared_html(run: Run) -> str:
    """Say what was prepared: the account of rows."""
    return as_html(_PREPARED, run=run, account=account_line(run.counts))


def would_html(run: Run, plan: Rehearsal) -> str:
    """Say what would go, where to, and what stands in its way."""
    return as_html(
        _WOULD,
        run=run,
        plan=plan,
        obstacle=plan.obstacle and by_click(plan.obstacle),
        target=pill(plan.target),
        files=count_of(len(plan.batches), "batch file"),
        rows=count_of(plan.rows, "row"),
        size=size(plan.bytes),
        others=count_of(plan.others, "other batch file"),
        parameters=count_of(len(run.mapping.names), "parameter"),
        states=states_of(run),
    )


def files_html(run: Run, batches: Sequence[Batch]) -> str:
    """List the files that would go, and give the first lines of the first."""
    if not batches:
        return ""
    lines, why = first_lines(run, batches[0])
    hidden = len(batches) - _MOST_FILES
    facts = {"batches": batches[:_MOST_FILES], "hidden": max(0, hidden)}
    return as_html(_FILES, lines=lines, why=why, **facts)


def first_lines(run: Run, batch: Batch) -> tuple[str, str]:
    """Give the first lines of a batch file; where they are not shown, why."""
    if run.mapping.personal_data == "allow":
        return "", "The lines hold personal data, and are not shown: run.preview() has them."
    try:
        check_bytes(batch)
        with batch.path.open("rb") as file:
            lines = [line for _, line in zip(range(_LINES + 1), file, strict=False)]
    except (RunCorrupt, OSError):
        return "", "The file is not what was prepared."
    return b"".join(lines).decode("ascii"), ""


def states_of(run: Run) -> str:
    """Give the states of a run's batches with their counts.

    The word of a rung says no more than that rung.
    """
    states = list(run.states.values())
    return ", ".join(f"{states.count(state):,} {state}" for state in dict.fromkeys(states))


@dataclass(slots=True)
class Progress:
    """How far a send is.

    Attributes:
        batches: those to be handed over, in their order.
        begun: by a clock that never runs backwards.
        handed: how many of them were.
        under_way: how many bytes of the next one were.
        told: the last word on why it waits.

    """

    batches: tuple[Batch, ...] = ()
    begun: float = 0.0
    handed: int = 0
    under_way: int = 0
    told: str = field(default="")

    def html(self, now: float) -> str:
        """Give the bar and, beside it, the words."""
        done = sum(batch.bytes for batch in self.batches[: self.handed]) + self.under_way
        whole = sum(batch.bytes for batch in self.batches)
        label = f"{self.handed} of {count_of(len(self.batches), 'batch file')} handed over"
        said = f"{label}{self._pace(done, whole, now - self.begun)}"
        told = f" · {self.told}" if self.told else ""
        return as_html(_PROGRESS, done=done, whole=whole or 1, label=label, said=said + told)

    def _pace(self, done: int, whole: int, seconds: float) -> str:
        sent = f" · {size(done)} of {size(whole)}"
        if not done or seconds <= 0:
            return f"{sent} · {duration(seconds)} so far"
        left = (whole - done) * seconds / done
        return f"{sent} · {size(int(done / seconds))}/s · about {duration(left)} left"


def size(count: int) -> str:
    """Give a number of bytes as a person reads it.

    >>> size(812), size(81_234), size(49_999_999)
    ('812 bytes', '81.2 kB', '50.0 MB')
    """
    if count < _KILO:
        return count_of(count, "byte")
    if count < _KILO**2:
        return f"{count / _KILO:,.1f} kB"
    return f"{count / _KILO**2:,.1f} MB"


def duration(seconds: float) -> str:
    """Give a time as a person reads it.

    >>> duration(0.4), duration(59.7), duration(100), duration(7_300)
    ('0 s', '1 min', '1 min 40 s', '2 h 1 min')
    """
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


_NEXT: Final = (
    (BatchUnknown, " By clicks: choose the batch in the status panel, and probe it or decide."),
    (BatchBusy, " This panel sends nothing meanwhile."),
)


def by_click(error: BaseException) -> str:
    """Give an error as one sentence with what to do next."""
    if not isinstance(error, ToolkitError):
        return f"Something that was not foreseen: {type(error).__name__}: {error}."
    return str(error) + "".join(told for kind, told in _NEXT if isinstance(error, kind))


def outcome_html(said: str, *, is_bad: bool) -> str:
    """Give what came of it as a line."""
    return as_html(_OUTCOME, said=said, look="tbpu-bad" if is_bad else "tbpu-good") if said else ""


def code_html(code: str, title: str = "The same in code") -> str:
    """Give the code, folded."""
    return as_html(_CODE, code=code, title=title)


def code(run: Run, client: TargetClient | None, allowed: dict[str, Any], *, is_own: bool) -> str:
    """Give the lines that do what the clicks do.

    Args:
        run: what is sent.
        client: where to; None for a sandbox that is yet to be started.
        allowed: what was ticked.
        is_own: whether the sandbox is the one that the panel starts.

    """
    words = "".join(f", {name}=True" for name in allowed)
    lines = ["import tbpu_toolkit as tbpu", "", f"run = tbpu.open_run({str(run.folder)!r})"]
    lines += client_lines(client, is_own=is_own)
    return "\n".join([*lines, f"run.send(client{words})", ""])


def client_lines(client: TargetClient | None, *, is_own: bool) -> list[str]:
    """Give the lines that make a client; a token is looked for where tokens are kept."""
    if client is None or is_own:
        code = "acme" if client is None else client.client_code
        return [
            "sandbox = tbpu.Sandbox()",
            "sandbox.start()",
            f"client = sandbox.client({code!r})",
        ]
    target, given = target_of(client), [repr(client.client_code)]
    if kind_of(target) == "production":
        given += [f"token=tbpu.Token.find({client.client_code!r})"] if client.has_token else []
        is_usual = target.base_url == f"https://{client.client_code}.tt.omtrdc.net"
        given += [] if is_usual else [f"base_url={target.base_url!r}"]
    else:
        given += [f"base_url={target.base_url!r}"]
    return [f"client = tbpu.TargetClient({', '.join(given)})"]
