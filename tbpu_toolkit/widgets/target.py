"""Where batches go, shown so that nobody takes production for the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from markupsafe import Markup

from tbpu_toolkit.addresses import is_loopback
from tbpu_toolkit.client import TargetClient
from tbpu_toolkit.ledger import Target
from tbpu_toolkit.tokens import Token
from tbpu_toolkit.widgets.panel import as_html

if TYPE_CHECKING:
    import ipywidgets

Kind = Literal["sandbox", "production"]

_PILL: Final = """
<span class="tbpu-target {{ kind }}">{{ kind | upper }}</span>
{{ target.client_code }} at {{ target.base_url }}
"""


def target_of(client: TargetClient) -> Target:
    """Give where a client sends to, as a run names it."""
    return Target(client.client_code, client.base_url)


def kind_of(target: Target) -> Kind:
    """Say whether it is a sandbox, which is on this machine, or counts as production.

    >>> kind_of(Target("acme", "http://127.0.0.1:8765")), kind_of(Target("acme", "https://x.example"))
    ('sandbox', 'production')
    """
    return "sandbox" if is_loopback(target.base_url) else "production"


def pill(target: Target) -> Markup:
    """Give the target as HTML: a coloured word, the client code and the address."""
    return Markup(as_html(_PILL, kind=kind_of(target), target=target))  # noqa: S704 - escaped there


def paint(widget: ipywidgets.DOMWidget, target: Target | None) -> None:
    """Give a panel the colour of where it sends to."""
    for kind in ("sandbox", "production"):
        if target is not None and kind_of(target) == kind:
            widget.add_class(f"tbpu-to-{kind}")
        else:
            widget.remove_class(f"tbpu-to-{kind}")


def client_for(target: Target, token: Token | None = None) -> TargetClient:
    """Give a client for a target that a run was sent to.

    The token of the environment or the keyring goes to production alone.

    Raises:
        InputError: the address is none that a client goes to, or the token kept is none.

    """
    if token is None and kind_of(target) == "production":
        token = Token.kept(target.client_code)
    return TargetClient(target.client_code, token=token, base_url=target.base_url)


def with_token(client: TargetClient, token: Token) -> TargetClient:
    """Give a client that is the same but for its token.

    Raises:
        InputError: a token must not go to that address.

    """
    pace = client.pace.calls_per_minute
    return TargetClient(client.client_code, token, client.base_url, pace)
