"""What an answer of Target's means: pure functions from bytes to verdicts.

An answer comes from outside, perhaps from a proxy in Target's place, so it is read strictly:
what is not exactly an answer is not taken for one. The forms: AdobeDocs/target-dev.en,
profile-bulk-api.md, profile-single-api.md.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tbpu_toolkit import limits
from tbpu_toolkit.addresses import read_status_address

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST_ANSWER: Final = 65_536  # bytes; a true one has some hundred
_LONGEST_MESSAGE: Final = 300
_MOST_DIGITS: Final = 12  # of a number of seconds; no one waits longer

_REFUSALS: Final = frozenset({*range(300, 400), 400, 401, 403, 404, 405, 411, 413, 415, 422})
_THROTTLES: Final = frozenset({429, 503})
_PAUSES: Final = frozenset({*range(300, 400), 401, 403, 404})
_BARE_AMPERSAND: Final = re.compile(rb"&(?![A-Za-z]+;|#[0-9]+;|#x[0-9A-Fa-f]+;)")
_ENCODING: Final = re.compile(rb"""<\?xml[^>]*encoding=["']([^"']*)""")
_ENCODINGS: Final = frozenset({b"utf-8", b"us-ascii", b"iso-8859-1"})


class Verdict(StrEnum):
    """What became of a batch that was handed over, or was to be."""

    ACCEPTED = "accepted"  #: Target took it and can be asked about it
    UNTRACKED = "untracked"  #: Target took it and gave no usable batch id
    REFUSED = "refused"  #: Target did not take it
    THROTTLED = "throttled"  #: Target did not take it now
    NOT_SENT = "not sent"  #: Target can't have all of it
    UNKNOWN = "unknown"  #: Target has all of it, and may have taken it


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, as far as it was read.

    Attributes:
        http: its status code.
        body: at most :data:`LARGEST_ANSWER` bytes.
        is_complete: whether all of the body was read.
        content_type: the header's words.
        retry_after: the header's words, where there is one; a date as seconds from the answer's.
        date: the header's words: what time it was for whoever answered.

    """

    http: int
    body: bytes = b""
    is_complete: bool = True
    content_type: str = ""
    retry_after: str | None = None
    date: str = ""


@dataclass(frozen=True, slots=True)
class NoReply:
    """That no answer came.

    Attributes:
        why: a clause such as "no answer came within 120 s".
        never_left: whether not even a connection was made.
        pauses: whether trying again would meet the same.

    """

    why: str
    never_left: bool = False
    pauses: bool = False


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The outcome of handing over one batch file.

    Attributes:
        verdict: what became of it.
        message: Target's own words, or why there are none; one line.
        http: the status code, where an answer came.
        batch_id: by which Target knows it.
        status_url: where to ask about it, checked and rebuilt; None where that is not safe.
        bytes_read: how many bytes of the file were handed to the network.
        retry_after: the header's words, where there was one.
        pauses: whether the next batch would meet the same refusal.
        raw: the answer's body as it came; what is not UTF-8 is escaped.

    """

    verdict: Verdict
    message: str
    http: int | None = None
    batch_id: str | None = None
    status_url: str | None = None
    bytes_read: int = 0
    retry_after: str | None = None
    pauses: bool = False
    raw: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as the ledger keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """What Target says of a batch that it took.

    Attributes:
        status: ``complete``, ``incomplete``, ``stuck``, or ``unavailable`` where the answer
            could not be read; then ``message`` says why.
        batch_size: rows in the batch, as Target counts them; None where it did not say.
        consumed: rows it has read.
        updated: profiles it has updated.
        not_found: rows whose profile it does not know (version v1).
        failed: rows it could not store.
        message: why the answer could not be read.
        is_throttled: whether Target asked to be asked later.
        retry_after: when, in the header's words, where there was one.

    """

    status: str
    batch_size: int | None = None
    consumed: int | None = None
    updated: int | None = None
    not_found: int | None = None
    failed: int | None = None
    message: str = ""
    is_throttled: bool = False
    retry_after: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the status as the ledger keeps it."""
        return asdict(self)


def verdict(
    reply: Reply | NoReply, bytes_read: int, size: int, client_code: str, sandbox: str | None = None
) -> BatchAnswer:
    """Say what became of a batch file.

    Args:
        reply: the answer, or that there was none.
        bytes_read: how many bytes of the file were handed to the network.
        size: how many it has.
        client_code: the account it was sent to.
        sandbox: the address of the sandbox, where it was sent to one.

    >>> verdict(NoReply("the connection was reset"), 32_768, 8_000_000, "acme").verdict
    <Verdict.NOT_SENT: 'not sent'>
    >>> verdict(NoReply("the connection was reset"), 8_000_000, 8_000_000, "acme").verdict
    <Verdict.UNKNOWN: 'unknown'>

    """
    if isinstance(reply, NoReply):
        made_of = _unanswered(bytes_read, size)
        return BatchAnswer(made_of, reply.why, bytes_read=bytes_read, pauses=reply.pauses)
    words: dict[str, Any] = {
        "http": reply.http,
        "bytes_read": bytes_read,
        "retry_after": reply.retry_after,
        "raw": reply.body.decode("utf-8", "backslashreplace"),
    }
    if reply.http in _THROTTLES:
        return BatchAnswer(Verdict.THROTTLED, _what_came(reply), **words)
    if reply.http in _REFUSALS:
        pauses = reply.http in _PAUSES
        return BatchAnswer(Verdict.REFUSED, _refusal(reply), pauses=pauses, **words)
    if not 200 <= reply.http < 300:  # noqa: PLR2004 - the standard's own bounds
        return BatchAnswer(_unanswered(bytes_read, size), _what_came(reply), **words)
    answer = replace(_read_submission(reply, client_code, sandbox), **words)
    if answer.verdict is Verdict.UNKNOWN:
        return replace(answer, verdict=_unanswered(bytes_read, size))
    if answer.verdict is not Verdict.REFUSED and bytes_read < size:
        said = "the answer came before the whole file was sent"
        return BatchAnswer(Verdict.UNKNOWN, said, **words)
    return answer


def _unanswered(bytes_read: int, size: int) -> Verdict:
    return Verdict.NOT_SENT if bytes_read < size else Verdict.UNKNOWN


def _read_submission(reply: Reply, client_code: str, sandbox: str | None) -> BatchAnswer:
    root = _response(reply)
    if isinstance(root, str):
        return BatchAnswer(Verdict.UNKNOWN, root)
    success, message = _only(root, "success"), one_line(_only(root, "message") or "")
    if success == "false":
        return BatchAnswer(Verdict.REFUSED, message or "no reason was given")
    if success != "true":
        return BatchAnswer(Verdict.UNKNOWN, "the answer does not say whether the batch was taken")
    address = read_status_address(_only(root, "batchStatus") or "", client_code, sandbox)
    if address.batch_id is None:
        return BatchAnswer(Verdict.UNTRACKED, f"{message} ({address.why})".strip())
    said = message if address.url else f"{message} (status not followed: {address.why})".strip()
    return BatchAnswer(Verdict.ACCEPTED, said, batch_id=address.batch_id, status_url=address.url)


def read_status(reply: Reply | NoReply) -> BatchStatus:
    """Read what Target says of a batch, in any of the forms that it has had.

    >>> read_status(Reply(200, b"<response><status>complete</status></response>")).status
    'complete'
    >>> read_status(Reply(502, b"<html>", content_type="text/html"))
    BatchStatus(status='unavailable', batch_size=None, consumed=None, updated=None, \
not_found=None, failed=None, message="a web page came, not Target's XML (HTTP 502, text/html)", \
is_throttled=False, retry_after=None)
    """
    if isinstance(reply, NoReply):
        return BatchStatus("unavailable", message=reply.why)
    if reply.http != 200:  # noqa: PLR2004 - OK
        return BatchStatus(
            "unavailable",
            message=_refusal(reply),
            is_throttled=reply.http in _THROTTLES,
            retry_after=reply.retry_after,
        )
    root = _response(reply, mend_ampersands=True)
    if isinstance(root, str):
        return BatchStatus("unavailable", message=root)
    status = _only(root, "status") or "missing"
    if status not in {limits.STATUS_COMPLETE, limits.STATUS_INCOMPLETE, limits.STATUS_STUCK}:
        return BatchStatus("unavailable", message=f"the status is {one_line(status)!r}")
    by_row = _profile_blocks(root)
    return BatchStatus(
        status,
        batch_size=_number(root, "batchSize"),
        consumed=_number(root, "consumedCount"),
        updated=_number(root, "successfulUpdates", by_row.get("success")),
        not_found=_number(root, "profilesNotFound"),
        failed=_number(root, "failedUpdates", by_row.get("failed")),
    )


def _profile_blocks(root: Element) -> dict[str, int]:
    """Count the answers of an older generation, which named every row, later the failed ones."""
    counts = Counter(block.findtext("status", "").strip() for block in root.iter("profile"))
    found = {"success": counts["success"], "failed": counts["failed"] + counts["error"]}
    return {word: count for word, count in found.items() if count}


def read_success(reply: Reply | NoReply) -> tuple[bool | None, str]:
    """Read the answer of a single update: whether it was taken (None: not known), and why not."""
    if isinstance(reply, NoReply):
        return (False if reply.never_left else None), reply.why
    root = _response(reply)
    if reply.http in _REFUSALS | _THROTTLES:
        return False, _refusal(reply)
    if reply.http != 200 or isinstance(root, str):  # noqa: PLR2004 - OK
        return None, _what_came(reply)
    told = {"true": True, "false": False}.get(_only(root, "success") or "")
    return told, one_line(_only(root, "message") or "")


def _response(reply: Reply, *, mend_ampersands: bool = False) -> Element | str:
    """Give the root of a complete answer of Target's, or say in a clause why it is none."""
    body = reply.body.removeprefix(b"\xef\xbb\xbf").strip()
    if not reply.is_complete:
        return "the answer broke off, or was too long"
    if mend_ampersands:  # older samples of Adobe's have them in URLs
        body = _BARE_AMPERSAND.sub(b"&amp;", body)
    declared = _ENCODING.match(body)
    if declared and declared[1].lower() not in _ENCODINGS:
        return f"the answer is written in {one_line(declared[1].decode('latin-1'))!r}"
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return _what_came(reply)
    return root if root.tag == "response" else _what_came(reply)


def _only(root: Element, tag: str) -> str | None:
    """Give the text of the one child of that name; None where there is none, or several."""
    found = root.findall(tag)
    if len(found) != 1 or len(found[0]):
        return None
    return (found[0].text or "").strip()


def _number(root: Element, tag: str, default: int | None = None) -> int | None:
    text = _only(root, tag)
    return int(text) if text and re.fullmatch(r"[0-9]{1,12}", text) else default


def _refusal(reply: Reply) -> str:
    root = _response(reply)
    said = "" if isinstance(root, str) else _only(root, "message") or ""
    return f"{one_line(said)} (HTTP {reply.http})" if said else _what_came(reply)


def _what_came(reply: Reply) -> str:
    if "html" in reply.content_type.lower() or b"<html" in reply.body[:1000].lower():
        return f"a web page came, not Target's XML ({kind_of(reply)})"
    said = one_line(reply.body[:_LONGEST_MESSAGE].decode("utf-8", "replace"))
    return f"HTTP {reply.http}: {said}" if said else f"HTTP {reply.http}, with nothing in it"


def seconds_asked(retry_after: str | None) -> float | None:
    """Read how long Target asks to wait; None where it does not say so in whole seconds.

    >>> seconds_asked("120"), seconds_asked("soon"), seconds_asked("-5")
    (120.0, None, None)
    """
    said = retry_after or ""
    if not (said.isdecimal() and said.isascii()):
        return None
    return float(said.lstrip("0")[:_MOST_DIGITS] or 0)


def kind_of(reply: Reply) -> str:
    """Give the status code and the type of an answer that was not what was asked for."""
    kind = one_line(reply.content_type.split(";")[0].lower())
    return f"HTTP {reply.http}, {kind}" if kind else f"HTTP {reply.http}"


def one_line(text: str) -> str:
    r"""Give *text* as one line that can be printed anywhere, and say where it was cut.

    >>> one_line("no\x1b[31m\n access")
    'no\\x1b[31m access'
    """
    folded = " ".join(text.split())
    shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in folded)
    return shown if len(shown) <= _LONGEST_MESSAGE else f"{shown[:_LONGEST_MESSAGE]}…"
