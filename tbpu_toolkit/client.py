"""The calls of Target's profile APIs: one attempt a call, and no retries hidden anywhere."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import time
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, get_args
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from tbpu_toolkit import answers, limits
from tbpu_toolkit.answers import BatchAnswer, BatchStatus, NoReply, Reply
from tbpu_toolkit.cells import BLANK, read_cell
from tbpu_toolkit.errors import CallFailed, InputError
from tbpu_toolkit.mapping import name_problem
from tbpu_toolkit.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from tbpu_toolkit.limits import Version

FetchKey = Literal["thirdPartyId", "pcId", "ecid"]

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 120.0
_BODY_SECONDS: Final = 30.0
_LARGEST_PROFILE: Final = 4_000_000  # bytes; 64 KB of values, each with its name and times in JSON
_DEFAULT_CALLS_PER_MINUTE: Final = 40  # Target's 50 are shared with the account's other tools
_UPDATE_KEYS: Final = {"pcId": "mboxPC", "thirdPartyId": "mbox3rdPartyId"}
_BROKEN: Final = (requests.RequestException, HTTPError, OSError)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as Target gave it back, or that it gave none.

    Attributes:
        id: what was asked for.
        key_type: by which kind of id: thirdPartyId, pcId or ecid.
        found: False where Target knows no such profile (HTTP 404). That is no loss by itself:
            a new profile can take an hour to be seen.
        attributes: parameter's bare name -> value; values are always text there.
        modified_at: when the profile last changed, in Target's own words.
        attributes_modified_at: the same for each attribute, where it was told.

    """

    id: str
    key_type: FetchKey
    found: bool
    attributes: dict[str, str] = field(default_factory=dict)
    modified_at: str | None = None
    attributes_modified_at: dict[str, str] = field(default_factory=dict)


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
        if not re.fullmatch(r"[!-~]+", token):
            raise InputError(
                "The token holds spaces or signs that no token has. Copy it again from "
                "Administration > Implementation > Profile API."
            )
        self._token = token

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
        self.client_code = _checked_client_code(client_code)
        default = f"https://{client_code}{limits.EDGE_DOMAIN}"
        self.base_url = _checked_base_url(base_url) if base_url else default
        self.is_sandbox = _is_loopback(self.base_url)
        self._auth: AuthBase = BearerToken(token) if token else _NoToken()
        self._check_token_goes_to_target()
        self.pace = Pace(_checked_pace(calls_per_minute))
        self._reader = self._session()

    def __repr__(self) -> str:
        token = ", token=[secure]" if self.has_token else ""
        return f"TargetClient({self.client_code!r}, base_url={self.base_url!r}{token})"

    @property
    def has_token(self) -> bool:
        """Whether a token was given."""
        return isinstance(self._auth, BearerToken)

    def _check_token_goes_to_target(self) -> None:
        host = urlsplit(self.base_url).hostname or ""
        if self.has_token and not self.is_sandbox and not host.endswith(limits.EDGE_DOMAIN):
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

        """
        size = _checked_batch_file(Path(path), version)
        url = self._url(limits.BATCH_UPDATE_PATHS[version])
        headers = {"Content-Type": limits.CONTENT_TYPE, "Connection": "close"}
        with Path(path).open("rb") as file, self._session() as session:
            body = _CountedFile(file, size)
            self.pace.wait()
            try:
                reply = self._ask(session, "POST", url, data=body, headers=headers)
            except KeyboardInterrupt:
                raise SendInterrupted(self._verdict(NoReply("it was stopped"), body)) from None
        return self._verdict(reply, body)

    def _verdict(self, reply: Reply | NoReply, body: _CountedFile) -> BatchAnswer:
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
        _, url, why = answers.status_address(given, self.client_code, self._sandbox)
        if url is None:
            raise InputError(f"This batch can't be followed: {why}. Prove it by a fetch instead.")
        self.pace.wait()
        reply = self._ask(self._reader, "GET", url, auth=_NoToken())
        if self.has_token and isinstance(reply, Reply) and reply.http in {401, 403}:
            self.pace.wait()
            reply = self._ask(self._reader, "GET", url)
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
            InputError: the key type is none of these, or the id is blank.

        """
        if key_type not in get_args(FetchKey):
            raise InputError(f"key_type is {key_type!r}. Use one of {get_args(FetchKey)}.")
        if not id:
            raise InputError("The id is blank. Give the id of one visitor.")
        path = limits.FETCH_PATHS[key_type].replace("{id}", quote(id, safe=""))
        url = f"{self.base_url}{path}?client={self.client_code}"
        reply = self._ask(self._reader, "GET", url, longest=_LARGEST_PROFILE)
        if isinstance(reply, NoReply):
            raise CallFailed(f"Profile {id!r} could not be fetched: {reply.why}. Try again.")
        return _read_profile(reply, id, key_type)

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
        body = _update_body(id, attributes, key_type)
        headers = {"Content-Type": limits.CONTENT_TYPE, "Connection": "close"}
        url = self._url(limits.SINGLE_UPDATE_PATH)
        with self._session() as session:
            taken, message = answers.read_success(
                self._ask(session, "POST", url, data=body, headers=headers)
            )
        if taken:
            return message
        if taken is None:
            raise CallFailed(
                f"Whether Target took the update of {id!r} is not known: {message}. "
                "Fetch the profile before you try again."
            )
        raise CallFailed(f"Target refused the update of {id!r}: {message}.")

    # --- the wire --------------------------------------------------------------------

    def _url(self, path: str) -> str:
        return f"{self.base_url}{path.format(client_code=self.client_code)}"

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self.is_sandbox  # a company's proxy has no business on loopback
        session.auth = self._auth
        session.headers["Accept-Encoding"] = "identity"
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=16))
        return session

    def _ask(
        self,
        session: requests.Session,
        method: str,
        url: str,
        *,
        longest: int = answers.LARGEST_ANSWER,
        **words: Any,
    ) -> Reply | NoReply:
        """Make one call, and read at most *longest* bytes of its answer."""
        asked: dict[str, Any] = {"auth": self._auth, "allow_redirects": False, "stream": True}
        asked |= {"timeout": (_CONNECT_SECONDS, _ANSWER_SECONDS)} | words
        try:
            response = session.request(method, url, **asked)
        except _BROKEN as error:
            return NoReply(_why_no_reply(error, url))
        with contextlib.closing(response):
            return _read_reply(response, longest)


class _CountedFile:
    """A file that knows how much of it was handed to the network."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.bytes_read = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(1 << 16):
            yield block

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self.bytes_read += len(block)
        return block


def _read_reply(response: requests.Response, longest: int) -> Reply:
    """Read an answer, bounded in bytes and in time."""
    body, is_complete = b"", False
    deadline = time.monotonic() + _BODY_SECONDS
    try:
        while len(body) <= longest and time.monotonic() < deadline:
            block = response.raw.read1(longest + 1, decode_content=False)
            if not block:
                is_complete = True
                break
            body += block
    except _BROKEN:
        is_complete = False  # the status code stands, whatever became of the body
    return Reply(
        response.status_code,
        body,
        is_complete,
        response.headers.get("Content-Type", ""),
        response.headers.get("Retry-After"),
    )


def _why_no_reply(error: Exception, url: str) -> str:
    """Say in a clause why no answer came; never with the words of the exception itself."""
    host = urlsplit(url).hostname
    chain = " ".join(type(link).__name__ for link in _causes(error))
    for names, why in (
        (("ProxyError",), "the proxy did not let the call through"),
        (
            ("SSLError",),
            f"the certificate of '{host}' is not trusted; name your own CA in REQUESTS_CA_BUNDLE",
        ),
        (("NameResolutionError",), f"host '{host}' can't be found; check the client code"),
        (("ConnectTimeout",), f"'{host}' did not answer a call within {_CONNECT_SECONDS:.0f} s"),
        (("NewConnectionError",), f"'{host}' did not take the connection"),
        (("ReadTimeout",), f"no answer came within {_ANSWER_SECONDS:.0f} s"),
    ):
        if any(name in chain for name in names):
            return why
    return "the connection broke off"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk down to what requests and urllib3 have wrapped."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]


def _read_profile(reply: Reply, id: str, key_type: FetchKey) -> Profile:  # noqa: A002 - as above
    try:
        content = json.loads(reply.body)
    except ValueError:
        content = None
    if reply.http == 404 and isinstance(content, dict):  # noqa: PLR2004 - not found
        return Profile(id, key_type, found=False)
    if reply.http in {401, 403}:
        raise CallFailed(
            f"Target did not let profile {id!r} be fetched (HTTP {reply.http}). Give the client "
            "the account's profile token."
        )
    attributes = content.get("profileAttributes") if isinstance(content, dict) else None
    if reply.http != 200 or not isinstance(attributes, dict) or not reply.is_complete:  # noqa: PLR2004
        raise CallFailed(
            f"Profile {id!r} could not be fetched: what came is not a profile "
            f"(HTTP {reply.http}, {answers.one_line(reply.content_type)}). Try again."
        )
    told = {
        name.removeprefix(limits.PROFILE_PREFIX): value
        for name, value in attributes.items()
        if isinstance(value, dict) and "value" in value
    }
    return Profile(
        id,
        key_type,
        found=True,
        attributes={name: str(value["value"]) for name, value in told.items()},
        modified_at=str(content.get("modifiedAt", "")) or None,
        attributes_modified_at={
            name: str(value["modifiedAt"]) for name, value in told.items() if "modifiedAt" in value
        },
    )


def _update_body(id: str, attributes: Mapping[str, Any], key_type: str) -> bytes:  # noqa: A002
    if key_type not in _UPDATE_KEYS:
        raise InputError(f"key_type is {key_type!r}. Use one of {tuple(_UPDATE_KEYS)}.")
    if not id:
        raise InputError("The id is blank. Give the id of one visitor.")
    pairs = [(_UPDATE_KEYS[key_type], id)]
    for name, value in attributes.items():
        if problem := name_problem(name):
            raise InputError(problem)
        text, kind = read_cell(value)
        if text is None:
            why = "is blank, which Target ignores" if kind == BLANK else f"can't be sent ({kind})"
            raise InputError(f"Parameter {name!r} {why}. Leave it out, or give it a value.")
        pairs.append((f"{limits.PROFILE_PREFIX}{name}", text))
    body = urlencode(pairs, quote_via=quote, safe="").encode()
    if len(body) > limits.SINGLE_UPDATE_POST_BYTES:
        raise InputError(
            f"The update has {len(body):,} bytes, where Target takes "
            f"{limits.SINGLE_UPDATE_POST_BYTES:,} at most. Send a batch instead."
        )
    return body


def _checked_client_code(client_code: object) -> str:
    if isinstance(client_code, str) and re.fullmatch(limits.CLIENT_CODE_PATTERN, client_code):
        return client_code
    raise InputError(
        f"Client code {client_code!r} is not one: it has lower-case letters, digits, '-' and '_' "
        "only. Copy it from Administration > Implementation > Account details."
    )


def _checked_base_url(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}"
    if parts.scheme == "http" and parts.hostname and not _is_loopback(base_url):
        raise InputError(
            f"base_url {base_url!r} is plain http to another machine, which anyone on the way can "
            "read. Use https."
        )
    if parts.scheme not in {"http", "https"} or base_url.rstrip("/").lower() != bare:
        raise InputError(
            f"base_url {base_url!r} is not an address such as 'https://acme.tt.omtrdc.net' or "
            "'http://127.0.0.1:8765'. Give scheme and host alone."
        )
    return bare


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_pace(calls_per_minute: int | None) -> int | None:
    if calls_per_minute is None or 1 <= calls_per_minute <= limits.CALLS_PER_MINUTE:
        return calls_per_minute
    raise InputError(
        f"calls_per_minute is {calls_per_minute}. Use 1 to {limits.CALLS_PER_MINUTE}, which is "
        "all that Target allows an account, or None on a sandbox."
    )


def _checked_batch_file(path: Path, version: str) -> int:
    if version not in limits.BATCH_UPDATE_PATHS:
        raise InputError(f"version is {version!r}. Use 'v1' or 'v2'.")
    if not path.is_file():
        raise InputError(f"There is no file '{path}'. Prepare a run first.")
    size = path.stat().st_size
    with path.open("rb") as file:
        begins = file.read(len(limits.BATCH_PREFIX))
    if begins != limits.BATCH_PREFIX.encode():
        raise InputError(
            f"File '{path}' does not begin with '{limits.BATCH_PREFIX}', so it is no batch file. "
            "Make one with tbpu.prepare()."
        )
    if size >= limits.MAX_BATCH_BYTES:
        raise InputError(
            f"File '{path}' has {size:,} bytes, where Target takes less than "
            f"{limits.MAX_BATCH_BYTES:,}. Let tbpu.prepare() cut it."
        )
    return size
