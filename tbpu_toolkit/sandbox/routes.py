"""Which handler answers which address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from tornado.web import Application, RequestHandler

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox.fault_play import (
    ScriptedFetchHandler,
    ScriptedStatusHandler,
    ScriptedUpdateHandler,
)
from tbpu_toolkit.sandbox.handlers import NotFoundHandler, Shared, SingleUpdateHandler
from tbpu_toolkit.sandbox.page import PageHandler, ProfilesHandler, VisitHandler

if TYPE_CHECKING:
    from tbpu_toolkit.sandbox.profiles import LookupKey

Route = tuple[str, type[RequestHandler], dict[str, Any]]

_CLIENT: Final = f"(?P<client_code>{limits.CLIENT_CODE_PATTERN})"


def application(shared: Shared) -> Application:
    """Return the sandbox as a tornado application."""
    keywords = {"shared": shared}
    return Application(
        [(path, handler, {**keywords, **own}) for path, handler, own in _routes()],
        default_handler_class=NotFoundHandler,
        default_handler_args=keywords,
        log_function=_keep_no_log,
    )


def _routes() -> list[Route]:
    updates: list[Route] = [
        (path.format(client_code=_CLIENT), ScriptedUpdateHandler, {"version": version})
        for version, path in limits.BATCH_UPDATE_PATHS.items()
    ]
    statuses: list[Route] = [
        (path.format(client_code=_CLIENT), ScriptedStatusHandler, {})
        for path in limits.BATCH_STATUS_PATHS.values()
    ]
    fetches: list[Route] = [
        (
            path.format(id="(?P<key>[^/]+)"),
            ScriptedFetchHandler,
            {"key_type": cast("LookupKey", key_type)},
        )
        for key_type, path in limits.FETCH_PATHS.items()
    ]
    single = limits.SINGLE_UPDATE_PATH.format(client_code=_CLIENT)
    own: list[Route] = [
        (single, SingleUpdateHandler, {}),
        ("/", PageHandler, {}),
        ("/sandbox/visit", VisitHandler, {}),
        ("/sandbox/profiles", ProfilesHandler, {}),
    ]
    return updates + statuses + fetches + own


def _keep_no_log(_handler: RequestHandler) -> None:
    """Write nothing: addresses hold ids, and a notebook would show every line."""
