"""What is noticed of a page: where it turned to, its console's errors, what shuts people out."""

from __future__ import annotations

from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT

from .server import LOOPBACK

# JupyterLab's body is without height and hides what overflows it, so that axe would take all that
# is in it for hidden, and judge no contrast.
RUN_AXE = """async (node, tags) => {
    const height = document.body.style.minHeight;
    document.body.style.minHeight = '100vh';
    const found = await axe.run(node, {runOnly: tags, resultTypes: ['violations']});
    document.body.style.minHeight = height;
    return found.violations;
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Watch:
    """What a page asked for elsewhere, and what its console said that is an error.

    ``allowed`` holds parts of messages that a test means to provoke.
    """

    def __init__(self, page):
        self.page = page
        self.elsewhere, self.messages, self.allowed = [], [], []
        self.follow(page)

    def follow(self, page):
        page.on("popup", self.follow)
        page.on("request", lambda request: self.note(request.url))
        page.on("websocket", lambda socket: self.note(socket.url))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("console", self.listen)

    def note(self, url):
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOOPBACK:
            self.elsewhere.append(url)

    def listen(self, message):
        if message.type == "error":
            self.messages.append(f"{message.text} ({message.location.get('url', '')})")

    @property
    def errors(self):
        return [text for text in self.messages if not any(part in text for part in self.allowed)]

    def forget(self):
        for kept in (self.elsewhere, self.messages, self.allowed):
            kept.clear()

    def check(self):
        if not self.page.is_closed():
            self.page.evaluate("() => 0")  # what was said before this has come in now
        assert self.elsewhere == [], f"asked for outside this machine: {self.elsewhere}"
        assert self.errors == [], f"errors in the console: {self.errors}"


def find_violations(locator):
    """Give what axe finds against WCAG A and AA in an element: rule, impact, elements."""
    if not locator.page.evaluate("() => 'axe' in window"):
        locator.page.evaluate(AXE_SCRIPT)
    return [
        (
            one["id"],
            one["impact"],
            [f"{node['html'][:200]} … {node.get('failureSummary')}" for node in one["nodes"]],
        )
        for one in locator.evaluate(RUN_AXE, WCAG)
    ]
