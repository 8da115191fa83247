"""Tests that look through a browser; a package, so that its fixtures end with its last test."""

from __future__ import annotations
