"""The calls of Target's profile APIs: one attempt a call, and no retries hidden anywhere."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from tbpu_toolkit import answers, limits
from tbpu_toolkit.addresses import (
    checked_base_url,
    checked_client_code,
    is_loopback,
    is_targets_host,
    read_status_address,
)
from tbpu_toolkit.answers import BatchAnswer, BatchStatus, NoReply, Reply, Verdict
from tbpu_toolkit.client.line import STOPPED, Line
from tbpu_toolkit.errors import CallFailed, InputError
from tbpu_toolkit.pace import Pace, calls_to
from tbpu_toolkit.profiles import (
    LARGEST_PROFILE,
    FetchKey,
    Profile,
    fetch_path,
    read_profile,
    update_body,
)
from tbpu_toolkit.tokens import HIDDEN, Token
from tbpu_toolkit.upload import CountedFile, checked_batch_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tbpu_toolkit.limits import Version

_DEFAULT_CALLS_PER_MINUTE: Final = 40  # Target's 50 are shared with the account's other tools


class SendInterrupted(KeyboardInterrupt):
    """The stop button was pressed while a batch was under way; ``answer`` says how far it was."""

    def __init__(self, answer: BatchAnswer) -> None:
        super().__init__()
        self.answer = answer


class TargetClient:
    """Adobe Target, or another address that speaks like it.

    Args:
        client_code: the account's, from Administration > Implementation > Account details.
        token: the profile authentication token, where the account requires one; as text, or
            found by :meth:`Token.find <tbpu_toolkit.tokens.Token.find>`.
        base_url: another address than ``https://<client code>.tt.omtrdc.net``: https, or http on
            this machine (the sandbox).
        calls_per_minute: how many batch and status calls to make in a minute at the most; None
            for no limit. Target allows an account 50, shared by all of its tools; the calls of
            every client in this process count.

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
        token: str | Token | None = None,
        base_url: str | None = None,
        calls_per_minute: int | None = _DEFAULT_CALLS_PER_MINUTE,
    ) -> None:
        given: list[str | Token | None] = [token]
        token = None  # a traceback may print the locals
        self.client_code, self.base_url, self._token = client_code, base_url or "", None
        self._token = _checked_token(given)  # first of all: what is refused shows no token either
        checked_client_code(client_code)
        self.base_url = f"https://{client_code}{limits.EDGE_DOMAIN}"
        if base_url is not None:
            self.base_url = checked_base_url(base_url)
        self.is_sandbox = is_loopback(self.base_url)
        self._check_token_goes_to_target()
        calls = calls_to(self.base_url, self.client_code)
        self.pace = Pace(_checked_pace(calls_per_minute), calls)
        self._of_thread = threading.local()
        self._sending: dict[Line, CountedFile] = {}
        self._changing = threading.Lock()

    def __repr__(self) -> str:
        token = f", token={HIDDEN}" if self.has_token else ""
        return f"TargetClient({self.client_code!r}, base_url={self.base_url!r}{token})"

    @property
    def has_token(self) -> bool:
        """Whether a token was given."""
        return self._token is not None

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
        with Path(path).open("rb") as file, self._sending_line(CountedFile(file, size)) as sending:
            line, body = sending
            reply: Reply | NoReply = NoReply(STOPPED)
            is_interrupted = False
            try:
                self.pace.wait()
                reply = line.post(url, body)
            except KeyboardInterrupt:
                is_interrupted = True
        answer = self._verdict(reply, body)
        if is_interrupted:  # raised here, it drags no frames along that hold the token
            raise SendInterrupted(answer)
        if line.was_hung_up and answer.verdict in {Verdict.NOT_SENT, Verdict.UNKNOWN}:
            return replace(answer, message=STOPPED, pauses=False)
        return answer

    def hang_up(self) -> None:
        """End, within a moment, every :meth:`update_batch` that is under way in another thread.

        It then returns, with the verdict that its bytes give: not sent, or unknown. A wait for
        the pace is ended as well, and counts no call. What begins later is not touched.
        """
        with self._changing:
            for line in self._sending:
                line.hang_up()
        self.pace.hang_up()

    @property
    def bytes_under_way(self) -> int:
        """How much of the batches that are under way was handed to the network by now."""
        with self._changing:
            return sum(body.bytes_read for body in self._sending.values())

    @contextlib.contextmanager
    def _sending_line(self, body: CountedFile) -> Iterator[tuple[Line, CountedFile]]:
        with self._line() as line:
            with self._changing:
                self._sending[line] = body
            try:
                yield line, body
            finally:
                with self._changing:
                    del self._sending[line]

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
        reply = self._ask_status(address.url, with_token=False)
        if self.has_token and isinstance(reply, Reply) and reply.http in {401, 403}:
            reply = self._ask_status(address.url, with_token=True)
        return answers.read_status(reply)

    def _ask_status(self, url: str, *, with_token: bool) -> Reply | NoReply:
        while not self.pace.wait():
            pass  # what was hung up is a batch, and not this
        return self._reader.get(url, with_token=with_token)

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
        reply = self._reader.get(url, with_token=True, longest=LARGEST_PROFILE)
        return read_profile(reply, id, key_type)

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
            reply = line.post(self._url(limits.SINGLE_UPDATE_PATH), body)
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

    def _line(self) -> Line:
        # A company's proxy has no business on loopback.
        return Line(self._token, use_environment=not self.is_sandbox)

    @property
    def _reader(self) -> Line:
        """A line for questions, kept open; each thread has its own."""
        if not hasattr(self._of_thread, "line"):
            self._of_thread.line = self._line()
        line: Line = self._of_thread.line
        return line


def _checked_token(given: list[str | Token | None]) -> Token | None:
    """Give a token; the text goes through a list, which is emptied, so that no frame shows it."""
    if given[0] is None or isinstance(given[0], Token):
        return given[0]
    return Token(cast("str", given.pop()))


def _checked_pace(calls_per_minute: int | None) -> int | None:
    if calls_per_minute is None:
        return None
    if type(calls_per_minute) is int and 1 <= calls_per_minute <= limits.CALLS_PER_MINUTE:
        return calls_per_minute
    raise InputError(
        f"calls_per_minute is {calls_per_minute!r}. Use 1 to {limits.CALLS_PER_MINUTE}, which is "
        "all that Target allows an account, or None on a sandbox."
    )
