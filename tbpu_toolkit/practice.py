"""The sandbox with a client for it: what an analyst practises on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbpu_toolkit.client import TargetClient
from tbpu_toolkit.sandbox import SandboxServer

if TYPE_CHECKING:
    from tbpu_toolkit.tokens import Token


class Sandbox(SandboxServer):
    """A stand-in for Adobe Target on this machine, for practice, tests and demonstrations.

    It listens on 127.0.0.1 alone, behaves as Adobe's pages say, and forgets everything when it
    stops, unless it is given a ``store``. The parameters are those of
    :class:`~tbpu_toolkit.sandbox.SandboxServer`.

    >>> with Sandbox(seconds_to_complete=0) as sandbox:
    ...     client = sandbox.client("acme")
    ...     client.fetch_profile("00004").found
    False
    """

    def client(self, client_code: str = "acme", token: str | Token | None = None) -> TargetClient:
        """Give a client for this sandbox; going live is to make a ``TargetClient`` instead.

        Args:
            client_code: any; each has profiles of its own.
            token: the sandbox's, where it was given one.

        """
        return TargetClient(client_code, token=token, base_url=self.url)
