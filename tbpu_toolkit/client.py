"""The calls of Target's profile APIs: one attempt a call, and no retries hidden anywhere."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Self

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from tbpu_toolkit import answers, limits
from tbpu_toolkit.addresses import (
    checked_base_url,
    checked_client_code,
    is_loopback,
    is_targets_host,
    read_status_address,
)
from tbpu_toolkit.answers import BatchAnswer, BatchStatus, NoReply, Reply
from tbpu_toolkit.errors import CallFailed, InputError
from tbpu_toolkit.faults import Watch, no_reply
from tbpu_toolkit.pace import Pace
from tbpu_toolkit.profiles import (
    LARGEST_PROFILE,
    FetchKey,
    Profile,
    fetch_path,
    read_profile,
    update_body,
)
from tbpu_toolkit.upload import CountedFile, checked_batch_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.limits import Version

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 120.0  # for the first byte of an answer, and between two
_BODY_SECONDS: Final = 30.0  # for all of its bytes, beyond that
_UPLOAD_SECONDS: Final = 3600.0  # for handing a batch file over
_DEFAULT_CALLS_PER_MINUTE: Final = 40  # Target's 50 are shared with the account's other tools
_BROKEN: Final = (requests.RequestException, HTTPError, OSError)


class SendInterrupted(KeyboardInterrupt):
    """The stop button was pressed while a batch was under way; ``answer`` says how far it was."""

    def __init__(self, answer: BatchAnswer) -> None:
        super().__init__()
        self.answer = answer


class BearerToken(AuthBase):
    """A profile authentication token, which prints as ``[secure]`` and is never stored.

    An auth object and not a header: a header would give way to a password of ``.netrc``.

    >>> BearerToken("abc")
    [secure]
    """

    def __init__(self, token: str) -> None:
        self._token = token
        is_sound = re.fullmatch(r"[!-~]+", token) is not None
        del token  # a traceback may print the locals
        if not is_sound:
            raise InputError(
                "The token is empty, or holds spaces or signs that no token has. Copy it again "
                "from Administration > Implementation > Profile API."
            )

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Show the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "[secure]"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A token is not stored. Give it to the client again.")


class _NoToken(AuthBase):
    """Keeps requests from looking for a password in ``.netrc``."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class TargetClient:
    """Adobe Target, or another address that speaks like it.

    Args:
        client_code: the account's, from Administration > Implementation > Account details.
        token: the profile authentication token, where the account requires one.
        base_url: another address than ``https://<client code>.tt.omtrdc.net``: https, or http on
            this machine (the sandbox).
        calls_per_minute: how many batch and status calls to make in a minute at the most; None
            for no limit. Target allows an account 50, shared by all of its tools.

    Raises:
        InputError: the client code or the address is not one; checked before any call.

    >>> TargetClient("acme", token="abc")
    TargetClient('acme', base_url='https://acme.tt.omtrdc.net', token=[secure])
    >>> TargetClient("evil.example/#")
    Traceback (most recent call last):
    tbpu_toolkit.errors.InputError: Client code 'evil.example/#' is not one: it has lower-case \
letters, digits, '-' and '_' only. Copy it from Administration > Implementation > Account details.

    """

    def __init__(
        self,
        client_code: str,
        token: str | None = None,
        base_url: str | None = None,
        calls_per_minute: int | None = _DEFAULT_CALLS_PER_MINUTE,
    ) -> None:
        given, token = [token], None  # a traceback may print the locals
        self.client_code = checked_client_code(client_code)
        self.base_url = f"https://{client_code}{limits.EDGE_DOMAIN}"
        self._auth = _auth(given)
        if base_url is not None:
            self.base_url = checked_base_url(base_url)
        self.is_sandbox = is_loopback(self.base_url)
        self._check_token_goes_to_target()
        self.pace = Pace(_checked_pace(calls_per_minute))
        self._of_thread = threading.local()

    def __repr__(self) -> str:
        token = ", token=[secure]" if self.has_token else ""
        return f"TargetClient({self.client_code!r}, base_url={self.base_url!r}{token})"

    @property
    def has_token(self) -> bool:
        """Whether a token was given."""
        return isinstance(self._auth, BearerToken)

    def _check_token_goes_to_target(self) -> None:
        host = self.base_url.removeprefix("https://").partition(":")[0]
        if self.has_token and not self.is_sandbox and not is_targets_host(host):
            raise InputError(
                f"A token was given for '{self.base_url}', which is not a host of Target's "
                f"(*{limits.EDGE_DOMAIN}). Leave the token or the base_url out."
            )

    # --- batches ---------------------------------------------------------------------

    def update_batch(self, path: str | Path, version: Version = "v2") -> BatchAnswer:
        """Hand one batch file over, once, and say what became of it.

        Args:
            path: the file: ``batch=`` at its beginning, less than 50,000,000 bytes.
            version: ``"v1"`` updates known profiles only, ``"v2"`` creates them too.

        Returns:
            The verdict and what came with it. A fault of the network is a verdict too.

        Raises:
            InputError: the file is not a batch file; nothing was sent.
            SendInterrupted: the stop button; its ``answer`` says how far it was.

        >>> TargetClient("acme").update_batch("nowhere.batch")
        Traceback (most recent call last):
        tbpu_toolkit.errors.InputError: There is no file 'nowhere.batch'. Prepare a run first.

        """
        size = checked_batch_file(Path(path), version)
        url = self._url(limits.BATCH_UPDATE_PATHS[version])
        with Path(path).open("rb") as file, self._line() as line:
            body = CountedFile(file, size)
            try:
                self.pace.wait()
                reply = line.post(url, body, self._auth)
            except KeyboardInterrupt:
                raise SendInterrupted(self._verdict(NoReply("it was stopped"), body)) from None
        return self._verdict(reply, body)

    def _verdict(self, reply: Reply | NoReply, body: CountedFile) -> BatchAnswer:
        return answers.verdict(reply, body.bytes_read, len(body), self.client_code, self._sandbox)

    @property
    def _sandbox(self) -> str | None:
        return self.base_url if self.is_sandbox else None

    def batch_status(self, answer: BatchAnswer | str) -> BatchStatus:
        """Ask once what became of a batch that was accepted.

        The token is not shown at first; where the answer is 401 or 403, the question is asked
        once more with it.

        Args:
            answer: what :meth:`update_batch` gave, or its ``status_url``.

        Returns:
            The status with its counts; ``unavailable`` where the answer could not be read.

        Raises:
            InputError: the answer has no status URL that is safe to follow.

        """
        given = answer if isinstance(answer, str) else answer.status_url or ""
        address = read_status_address(given, self.client_code, self._sandbox)
        if address.url is None:
            raise InputError(
                f"This batch can't be followed: {address.why}. Prove it by a fetch instead."
            )
        self.pace.wait()
        reply = self._reader.get(address.url, _NoToken())
        if self.has_token and isinstance(reply, Reply) and reply.http in {401, 403}:
            self.pace.wait()
            reply = self._reader.get(address.url, self._auth)
        return answers.read_status(reply)

    # --- single profiles -------------------------------------------------------------

    def fetch_profile(self, id: str, key_type: FetchKey = "thirdPartyId") -> Profile:  # noqa: A002 - the field's own word
        """Fetch one profile back.

        The call: AdobeDocs/target-dev.en, profile-fetch.md. It does not count towards the pace.

        Args:
            id: the visitor's id, as it stood in the batch file before encoding.
            key_type: ``"thirdPartyId"``, ``"pcId"`` (tntId) or ``"ecid"``.

        Returns:
            The profile; its ``found`` is False where Target knows none.

        Raises:
            CallFailed: no usable answer came.
            InputError: the key type is none of these, or the id can't be asked for.

        """
        url = f"{self.base_url}{fetch_path(id, key_type, self.client_code)}"
        return read_profile(self._reader.get(url, self._auth, LARGEST_PROFILE), id, key_type)

    def update_profile(
        self,
        id: str,  # noqa: A002 - the field's own word
        attributes: Mapping[str, Any],
        key_type: Literal["thirdPartyId", "pcId"] = "thirdPartyId",
    ) -> str:
        """Correct one profile that Target knows; it never creates one.

        The call: AdobeDocs/target-dev.en, profile-single-api.md.

        Args:
            id: the visitor's id.
            attributes: parameter's bare name -> value, written by the rule of its type.
            key_type: ``"thirdPartyId"`` or ``"pcId"``.

        Returns:
            Target's message. It says that the request was taken, not that the profile changed.

        Raises:
            InputError: a name or value can't be sent, or all of it is over 60 KB.
            CallFailed: Target refused, or no usable answer came.

        """
        body = update_body(id, attributes, key_type)
        with self._line() as line:
            reply = line.post(self._url(limits.SINGLE_UPDATE_PATH), body, self._auth)
        taken, message = answers.read_success(reply)
        if taken:
            return message
        said = message.rstrip(".")
        if taken is None:
            raise CallFailed(
                f"Whether Target took the update of {id!r} is not known: {said}. "
                "Fetch the profile before you try again."
            )
        if isinstance(reply, NoReply):
            raise CallFailed(f"The update of {id!r} could not be handed over: {said}. Try again.")
        raise CallFailed(f"Target refused the update of {id!r}: {said}.")

    # --- the lines -------------------------------------------------------------------

    def _url(self, path: str) -> str:
        return f"{self.base_url}{path.format(client_code=self.client_code)}"

    def _line(self) -> _Line:
        # A company's proxy has no business on loopback.
        return _Line(use_environment=not self.is_sandbox)

    @property
    def _reader(self) -> _Line:
        """A line for questions, kept open; each thread has its own."""
        if not hasattr(self._of_thread, "line"):
            self._of_thread.line = self._line()
        line: _Line = self._of_thread.line
        return line


def _auth(given: list[str | None]) -> AuthBase:
    return _NoToken() if given[0] is None else BearerToken(given.pop() or "")


class _Line:
    """Makes one call at a time: no redirects, no retries, no answer without an end."""

    def __init__(self, *, use_environment: bool) -> None:
        self._adapter = _HangingUp(max_retries=0)
        self._session = requests.Session()
        self._session.trust_env = use_environment
        self._session.headers["Accept-Encoding"] = "identity"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._adapter.close()
        self._session.close()

    def get(
        self, url: str, auth: AuthBase, longest: int = answers.LARGEST_ANSWER
    ) -> Reply | NoReply:
        """Ask, and read at most *longest* bytes of the answer."""
        with Watch(self._adapter.hang_up) as watch:
            watch.start(_ANSWER_SECONDS + _BODY_SECONDS)
            return self._ask(watch, longest, method="GET", url=url, auth=auth)

    def post(self, url: str, body: CountedFile | bytes, auth: AuthBase) -> Reply | NoReply:
        """Hand over a body, on a connection of its own: a kept one may have gone stale."""
        headers = {"Content-Type": limits.CONTENT_TYPE, "Connection": "close"}
        with Watch(self._adapter.hang_up) as watch:
            watch.start(_UPLOAD_SECONDS)
            if isinstance(body, CountedFile):
                body.at_end = lambda: watch.start(_ANSWER_SECONDS + _BODY_SECONDS)
            words = {"url": url, "data": body, "headers": headers, "auth": auth}
            return self._ask(watch, answers.LARGEST_ANSWER, method="POST", **words)

    def _ask(self, watch: Watch, longest: int, **words: Any) -> Reply | NoReply:
        # The adapter itself is asked: a session reads all of a redirect that it does not follow.
        timeout = (_CONNECT_SECONDS, _ANSWER_SECONDS)
        try:
            request = self._session.prepare_request(requests.Request(**words))
            response = self._adapter.send(request, timeout=timeout, **self._settings(request))
        except _BROKEN as error:
            too_late = NoReply("no complete answer came in time")
            return too_late if watch.has_rung else no_reply(error, words["url"], timeout)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None  # without the frames below, which hold the headers
        with contextlib.closing(response):
            return _read_reply(response, longest, watch)

    def _settings(self, request: requests.PreparedRequest) -> dict[str, Any]:
        """Proxies and certificates, as the environment gives them."""
        return dict(self._session.merge_environment_settings(request.url, {}, True, None, None))


class _HangingUp(HTTPAdapter):
    """An adapter that can end the calls that are under way."""

    def __init__(self, **words: Any) -> None:
        self._sockets: list[socket.socket] = []
        super().__init__(**words)

    def init_poolmanager(self, *args: Any, **words: Any) -> None:
        super().init_poolmanager(*args, **words)
        self._listen(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **words: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **words)
        self._listen(manager)
        return manager

    def _listen(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _noting(pool, self._sockets)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def hang_up(self) -> None:
        """End whatever is being read or written."""
        for line in self._sockets:
            with contextlib.suppress(OSError):  # it has ended by itself
                line.shutdown(socket.SHUT_RDWR)


def _noting(pool: type[Any], sockets: list[socket.socket]) -> type[Any]:
    """Give a kind of pool whose connections note down their sockets."""
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:
        plain.connect(self)
        sockets[:] = [self.sock]  # a line makes one call at a time

    connection = type("NotingConnection", (plain,), {"connect": connect})
    return type("NotingPool", (pool,), {"ConnectionCls": connection})


def _read_reply(response: requests.Response, longest: int, watch: Watch) -> Reply:
    """Read an answer, bounded in bytes and, by the watch, in time."""
    body, has_ended = b"", False
    try:
        while len(body) <= longest and not has_ended:
            block = response.raw.read1(longest + 1 - len(body), decode_content=False)
            body += block
            has_ended = not block
    except _BROKEN:
        has_ended = False  # the status code stands, whatever became of the body
    return Reply(
        response.status_code,
        body[:longest],
        has_ended and not watch.has_rung,
        response.headers.get("Content-Type", ""),
        _retry_after(response),
    )


def _retry_after(response: requests.Response) -> str | None:
    """Give what Retry-After says; a date as seconds from the answer's own, for clocks differ."""
    said: str | None = response.headers.get("Retry-After")
    try:
        until = parsedate_to_datetime(said or "")
        spoken = parsedate_to_datetime(response.headers.get("Date", ""))
        return f"{max(0.0, (until - spoken).total_seconds()):.0f}"
    except (ValueError, TypeError):
        return said


def _checked_pace(calls_per_minute: int | None) -> int | None:
    if calls_per_minute is None or 1 <= calls_per_minute <= limits.CALLS_PER_MINUTE:
        return calls_per_minute
    raise InputError(
        f"calls_per_minute is {calls_per_minute}. Use 1 to {limits.CALLS_PER_MINUTE}, which is "
        "all that Target allows an account, or None on a sandbox."
    )
