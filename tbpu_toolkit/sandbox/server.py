"""The sandbox as a server on this machine."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tornado.httpserver import HTTPServer

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox.applier import Applier
from tbpu_toolkit.sandbox.batches import Batches
from tbpu_toolkit.sandbox.call_limit import CallLimit
from tbpu_toolkit.sandbox.database import Database
from tbpu_toolkit.sandbox.fault_script import Playbook, read_script
from tbpu_toolkit.sandbox.handlers import Shared
from tbpu_toolkit.sandbox.profiles import Profiles
from tbpu_toolkit.sandbox.routes import application

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType, TracebackType

    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.sandbox.fault_script import Given

HOST: Final = "127.0.0.1"
_MAX_FORM_BYTES: Final = 16_000_000  # of the sandbox's own forms; batches have their own bound
_END_SECONDS: Final = 1.0
_SIGNAL_POLL_SECONDS: Final = 0.5  # a wait without an end would not be interrupted on Windows


class SandboxServer:
    """A stand-in for Adobe Target that listens on 127.0.0.1.

    It runs in a thread with an event loop of its own, so it works in a notebook, too.

    Args:
        port: where to listen; 0 takes any free port.
        store: the file that keeps profiles and batches; ``None`` keeps them in memory.
        token: the profile token that every call of the API must carry; ``None`` asks for none.
        seconds_to_complete: how long a batch stays incomplete at least.
        calls_per_minute: how many batchUpdate and batchStatus calls of one client are
            served in any sixty seconds; ``None`` for any number.
        faults: what goes wrong, from every start anew: a list with an entry for each
            batchUpdate call, a mapping with such a list for each of ``batchUpdate``,
            ``batchStatus`` and ``profiles``, or the path of a YAML file with one of the two.
            ``docs/faults.md`` explains the entries.

    Attributes:
        url: where it listens, once started: ``http://127.0.0.1:PORT``.
        accepted: how often each body was accepted, by its SHA-256 in hexadecimal digits;
            with a store, the bodies of earlier runs included.

    >>> with SandboxServer() as sandbox:
    ...     sandbox.add_profiles(["00042", "00043"], key_type="thirdPartyId")
    2
    """

    def __init__(  # noqa: PLR0913 - each is a keyword with a default
        self,
        *,
        port: int = 0,
        store: str | Path | None = None,
        token: str | None = None,
        seconds_to_complete: float = 2.0,
        calls_per_minute: int | None = limits.CALLS_PER_MINUTE,
        faults: Given | None = None,
    ) -> None:
        if token == "":
            raise ValueError("The token is empty; give None to ask for none.")
        self._port = port
        self._store = None if store is None else Path(store)
        self._token = token
        self._seconds_to_complete = seconds_to_complete
        self._calls_per_minute = calls_per_minute
        self._faults = read_script(faults)
        self._url: str | None = None
        self._running: _Running | None = None
        self.accepted: Counter[str] = Counter()

    def __repr__(self) -> str:
        """Say where it listens; the token stays out."""
        state = self._url if self._running else "not running"
        return f"<SandboxServer {state}>"

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Where the sandbox listens."""
        if self._url is None:
            raise RuntimeError("The sandbox has no address before start().")
        return self._url

    def start(self) -> None:
        """Listen, and return once calls are answered.

        Raises:
            OSError: the port is taken, or the store can't be used.
            RuntimeError: it runs already.

        """
        if self._running:
            raise RuntimeError(f"The sandbox runs already at {self._url}.")
        with ExitStack() as undo:
            database = Database(self._store)
            undo.callback(database.close)
            listening = undo.enter_context(closing(_listen(self._port)))
            self._url = f"http://{HOST}:{listening.getsockname()[1]}"
            self._running = _Running(self._shared(self._url, database), database, listening)
            undo.pop_all()

    def stop(self) -> None:
        """Stop listening and free everything; does nothing when it is not running."""
        if self._running:
            self._running.end()
            self._running = None

    def serve_forever(self) -> None:
        """Serve until SIGINT or SIGTERM, then stop; only for the main thread."""
        over = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            over.set()

        before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            if not self._running:
                self.start()
            while not over.wait(_SIGNAL_POLL_SECONDS):
                pass
        finally:
            self.stop()
            for each, handler in before.items():
                signal.signal(each, handler)

    def add_profiles(
        self, ids: Iterable[str], *, client_code: str = "acme", key_type: KeyType = "pcId"
    ) -> int:
        """Make visitors known to Target.

        Returns:
            How many it did not know before.

        Raises:
            ValueError: an id, the client code or the key type is not usable.

        """
        return self._profiles().add(ids, client_code, key_type)

    def visit(
        self,
        id: str,  # noqa: A002 - the contract's own name
        *,
        client_code: str = "acme",
        key_type: KeyType = "thirdPartyId",
        ecid: str | None = None,
    ) -> None:
        """Let a visitor come to a page with an mbox, known to Target or not.

        What v2 batches set before is settled from then on: a later batch no longer
        replaces it.

        Args:
            id: the visitor's id.
            client_code: the client code.
            key_type: the kind of id.
            ecid: ties this Experience Cloud ID to the profile, and unties it from any other.

        Raises:
            ValueError: an id, the client code or the key type is not usable.

        """
        self._profiles().visit(id, client_code, key_type, ecid)

    def _shared(self, url: str, database: Database) -> Shared:
        batches = Batches(database)
        self.accepted = batches.accepted
        return Shared(
            url=url,
            profiles=Profiles(database),
            batches=batches,
            applier=Applier(batches, self._seconds_to_complete),
            limit=CallLimit(self._calls_per_minute),
            playbook=Playbook(self._faults),
            token=self._token,
        )

    def _profiles(self) -> Profiles:
        if self._running is None:
            raise RuntimeError("The sandbox is not running; call start() first.")
        return self._running.shared.profiles


class _Running:
    """A started sandbox: its thread and what must be closed after it."""

    def __init__(self, shared: Shared, database: Database, listening: socket.socket) -> None:
        self.shared = shared
        self._database = database
        self._listening = listening
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)
        self._thread.start()
        self._loop, self._over = self._ready.result()

    def end(self) -> None:
        """Stop the thread, then close the database that it used."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        try:
            # A selector on every system: tornado can't use Windows's default loop directly.
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)  # start() raises it

    async def _serve(self) -> None:
        over = asyncio.Event()
        server = HTTPServer(application(self.shared), max_body_size=_MAX_FORM_BYTES)
        server.add_socket(self._listening)
        applying = asyncio.create_task(self.shared.applier.run())
        self._ready.set_result((asyncio.get_running_loop(), over))
        try:
            await over.wait()
            applying.cancel()
            with suppress(asyncio.CancelledError):
                await applying
        finally:
            server.stop()
            await server.close_all_connections()
            await _end_calls()


async def _end_calls() -> None:
    """Let the calls come to their end whose senders have just lost their connections."""
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    if calls:
        await asyncio.wait(calls, timeout=_END_SECONDS)


def _listen(port: int) -> socket.socket:
    try:
        listening = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        why = "it is in use" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise OSError(
            f"The sandbox can't listen on port {port} of {HOST}: {why}. "
            "Choose another port, or 0 for any free one."
        ) from error
    listening.setblocking(False)
    return listening
