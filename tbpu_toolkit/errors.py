"""The errors of the toolkit.

::

    ToolkitError
    ├── InputError                 an argument, a file or a table is not usable
    │   ├── MappingError           a mapping contradicts itself or one of Target's rules
    │   └── SourceError            the data can't be read
    ├── ValidationError            prepare() refuses the data; carries the report
    ├── RunError
    │   ├── RunExists              the folder holds something else already
    │   ├── RunNotFound            the folder holds no run
    │   ├── RunCopied              the folder is a copy of a run's
    │   └── RunCorrupt             a file of the run is not what was written
    ├── SendStopped                send() ended before every batch was accepted
    │   ├── AlreadySent            another run has sent the same bytes
    │   ├── NewerRunSent           a newer run has sent some of the same ids
    │   ├── TargetUnreachable      nothing was handed over
    │   ├── BatchRefused           Target said no
    │   ├── BatchUnknown           sent completely, but no answer came
    │   └── BatchBusy              another process is sending it
    ├── CallFailed                 a single call did not give a usable answer
    └── WaitTimeout                wait() gave up watching, which says nothing of the batch

>>> try:
...     raise BatchRefused("Target refused batch 3.")
... except ToolkitError as error:
...     print(error)
Target refused batch 3.
"""

from __future__ import annotations

from typing import Any


class ToolkitError(Exception):
    """Base of every error that the toolkit raises on purpose."""


class InputError(ToolkitError, ValueError):
    """An argument, a file or a table is not usable."""


class MappingError(InputError):
    """A mapping contradicts itself or one of Target's rules."""


class SourceError(InputError):
    """The data can't be read."""


class ValidationError(ToolkitError):
    """The data or the mapping stand in the way of a load.

    Attributes:
        report: the :class:`~tbpu_toolkit.validation.ValidationReport` that says how.

    """

    def __init__(self, message: str, report: Any) -> None:
        super().__init__(message)
        self.report = report


class RunError(ToolkitError):
    """A run folder is not usable."""


class RunExists(RunError):
    """The folder holds something else already."""


class RunNotFound(RunError):
    """The folder holds no run."""


class RunCopied(RunError):
    """The folder is a copy of a run's, and can't know what is sent from there."""


class RunCorrupt(RunError):
    """A file of the run is not what was written."""


class SendStopped(ToolkitError):
    """Sending ended before every batch was accepted."""


class AlreadySent(SendStopped):
    """Another run has sent the same bytes to the same target."""


class NewerRunSent(SendStopped):
    """A newer run has sent some of the same ids, whose values would give way to older ones."""


class TargetUnreachable(SendStopped):
    """Target could not be reached, so nothing was handed over."""


class BatchRefused(SendStopped):
    """Target refused a batch, so nothing of it was stored."""


class BatchUnknown(SendStopped):
    """A batch was sent completely and no usable answer came, so it may have been accepted."""


class BatchBusy(SendStopped):
    """Another process is sending a batch of this run."""


class CallFailed(ToolkitError):
    """A call gave no usable answer."""


class WaitTimeout(ToolkitError, TimeoutError):
    """The time to watch ran out while Target was still at work."""
