"""Load tables into Adobe Target through its Bulk Profile Update API.

Bring a table, map its columns to profile parameters, see what is wrong before anything is sent,
write the batch files, send them once, follow them, and prove by fetching back that they arrived.

>>> import tbpu_toolkit as tbpu
>>> tbpu.Mapping("customer", "thirdPartyId", {"tier": "loyaltyTier"}).api_version
'v2'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tbpu_toolkit.errors import (
    AlreadySent,
    BatchBusy,
    BatchRefused,
    BatchUnknown,
    CallFailed,
    InputError,
    MappingError,
    NewerRunSent,
    RunCopied,
    RunCorrupt,
    RunError,
    RunExists,
    RunNotFound,
    SendStopped,
    SourceError,
    TargetUnreachable,
    ToolkitError,
    ValidationError,
    WaitTimeout,
)
from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.rulings import Ruling

if TYPE_CHECKING:
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.explanations import explain
    from tbpu_toolkit.practice import Sandbox
    from tbpu_toolkit.run import Run
    from tbpu_toolkit.runs import open_run, prepare
    from tbpu_toolkit.sources.file import File
    from tbpu_toolkit.sources.query import Query
    from tbpu_toolkit.suggestion import suggest_mapping
    from tbpu_toolkit.tokens import Token
    from tbpu_toolkit.validation import ValidationReport, validate
    from tbpu_toolkit.widgets.app import app
    from tbpu_toolkit.widgets.loader import Loader
    from tbpu_toolkit.widgets.mapping_table import MappingTable
    from tbpu_toolkit.widgets.report_view import ReportView
    from tbpu_toolkit.widgets.send_panel import SendPanel
    from tbpu_toolkit.widgets.status_panel import StatusPanel

__version__ = "0.1.0"

__all__ = [
    "AlreadySent",
    "BatchBusy",
    "BatchRefused",
    "BatchUnknown",
    "CallFailed",
    "File",
    "InputError",
    "Loader",
    "Mapping",
    "MappingError",
    "MappingTable",
    "NewerRunSent",
    "Parameter",
    "Query",
    "ReportView",
    "Ruling",
    "Run",
    "RunCopied",
    "RunCorrupt",
    "RunError",
    "RunExists",
    "RunNotFound",
    "Sandbox",
    "SendPanel",
    "SendStopped",
    "SourceError",
    "StatusPanel",
    "TargetClient",
    "TargetUnreachable",
    "Token",
    "ToolkitError",
    "ValidationError",
    "ValidationReport",
    "WaitTimeout",
    "app",
    "explain",
    "open_run",
    "prepare",
    "suggest_mapping",
    "validate",
]

# What brings the engine, HTTP or a server with it is imported when it is first asked for, so
# that the package itself is there at once.
_LATER = {
    "File": "sources.file",
    "Loader": "widgets.loader",
    "MappingTable": "widgets.mapping_table",
    "Query": "sources.query",
    "ReportView": "widgets.report_view",
    "Run": "run",
    "Sandbox": "practice",
    "SendPanel": "widgets.send_panel",
    "StatusPanel": "widgets.status_panel",
    "TargetClient": "client",
    "Token": "tokens",
    "ValidationReport": "validation",
    "app": "widgets.app",
    "explain": "explanations",
    "open_run": "runs",
    "prepare": "runs",
    "suggest_mapping": "suggestion",
    "validate": "validation",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
