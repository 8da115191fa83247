"""The sandbox's own addresses: its page, and what a visitor does."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from tornado.template import Loader

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox import answers
from tbpu_toolkit.sandbox.handlers import LocalHandler
from tbpu_toolkit.sandbox.profiles import LookupKey

if TYPE_CHECKING:
    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.sandbox.profiles import Profile

_MOST_BATCHES: Final = 200
_TEMPLATES: Final = Loader(str(Path(__file__).parent))  # it escapes everything by default
_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'nonce-{nonce}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What somebody looks up on the page."""

    client: str
    key_type: str
    key: str


class PageHandler(LocalHandler):
    """``GET /``: shows the batches and one profile."""

    async def get(self) -> None:
        """Answer with the page."""
        lookup = self._lookup()
        batches, count = await asyncio.to_thread(self.shared.batches.latest, _MOST_BATCHES)
        profile = await asyncio.to_thread(self._find, lookup)
        nonce = secrets.token_urlsafe(16)
        page = _TEMPLATES.load("page.html").generate(
            nonce=nonce,
            url=self.shared.url,
            batches=batches,
            count=count,
            lookup=lookup,
            key_types=get_args(LookupKey),
            profile=profile,
            timestamp=answers.timestamp,
        )
        self.set_header("Content-Security-Policy", _POLICY.format(nonce=nonce))
        self.set_header("Referrer-Policy", "no-referrer")
        self.answer(page, "text/html; charset=UTF-8")

    def _lookup(self) -> Lookup:
        try:
            given = dict(self.pairs(self.request.query))
        except ValueError:
            given = {}
        return Lookup(
            client=given.get("client", "acme"),
            key_type=given.get("keyType", "thirdPartyId"),
            key=given.get("id", ""),
        )

    def _find(self, lookup: Lookup) -> Profile | None:
        for key_type in get_args(LookupKey):
            if lookup.key and lookup.key_type == key_type:
                return self.shared.profiles.fetch(lookup.key, lookup.client, key_type)
        return None


class ControlHandler(LocalHandler):
    """A form that does what a method of the server does, for another process."""

    async def post(self) -> None:
        """Do it, and answer with JSON."""
        try:
            answer = await asyncio.to_thread(self.act, self.pairs(self.request.body))
        except ValueError as error:
            self.set_status(400)
            message = str(error)
            if isinstance(error, UnicodeDecodeError):
                message = "The form is not UTF-8."
            self.answer(answers.failure(400, message), answers.JSON)
        else:
            self.answer(json.dumps(answer).encode(), answers.JSON)

    def act(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """Do what the form asks for, and return the answer."""
        raise NotImplementedError


class VisitHandler(ControlHandler):
    """``POST /sandbox/visit``: a visitor comes to the page."""

    def act(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """Let the visitor come."""
        form = dict(pairs)
        client, key_type = _place(form, "thirdPartyId")
        self.shared.profiles.visit(form.get("id", ""), client, key_type, form.get("ecid"))
        return {"visited": True}


class ProfilesHandler(ControlHandler):
    """``POST /sandbox/profiles``: Target gets to know visitors."""

    def act(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """Make every ``id`` of the form known."""
        client, key_type = _place(dict(pairs), "pcId")
        ids = [value for name, value in pairs if name == "id"]
        return {"new": self.shared.profiles.add(ids, client, key_type)}


def _place(form: dict[str, str], usual: KeyType) -> tuple[str, KeyType]:
    given = form.get("keyType", usual)
    for key_type in limits.KEY_TYPES:
        if given == key_type:
            return form.get("client", "acme"), key_type
    raise ValueError(f"The keyType is {given!r}; it must be pcId or thirdPartyId.")
