"""Workflows as tools for assistants, through the Model Context Protocol at `/mcp`."""

from __future__ import annotations

EXTRA = "mcp"  # in pyproject.toml, with the packages that it needs
