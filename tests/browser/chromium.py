"""The browser: where it is, what becomes of tests without one, and how it is shut off."""

from __future__ import annotations

import os
import shutil

import pytest

from .server import LOOPBACK, NOWHERE

ABSENT = "no Chromium is on this machine, so the tests in a browser are left out"


def find_chromium():
    """Give the path of the browser; leave the test out, or fail it, where there is none."""
    names = [os.environ.get("CHROMIUM"), "chromium", "google-chrome"]
    program = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if program is None:
        say = pytest.fail if "browser" in os.environ.get("TBPU_REQUIRE", "") else pytest.skip
        say(ABSENT)
    return program


def launch(playwright):
    """Start the browser; whatever is not on this machine it can't reach."""
    bypass = f"--proxy-bypass-list=<-loopback>;{';'.join(LOOPBACK)}"
    words = [f"--proxy-server={NOWHERE}", bypass]
    return playwright.chromium.launch(executable_path=find_chromium(), args=words)
