"""Fixtures: an empty history, and an app."""

from __future__ import annotations

from tests.records.conftest import history, kept
from tests.ui.conftest import app, served

__all__ = ["app", "history", "kept", "served"]
