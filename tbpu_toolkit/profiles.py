"""Single profiles: what is asked, what comes back, and what a correction sends."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from urllib.parse import quote, urlencode

from tbpu_toolkit import limits
from tbpu_toolkit.answers import NoReply, Reply, kind_of
from tbpu_toolkit.cells import BLANK, BROKEN_TEXT, read_cell
from tbpu_toolkit.errors import CallFailed, InputError
from tbpu_toolkit.parameters import name_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

FetchKey = Literal["thirdPartyId", "pcId", "ecid"]

LARGEST_PROFILE: Final = 4_000_000  # bytes; 64 KB of values, each with its name and times in JSON
_UPDATE_KEYS: Final = {"pcId": "mboxPC", "thirdPartyId": "mbox3rdPartyId"}


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
        answered_at: what time it was for Target when it answered, in the words of HTTP's Date.

    """

    id: str
    key_type: FetchKey
    found: bool
    attributes: dict[str, str] = field(default_factory=dict)
    modified_at: str | None = None
    attributes_modified_at: dict[str, str] = field(default_factory=dict)
    answered_at: str = ""


def fetch_path(visitor: str, key_type: str, client_code: str) -> str:
    """Give the path to fetch a visitor's profile from.

    Raises:
        InputError: the key type is none, or the id can't stand in a path.

    >>> fetch_path("a/b", "thirdPartyId", "acme")
    '/rest/v1/profiles/thirdPartyId/a%2Fb?client=acme'
    """
    if key_type not in get_args(FetchKey):
        raise InputError(f"key_type is {key_type!r}. Use one of {get_args(FetchKey)}.")
    _check_id(visitor)
    if visitor in {".", ".."}:
        raise InputError(f"The id {visitor!r} can't stand in an address, so it can't be fetched.")
    path = limits.FETCH_PATHS[key_type].replace("{id}", quote(visitor, safe=""))
    return f"{path}?client={client_code}"


def read_profile(reply: Reply | NoReply, visitor: str, key_type: FetchKey) -> Profile:
    """Read the answer to a fetch.

    Raises:
        CallFailed: it is neither a profile nor Target's word that there is none.

    """
    if isinstance(reply, NoReply):
        raise CallFailed(f"Profile {visitor!r} could not be fetched: {reply.why}. Try again.")
    if reply.http in {401, 403}:
        raise CallFailed(
            f"Target did not let profile {visitor!r} be fetched (HTTP {reply.http}). Give the "
            "client the account's profile token."
        )
    content = _json_object(reply)
    attributes = content.get("profileAttributes")
    if reply.http == 200 and isinstance(attributes, dict):  # noqa: PLR2004 - OK
        return replace(_profile(content, attributes, visitor, key_type), answered_at=reply.date)
    said = str(content.get("message", ""))
    if reply.http == 404 and said.startswith(limits.NO_PROFILE):  # noqa: PLR2004 - not found
        return Profile(visitor, key_type, found=False)
    raise CallFailed(
        f"Profile {visitor!r} could not be fetched: what came is not a profile ({kind_of(reply)}). "
        "Try again."
    )


def _json_object(reply: Reply) -> dict[str, Any]:
    try:
        content = json.loads(reply.body) if reply.is_complete else None
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}


def _profile(
    content: dict[str, Any], attributes: dict[str, Any], visitor: str, key_type: FetchKey
) -> Profile:
    told = {
        name.removeprefix(limits.PROFILE_PREFIX): value
        for name, value in attributes.items()
        if isinstance(value, dict) and value.get("value") is not None
    }
    return Profile(
        visitor,
        key_type,
        found=True,
        attributes={name: str(value["value"]) for name, value in told.items()},
        modified_at=str(content.get("modifiedAt", "")) or None,
        attributes_modified_at={
            name: str(value["modifiedAt"]) for name, value in told.items() if "modifiedAt" in value
        },
    )


def update_body(visitor: str, attributes: Mapping[str, Any], key_type: str) -> bytes:
    """Give the form that corrects a profile.

    Raises:
        InputError: the id, a name or a value can't be sent, or all of it is too large.

    >>> update_body("00004", {"tier": "gold"}, "thirdPartyId")
    b'mbox3rdPartyId=00004&profile.tier=gold'
    """
    if key_type not in _UPDATE_KEYS:
        raise InputError(f"key_type is {key_type!r}. Use one of {tuple(_UPDATE_KEYS)}.")
    _check_id(visitor)
    if not attributes:
        raise InputError("There are no attributes to update. Give a dict of name -> value.")
    pairs = [(_UPDATE_KEYS[key_type], visitor)]
    pairs += [(f"{limits.PROFILE_PREFIX}{n}", _value(n, v)) for n, v in attributes.items()]
    body = urlencode(pairs, quote_via=quote, safe="").encode()
    if len(body) > limits.SINGLE_UPDATE_POST_BYTES:
        raise InputError(
            f"The update has {len(body):,} bytes, where Target takes "
            f"{limits.SINGLE_UPDATE_POST_BYTES:,} at most. Send a batch instead."
        )
    return body


def _check_id(visitor: object) -> None:
    if not isinstance(visitor, str) or not visitor:
        raise InputError(f"The id is {visitor!r}. Give the id of one visitor, as text.")
    if read_cell(visitor).kind == BROKEN_TEXT:
        raise InputError(f"The id {visitor!r} holds half a character, which UTF-8 can't write.")


def _value(name: str, value: Any) -> str:
    if problem := name_problem(name):
        raise InputError(problem)
    text, kind = read_cell(value)
    if text is None:
        why = "is blank, which Target ignores" if kind == BLANK else f"can't be sent ({kind})"
        raise InputError(f"Parameter {name!r} {why}. Leave it out, or give it a value.")
    return text
