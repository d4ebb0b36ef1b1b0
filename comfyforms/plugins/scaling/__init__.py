"""Elastic servers: start and stop ComfyUI servers with the administrator's commands."""

from __future__ import annotations

NOUNS = (
    r"plugins[./]scaling",
    r"\[scale\]",
    r"\bscale_(name|server|url|problems|of\b)",
    r"\bscaled_?server|\bscaling_(version|tables)",
    r"\bScale(Table|Settings|Store|Status|r\b)",
    r"elastic server|servers on demand",
)
