"""The stand-in for Target: a server on loopback that behaves as Adobe's pages say.

It imports ``limits`` alone from this package, so that it can't share a mistake with the client.

Where the pages are silent, it does this:

* **Encoding.** Cells are split at commas, then decoded once. A ``%`` without two hexadecimal
  digits refuses the file; text that is not encoded at all is taken as it stands.
* **Blanks** are empty cells and missing ones; ``null``, ``""`` and spaces are values. A row of
  blanks is consumed, but looks for no profile, creates none and is in no other count.
* **Ids** that break a documented rule (none, too long, ``+`` or ``/`` in a thirdPartyId)
  count as failed updates; the rest of the file goes on.
* **The override** replaces whole rows: a parameter that the later v2 row leaves blank goes, too.
  Single updates and v1 batches are settled at once, and the youngest value of each parameter wins.
* **Batches** are applied one at a time in the order in which they came; the v1 status address
  serves both versions.
* **A single update** shows at once. Of an unknown id it says the same as of a known one. Its
  parameters must start with ``profile.``; others are not looked at.
* **The limit** counts served calls of one client code; a missing token is answered with 401 first.
* **Faults** are played only where a script asks for them (``fault_words``), rows lost by design
  among them. A fault stands between the caller and Target: the rules above hold all the same.
* **Not played**: the 64 KB of a profile, profiles that fade, the limit of single updates a day,
  and faults of single updates.
"""

from __future__ import annotations

from tbpu_toolkit.sandbox.server import SandboxServer

__all__ = ["SandboxServer"]
