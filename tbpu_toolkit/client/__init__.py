"""Target's profile APIs, spoken: the only room that knows the library for HTTP."""

from __future__ import annotations

from tbpu_toolkit.client.target import SendInterrupted, TargetClient
from tbpu_toolkit.profiles import Profile

__all__ = ["Profile", "SendInterrupted", "TargetClient"]
