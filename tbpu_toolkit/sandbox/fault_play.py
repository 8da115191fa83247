"""Plays the faults of a script: the handlers of the calls that can go wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import psutil
from tornado.iostream import IOStream, StreamClosedError

from tbpu_toolkit.sandbox.connections import OutOfReach, sender_of, sever
from tbpu_toolkit.sandbox.faults import (
    Canned,
    Cut,
    Fate,
    Fault,
    Hang,
    Kill,
    NewToken,
    StatusUrl,
    StatusWord,
    Truncate,
    Usual,
)
from tbpu_toolkit.sandbox.handlers import (
    ApiHandler,
    BatchStatusHandler,
    BatchUpdateHandler,
    FetchHandler,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tornado.http1connection import HTTP1Connection

    from tbpu_toolkit.sandbox.batches import Batch
    from tbpu_toolkit.sandbox.fault_words import Call
    from tbpu_toolkit.sandbox.faults import When

_PLAIN: Final = "text/plain; charset=UTF-8"
_BODILESS: Final = (204, 304)
_DYING_SECONDS: Final = 5.0  # a killed process has let go of its connection long before


class Scripted(ApiHandler):
    """A call that goes as its entry of the script says.

    What Target answers is held back until it is known what becomes of it on the way.
    """

    call: ClassVar[Call]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.fault: Fault = Usual()
        self.gone = asyncio.Event()
        self.held: tuple[bytes, str] | None = None
        self.holding = False
        super().__init__(*arguments, **keywords)

    def arrived(self) -> None:
        """Take this call's entry of the script."""
        self.fault = self.shared.playbook.next(self.call)
        if isinstance(self.fault, NewToken):
            self.shared.token = self.fault.token

    def on_connection_close(self) -> None:
        """Hear that the sender is gone, or that the sandbox stops."""
        super().on_connection_close()
        self.gone.set()

    def answer(self, body: bytes, content_type: str) -> None:
        """Send an answer, or keep it for :meth:`play`."""
        if self.holding:
            self.held = (body, content_type)
        else:
            super().answer(body, content_type)

    async def play(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Serve the call, if it comes to that, and do what the entry says."""
        match self.fault:
            case Cut(reset):
                self.hang_up(reset=reset)
            case Canned(accepted=False) as canned:
                self.give(canned)
            case Hang(seconds, accepted=False):
                await self.hang(seconds)
                self.hang_up()
            case Kill(when):
                await self.kill(when, serve)
            case _:
                await self.hold(serve)
                await self.send_back()

    async def send_back(self) -> None:
        """Let the answer go its way."""
        match self.fault:
            case Canned() as canned:
                self.give(canned)
            case Truncate(after):
                await self.break_off(after)
            case Hang(seconds):
                await self.hang(seconds)
                self.let_go()
            case _:
                self.let_go()

    async def hold(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Serve the call as usual, and keep the answer."""
        self.holding = True
        try:
            await serve()
        finally:
            self.holding = False

    def let_go(self) -> None:
        """Send the answer that was kept."""
        if self.held is not None and not self.gone.is_set():
            self.answer(*self.held)

    def give(self, canned: Canned) -> None:
        """Answer in the place of Target."""
        self.clear()
        self.set_status(canned.status)
        for name, value in canned.headers:
            self.set_header(name, value)
        if canned.status in _BODILESS:
            self.finish()
        elif canned.body is None:
            self.write_error(canned.status)
        else:
            self.finish(canned.body)

    async def hang(self, seconds: float) -> None:
        """Let time go by, as long as the sender is there."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)

    async def break_off(self, after: int) -> None:
        """Send a part of the answer that was kept, under the length of the whole."""
        body, content_type = self.held or (b"", "")
        self.set_header("Content-Type", content_type)
        self.set_header("Content-Length", len(body))
        self.write(body[: min(after, len(body) - 1)])
        with suppress(StreamClosedError):
            await self.flush()
        self.hang_up()

    async def kill(self, when: When, serve: Callable[[], Awaitable[None]]) -> None:
        """End the sender's process, which is looked for beforehand: the blow must come at once."""
        if self.stream.closed():  # the sender ended by itself
            return
        try:
            ends = self.stream.socket.getpeername(), self.stream.socket.getsockname()
            sender = await asyncio.to_thread(sender_of, *ends)
        except (OutOfReach, OSError) as error:
            self.give(Canned(500, (("Content-Type", _PLAIN),), f"{error}\n".encode()))
            return
        if when != "before":
            await self.hold(serve)
        if when == "answered":
            self.let_go()
        with suppress(psutil.Error):  # it ended by itself
            sender.kill()
        if when != "answered":
            await self.hang(_DYING_SECONDS)  # no end of the connection before the sender's own
            self.hang_up()

    def hang_up(self, *, reset: bool = False) -> None:
        """End the connection without an answer, or within one."""
        sever(self.detach(), reset=reset)

    @property
    def stream(self) -> IOStream:
        """The connection beneath HTTP."""
        return cast("HTTP1Connection", self.request.connection).stream


class ScriptedUpdateHandler(Scripted, BatchUpdateHandler):
    """``POST …/batchUpdate`` with what can go wrong."""

    call = "batchUpdate"

    def arrived(self) -> None:
        """Take this call's entry of the script, and the batch's fate with it."""
        super().arrived()
        self.fate = self.fault if isinstance(self.fault, Fate) else None

    def prepare(self) -> None:
        """Do what comes before the body."""
        super().prepare()
        if isinstance(self.fault, Canned) and self.fault.early:
            self.give(self.fault)
        self.cut()

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body, and cut the connection where it is time."""
        super().data_received(chunk)
        self.cut()

    async def post(self, client_code: str) -> None:
        """Take the batch, if it comes to that."""
        await self.play(partial(super().post, client_code))

    def status_url(self, batch: Batch) -> str | None:
        """Give the address of a batch's status, or another one."""
        if isinstance(self.fault, StatusUrl):
            return self.fault.url and self.fault.url.replace("{batch_id}", batch.batch_id)
        return super().status_url(batch)

    def cut(self) -> None:
        """End the connection if so much of the body was read."""
        match self.fault:
            # The connection is still being read from, so it can't be detached.
            case Cut(reset, after) if after is not None and self.size >= after:
                sever(self.stream, reset=reset)


class ScriptedStatusHandler(Scripted, BatchStatusHandler):
    """``GET …/batchStatus`` with what can go wrong."""

    call = "batchStatus"

    async def get(self, client_code: str) -> None:
        """Answer with the status, if it comes to that."""
        await self.play(partial(super().get, client_code))

    def find(self, client_code: str, batch_id: str) -> Batch | None:
        """Look a batch up, and say of it what the script says."""
        batch = super().find(client_code, batch_id)
        if batch is not None and isinstance(self.fault, StatusWord):
            return replace(batch, status=self.fault.word)
        return batch


class ScriptedFetchHandler(Scripted, FetchHandler):
    """``GET /rest/v1/profiles/…`` with what can go wrong."""

    call = "profiles"

    async def get(self, key: str) -> None:
        """Answer with the profile, if it comes to that."""
        await self.play(partial(super().get, key))
