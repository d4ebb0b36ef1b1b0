"""Fixtures: a module's tests share its `running` server and app."""

from __future__ import annotations

from tests.ui.conftest import app, running, served

__all__ = ["app", "running", "served"]
