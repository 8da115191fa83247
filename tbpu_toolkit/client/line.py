"""One call at a time over HTTP: one attempt, bounded in bytes and time, and no secret told."""

from __future__ import annotations

import contextlib
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import requests
from requests.auth import AuthBase

from tbpu_toolkit import answers, limits
from tbpu_toolkit.answers import NoReply, Reply
from tbpu_toolkit.client.connections import EndingAdapter
from tbpu_toolkit.faults import Watch, no_reply
from tbpu_toolkit.upload import CountedFile

if TYPE_CHECKING:
    from tbpu_toolkit.tokens import Token

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 120.0  # for the first byte of an answer, and between two
_BODY_SECONDS: Final = 30.0  # for all of its bytes, beyond that
_UPLOAD_SECONDS: Final = 3600.0  # for handing a batch file over

STOPPED: Final = "it was stopped"


class _Bearer(AuthBase):
    """Shows a token, or that there is none to show.

    An auth object and not a header: a header would give way to a password of ``.netrc``, and
    without any, requests would look for one there.
    """

    def __init__(self, token: Token | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.in_clear()}"
        return request


class Line:
    """Makes one call at a time: no redirects, no retries, no answer without an end.

    Args:
        token: the account's, where it has one; it is hidden in whatever comes back.
        use_environment: whether proxies and certificates are those of the environment.

    """

    def __init__(self, token: Token | None, *, use_environment: bool) -> None:
        self._token = token
        self._adapter = EndingAdapter(max_retries=0)
        self._session = requests.Session()
        self._session.trust_env = use_environment
        self._session.headers["Accept-Encoding"] = "identity"
        self.was_hung_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._adapter.close()
        self._session.close()

    def hang_up(self) -> None:
        """End the call that is under way, or that is to come; from any thread."""
        self.was_hung_up = True
        self._adapter.socket.end()

    def get(
        self, url: str, *, with_token: bool, longest: int = answers.LARGEST_ANSWER
    ) -> Reply | NoReply:
        """Ask, and read at most *longest* bytes of the answer."""
        auth = _Bearer(self._token if with_token else None)
        with Watch(self._adapter.socket.end) as watch:
            watch.start(_ANSWER_SECONDS + _BODY_SECONDS)
            return self._ask(watch, longest, method="GET", url=url, auth=auth)

    def post(self, url: str, body: CountedFile | bytes) -> Reply | NoReply:
        """Hand over a body, on a connection of its own: a kept one may have gone stale."""
        headers = {"Content-Type": limits.CONTENT_TYPE, "Connection": "close"}
        with Watch(self._adapter.socket.end) as watch:
            watch.start(_ANSWER_SECONDS + _BODY_SECONDS)
            if isinstance(body, CountedFile):
                watch.start(_UPLOAD_SECONDS)
                body.at_end = lambda: watch.start(_ANSWER_SECONDS + _BODY_SECONDS)
            words = {"url": url, "data": body, "headers": headers, "auth": _Bearer(self._token)}
            return self._ask(watch, answers.LARGEST_ANSWER, method="POST", **words)

    def _ask(self, watch: Watch, longest: int, **words: Any) -> Reply | NoReply:
        reply = self._call(watch, longest, words)
        if isinstance(reply, BaseException):
            raise reply  # outside of the frames that hold the token
        return reply

    def _call(
        self, watch: Watch, longest: int, words: dict[str, Any]
    ) -> Reply | NoReply | KeyboardInterrupt | SystemExit:
        """Make the call; where the process is to stop, give what says so."""
        self._adapter.socket.begin()
        if self.was_hung_up:
            return NoReply(STOPPED, never_left=True)
        try:
            response = self._response(watch, requests.Request(**words))
            if isinstance(response, NoReply):
                return response
            with contextlib.closing(response):
                return self._read_reply(response, longest, watch)
        except KeyboardInterrupt:
            return KeyboardInterrupt()
        except SystemExit as end:
            return SystemExit(end.code if isinstance(end.code, int) else 1)

    def _response(self, watch: Watch, asked: requests.Request) -> requests.Response | NoReply:
        """Give the head of the answer, its body unread."""
        timeout = (_CONNECT_SECONDS, _ANSWER_SECONDS)
        # The adapter itself is asked: a session reads all of a redirect that it does not follow.
        try:
            request = self._session.prepare_request(asked)
            settings = self._settings(request)
            if missing := _missing_bundle(settings["verify"]):
                return NoReply(missing, never_left=True, pauses=True)
            return self._adapter.send(request, timeout=timeout, **settings)
        except Exception as error:  # noqa: BLE001 - its frames hold the token; the bytes decide
            if watch.has_rung:
                return NoReply("no complete answer came in time")
            connected = self._adapter.socket.was_connected
            return no_reply(error, asked.url, timeout, connected=connected)

    def _settings(self, request: requests.PreparedRequest) -> dict[str, Any]:
        """Proxies and certificates, as the environment gives them."""
        return dict(self._session.merge_environment_settings(request.url, {}, True, None, None))

    def _read_reply(self, response: requests.Response, longest: int, watch: Watch) -> Reply:
        """Read an answer, bounded in bytes and, by the watch, in time."""
        body, has_ended = b"", False
        try:
            while len(body) <= longest and not has_ended:
                block = response.raw.read1(longest + 1 - len(body), decode_content=False)
                body += block
                has_ended = not block
        except Exception:  # noqa: BLE001 - the status code stands, whatever became of the body
            has_ended = False
        if watch.has_rung or self.was_hung_up:  # then an end may be our own
            has_ended = has_ended and _says_its_length(response)
        return Reply(
            response.status_code,
            self._hide(body, has_ended=has_ended)[:longest],
            has_ended,
            self._header(response, "Content-Type") or "",
            self._retry_after(response),
            self._header(response, "Date") or "",
        )

    def _hide(self, said: bytes, *, has_ended: bool = True) -> bytes:
        return said if self._token is None else self._token.hide(said, has_ended=has_ended)

    def _header(self, response: requests.Response, name: str) -> str | None:
        said: str | None = response.headers.get(name)
        return None if said is None else self._hide(said.encode("latin-1")).decode("latin-1")

    def _retry_after(self, response: requests.Response) -> str | None:
        """Give what Retry-After says; a date as seconds from the answer's own: clocks differ."""
        said, now = self._header(response, "Retry-After"), self._header(response, "Date")
        try:
            until, spoken = parsedate_to_datetime(said or ""), parsedate_to_datetime(now or "")
            return f"{max(0.0, (until - spoken).total_seconds()):.0f}"
        except (ValueError, TypeError, OverflowError):  # what is no date, or one beyond all years
            return said


def _says_its_length(response: requests.Response) -> bool:
    return response.raw.length_remaining is not None or response.raw.chunked


def _missing_bundle(verify: object) -> str | None:
    """Say where the environment names certificates that are not there."""
    if isinstance(verify, str) and not Path(verify).exists():
        return f"there is no '{verify}', which REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names"
    return None
