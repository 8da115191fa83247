"""What the sandbox answers to each call of Target's API."""

from __future__ import annotations

import asyncio
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from urllib.parse import parse_qsl

from tornado.web import HTTPError, RequestHandler, stream_request_body

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox import answers
from tbpu_toolkit.sandbox.batch_file import FileRefused, check_rows, check_size, read_batch
from tbpu_toolkit.sandbox.database import now_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.http1connection import HTTP1Connection

    from tbpu_toolkit.limits import KeyType, Version
    from tbpu_toolkit.sandbox.applier import Applier
    from tbpu_toolkit.sandbox.batches import Batch, Batches
    from tbpu_toolkit.sandbox.call_limit import CallLimit
    from tbpu_toolkit.sandbox.fault_script import Playbook
    from tbpu_toolkit.sandbox.faults import Fate
    from tbpu_toolkit.sandbox.profiles import LookupKey, Profiles

MAX_DRAINED_BYTES: Final = 200_000_000  # a larger body is cut off instead of answered
_SINGLE_KEYS: Final[dict[str, KeyType]] = {"mboxPC": "pcId", "mbox3rdPartyId": "thirdPartyId"}


@dataclass(slots=True)
class Shared:
    """All that the handlers share.

    Attributes:
        url: where the sandbox listens, without a slash at the end.
        profiles: the profiles.
        batches: the batches.
        applier: is told when a batch came in.
        limit: counts the calls.
        playbook: what goes wrong with the calls to come.
        token: what ``Authorization`` must carry; ``None`` lets everybody in. A fault may
            change it.

    """

    url: str
    profiles: Profiles
    batches: Batches
    applier: Applier
    limit: CallLimit
    playbook: Playbook
    token: str | None = field(repr=False)

    def lets_in(self, authorization: str) -> bool:
        """Whether a call with this ``Authorization`` header may use the API."""
        if self.token is None:
            return True
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())

    @property
    def hosts(self) -> tuple[str, str]:
        """The values of ``Host`` that mean this sandbox."""
        port = self.url.rpartition(":")[2]
        return f"127.0.0.1:{port}", f"localhost:{port}"


class LocalHandler(RequestHandler):
    """Answers only to callers who mean this sandbox.

    It listens on this machine alone, but an analyst's browser is on this machine too:
    a foreign web page must not reach it, neither by a name that resolves to loopback
    (the Host header tells) nor by a form that posts across (the Origin header tells).
    """

    def initialize(self, shared: Shared) -> None:
        """Take what the handlers share."""
        self.shared = shared

    def set_default_headers(self) -> None:
        """Leave out what tells the server's kind; forbid guessing and keeping."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """Turn away foreign pages."""
        hosts = self.shared.hosts
        origin = self.request.headers.get("Origin")
        if self.request.host.lower() not in hosts:
            self._forbid(f"This sandbox answers as {hosts[0]} only.")
        elif (
            self.request.method != "GET"
            and origin is not None
            and origin.lower() not in [f"http://{host}" for host in hosts]
        ):
            self._forbid("Pages of other origins may not post to this sandbox.")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer an error of the server itself in one plain line."""
        self.answer(f"{status_code} {self._reason}\n".encode(), "text/plain; charset=UTF-8")

    def log_exception(self, kind: Any, error: Any, traceback: Any) -> None:
        """Log mistakes of the sandbox, but not those of its callers: they get an answer."""
        if not isinstance(error, HTTPError):
            super().log_exception(kind, error, traceback)

    def compute_etag(self) -> None:
        """Send no tag: the next answer to the same question is often another one."""

    def answer(self, body: bytes, content_type: str) -> None:
        """Send an answer."""
        self.set_header("Content-Type", content_type)
        self.finish(body)

    def pairs(self, text: str | bytes) -> list[tuple[str, str]]:
        """Read a query or a form, where a plus sign is a space; values stay as they are.

        Raises:
            ValueError: something is not UTF-8.

        """
        if isinstance(text, bytes):
            text = text.decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict")

    def query(self, name: str) -> str:
        """Return the first value of a parameter of the query, or an empty text.

        Raises:
            ValueError: something is not UTF-8.

        """
        return next((value for key, value in self.pairs(self.request.query) if key == name), "")

    def _forbid(self, message: str) -> None:
        self.set_status(403)
        self.answer(f"{message}\n".encode(), "text/plain; charset=UTF-8")


class NotFoundHandler(LocalHandler):
    """Answers calls of no known address."""

    def prepare(self) -> None:
        """Turn away foreign pages, then everybody."""
        super().prepare()
        if not self._finished:
            self.send_error(404)


class ApiHandler(LocalHandler):
    """A call of Target's API: may need a token, may count against the limit."""

    metered: ClassVar[bool] = False

    def prepare(self) -> None:
        """Find out whether the call is served; :meth:`is_served` answers it if not."""
        super().prepare()
        self.refusal = 0
        if self._finished:
            return
        self.arrived()
        if not self.shared.lets_in(self.request.headers.get("Authorization", "")):
            self.refusal = 401
        elif self.metered and not self.shared.limit.admits(self.path_kwargs["client_code"]):
            self.refusal = 503

    def arrived(self) -> None:
        """Hear of a call that means this sandbox, before it is known whether it is served."""

    def is_served(self) -> bool:
        """Whether the call goes on; the caller has got the answer otherwise."""
        if self.refusal:
            self.set_status(self.refusal)
            if self.refusal == 401:  # noqa: PLR2004 - the status that needs this header
                self.set_header("WWW-Authenticate", "Bearer")
            self.write_error(self.refusal)
        return not self.refusal

    def refuse(self, message: str, status: int = 200) -> None:
        """Answer in Target's form that a call is not taken, by default with HTTP 200."""
        self.set_status(status)
        self.answer(answers.refused(message), answers.XML)

    def sends_form(self) -> bool:
        """Whether the body claims to be what ``curl --data-binary`` sends."""
        content_type = self.request.headers.get("Content-Type", "")
        return content_type.partition(";")[0].strip().lower() == limits.CONTENT_TYPE


@stream_request_body
class BatchUpdateHandler(ApiHandler):
    """``POST …/batchUpdate``: takes a batch."""

    metered = True
    fate: Fate | None = None

    def initialize(self, shared: Shared, version: Version) -> None:  # type: ignore[override]  # tornado passes the route's own keywords
        """Take what the handlers share, and which version the address means."""
        super().initialize(shared)
        self.version = version
        self.size = 0
        self.parts: list[bytes] = []

    def prepare(self) -> None:
        """Let a large body come in, so that its sender can be told what is wrong with it."""
        super().prepare()
        connection = cast("HTTP1Connection", self.request.connection)
        connection.set_max_body_size(MAX_DRAINED_BYTES)

    def data_received(self, chunk: bytes) -> None:
        """Keep the body as long as it may be taken; count it in any case."""
        self.size += len(chunk)
        if self.refusal or self.size >= limits.MAX_BATCH_BYTES:
            self.parts.clear()
        else:
            self.parts.append(chunk)

    async def post(self, client_code: str) -> None:
        """Check the batch and take it."""
        if not self.is_served():
            return
        if not self.sends_form():
            self.refuse(f"The Content-Type must be {limits.CONTENT_TYPE}.")
            return
        try:
            batch = await asyncio.to_thread(self._take, client_code)
        except FileRefused as error:
            self.refuse(str(error))
            return
        self.shared.applier.wake()
        self.answer(answers.submitted(self.status_url(batch)), answers.XML)

    def status_url(self, batch: Batch) -> str | None:
        """Give the address of a batch's status."""
        path = limits.BATCH_STATUS_PATHS["v1"].format(client_code=batch.client)
        return f"{self.shared.url}{path}?batchId={batch.batch_id}"

    def _take(self, client_code: str) -> Batch:
        check_size(self.size)
        body = b"".join(self.parts)
        self.parts.clear()
        file = read_batch(body)
        check_rows(file)
        return self.shared.batches.take(client_code, self.version, file, body, self.fate)


class BatchStatusHandler(ApiHandler):
    """``GET …/batchStatus``: tells how far a batch is."""

    metered = True

    async def get(self, client_code: str) -> None:
        """Answer with the counts if ``showDetails=true`` asks for them."""
        if not self.is_served():
            return
        try:
            batch_id, details = self.query("batchId"), self.query("showDetails") == "true"
        except ValueError:
            self.refuse("The query is not UTF-8.", 400)
            return
        batch = await asyncio.to_thread(self.find, client_code, batch_id)
        if batch is None:
            self.refuse(f"No batch {batch_id!r} is known for client {client_code}.", 404)
            return
        seconds = self.shared.applier.seconds_to_complete
        consumed = answers.consumed_count(batch, now_ms(), seconds)
        self.answer(answers.status(batch, consumed, details=details), answers.XML)

    def find(self, client_code: str, batch_id: str) -> Batch | None:
        """Look a batch up."""
        return self.shared.batches.find(client_code, batch_id)


class FetchHandler(ApiHandler):
    """``GET /rest/v1/profiles/…``: shows a profile."""

    def initialize(self, shared: Shared, key_type: LookupKey) -> None:  # type: ignore[override]  # tornado passes the route's own keywords
        """Take what the handlers share, and which kind of id the address means."""
        super().initialize(shared)
        self.key_type = key_type

    async def get(self, key: str) -> None:
        """Answer with the profile, or with 404."""
        if not self.is_served():
            return
        try:
            client = self.query("client")
        except ValueError:
            client = ""
        if not re.fullmatch(limits.CLIENT_CODE_PATTERN, client):
            self._fail(400, "The parameter 'client' must be given and be a client code.")
            return
        found = await asyncio.to_thread(self.shared.profiles.fetch, key, client, self.key_type)
        if found is None:
            self.set_status(404)
            self.answer(answers.no_profile(client, self.key_type, key), answers.JSON)
        else:
            self.answer(answers.profile(found), answers.JSON)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer every error in this call's form."""
        self._fail(status_code, self._reason)

    def _fail(self, status_code: int, message: str) -> None:
        self.set_status(status_code)
        self.answer(answers.failure(status_code, message), answers.JSON)


class SingleUpdateHandler(ApiHandler):
    """``GET`` or ``POST …/profile/update``: changes one profile.

    Target only says that the request came in. So does the sandbox, also where it knows
    no such profile, which it does not create.
    """

    async def get(self, client_code: str) -> None:
        """Take the parameters from the query."""
        if self.is_served():
            size = len(self.request.query.encode())
            await self._update(client_code, size, limits.SINGLE_UPDATE_GET_BYTES, b"")

    async def post(self, client_code: str) -> None:
        """Take the parameters from the query and from a form."""
        if not self.is_served():
            return
        body = self.request.body
        if body and not self.sends_form():
            self.refuse(f"The Content-Type must be {limits.CONTENT_TYPE}.")
            return
        size = len(self.request.query.encode()) + len(body)
        await self._update(client_code, size, limits.SINGLE_UPDATE_POST_BYTES, body)

    async def _update(self, client: str, size: int, most: int, body: bytes) -> None:
        if size > most:
            self.refuse(f"The parameters have {size:,} bytes; {most:,} is the most.")
            return
        try:
            pairs = self.pairs(self.request.query) + self.pairs(body)
            key_type, key = _single_key(pairs)
            values = _single_values(pairs)
        except UnicodeDecodeError:
            self.refuse("The parameters are not UTF-8.")
        except ValueError as error:
            self.refuse(str(error))
        else:
            await asyncio.to_thread(self.shared.profiles.update, key, client, key_type, values)
            self.answer(answers.updated(), answers.XML)


def _single_key(pairs: list[tuple[str, str]]) -> tuple[KeyType, str]:
    found = [(_SINGLE_KEYS[name], value) for name, value in pairs if name in _SINGLE_KEYS]
    if len(found) != 1 or not found[0][1]:
        raise ValueError("Give the id once, either as mboxPC or as mbox3rdPartyId.")
    return found[0]


def _single_values(pairs: list[tuple[str, str]]) -> Mapping[str, str]:
    prefix = limits.PROFILE_PREFIX
    given = [(name.removeprefix(prefix), value) for name, value in pairs if name.startswith(prefix)]
    if not given or not all(name.strip() for name, _ in given):
        raise ValueError("Give at least one parameter, each named profile.NAME.")
    if len(dict(given)) < len(given):
        raise ValueError("Give each parameter once.")
    return dict(given)
