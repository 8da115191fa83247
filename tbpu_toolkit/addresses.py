"""Where a call may go: checked as whole words, before any URL is built or followed.

Two parsers may read two hosts in one odd address, so nothing odd gets as far as a parser: a host
is matched sign by sign, and an address is put together anew from the parts that were matched.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from tbpu_toolkit import limits
from tbpu_toolkit.errors import InputError

_HOST: Final = r"(?:[a-z0-9](?:[a-z0-9_-]{0,62})\.)*[a-z0-9][a-z0-9_-]{0,62}|\[[0-9a-f:]+\]"
_ORIGIN: Final = rf"(?P<scheme>https?)://(?P<host>{_HOST})(?::(?P<port>[0-9]{{1,5}}))?"
_BASE_URL: Final = re.compile(rf"{_ORIGIN}/?", re.IGNORECASE | re.ASCII)
_STATUS_URL: Final = re.compile(
    rf"{_ORIGIN.replace('(?::', '[.]?(?::')}(?P<path>/[A-Za-z0-9/_.-]*)\?(?P<query>[!-~]*)",
    re.IGNORECASE | re.ASCII,  # else a long s would do for an s
)
_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class StatusAddress:
    """What a ``batchStatus`` address came to.

    Attributes:
        batch_id: by which Target knows the batch; None where it is not usable.
        url: where to ask about it; None where that is not safe.
        why: why one of them is None, in a clause.

    """

    batch_id: str | None = None
    url: str | None = None
    why: str = ""


def read_status_address(text: str, client_code: str, sandbox: str | None = None) -> StatusAddress:
    """Take a status URL apart, and put a safe one together.

    Adobe's own is plain http on another host of ``*.tt.omtrdc.net`` (AdobeDocs/target-dev.en,
    profile-bulk-api.md), so an allow-list is the test, and the URL that is followed is built
    anew: https, a known path, plain parameters.

    Args:
        text: what stood in ``batchStatus``.
        client_code: the account that the batch was sent to.
        sandbox: the address of the sandbox, where it was sent to one; then no other is followed.

    >>> read_status_address("http://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus"
    ...                     "?batchId=acme-1701473848678-13029383", "acme").url
    'https://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=\
acme-1701473848678-13029383&showDetails=true'
    >>> read_status_address("http://tt.omtrdc.net.evil.example/?batchId=acme-1", "acme")
    StatusAddress(batch_id='acme-1', url=None, why="its host is not one of Target's")

    """
    query = parse_qsl(text.partition("#")[0].partition("?")[2], keep_blank_values=True)
    ids = [value for name, value in query if name == "batchId"]
    if not text.isprintable() or len(ids) != 1 or not re.fullmatch(limits.BATCH_ID_PATTERN, ids[0]):
        return StatusAddress(why="it gave no usable batch id")
    parts = _STATUS_URL.fullmatch(text)
    if parts is None:
        return StatusAddress(ids[0], why="its address is not one of Target's")
    origin = f"https://{parts['host'].lower()}"
    if sandbox is not None:
        origin = _origin(parts)
        if origin != sandbox:
            return StatusAddress(ids[0], why="its host is not the sandbox")
    elif not is_targets_host(parts["host"]) or parts["port"] not in {None, "80", "443"}:
        return StatusAddress(ids[0], why="its host is not one of Target's")
    if parts["path"] not in _status_paths(client_code):
        return StatusAddress(ids[0], why="its path is not one of this account's")
    plain = [(name, value) for name, value in query if _is_plain(name) and _is_plain(value)]
    asked = [pair for pair in plain if pair[0] != "showDetails"] + [("showDetails", "true")]
    return StatusAddress(ids[0], f"{origin}{parts['path']}?{urlencode(asked)}")


def _status_paths(client_code: str) -> set[str]:
    return {path.format(client_code=client_code) for path in limits.BATCH_STATUS_PATHS.values()}


def _is_plain(word: str) -> bool:
    return _PLAIN_WORD.fullmatch(word) is not None


def is_targets_host(host: str) -> bool:
    r"""Say whether *host* is one of Target's.

    >>> is_targets_host("mboxedge45.tt.omtrdc.net"), is_targets_host("evil\\.tt.omtrdc.net")
    (True, False)
    """
    host = host.lower()
    return re.fullmatch(_HOST, host) is not None and host.endswith(limits.EDGE_DOMAIN)


def is_loopback(url: str) -> bool:
    """Say whether *url*, an address that was checked, is on this machine.

    >>> is_loopback("http://127.0.0.1:8765"), is_loopback("https://acme.tt.omtrdc.net")
    (True, False)
    """
    parts = _BASE_URL.fullmatch(url)
    try:
        return parts is not None and ipaddress.ip_address(parts["host"].strip("[]")).is_loopback
    except ValueError:
        return False


def _origin(parts: re.Match[str]) -> str:
    """Give scheme, host and port in their one spelling: a run is told apart by its target."""
    scheme, host, port = parts["scheme"].lower(), parts["host"].lower(), parts["port"]
    host = "127.0.0.1" if host == "localhost" else host
    return f"{scheme}://{host}{f':{port}' if port not in {None, _DEFAULT_PORTS[scheme]} else ''}"


def checked_base_url(base_url: object) -> str:
    """Give an address in its one spelling.

    Raises:
        InputError: it is none, or plain http to another machine.

    >>> checked_base_url("https://ACME.tt.omtrdc.net:443/")
    'https://acme.tt.omtrdc.net'
    """
    parts = _BASE_URL.fullmatch(base_url) if isinstance(base_url, str) else None
    if parts is None or int(parts["port"] or 1) not in range(1, 1 << 16):
        raise InputError(
            f"base_url {base_url!r} is not an address such as 'https://acme.tt.omtrdc.net' or "
            "'http://127.0.0.1:8765'. Give scheme and host alone."
        )
    origin = _origin(parts)
    if parts["scheme"].lower() == "http" and not is_loopback(origin):
        raise InputError(
            f"base_url {base_url!r} is plain http to another machine, which anyone on the way can "
            "read. Use https."
        )
    return origin


def checked_client_code(client_code: object) -> str:
    """Give a client code back.

    Raises:
        InputError: it is none.

    """
    if isinstance(client_code, str) and re.fullmatch(limits.CLIENT_CODE_PATTERN, client_code):
        return client_code
    raise InputError(
        f"Client code {client_code!r} is not one: it has lower-case letters, digits, '-' and '_' "
        "only. Copy it from Administration > Implementation > Account details."
    )
