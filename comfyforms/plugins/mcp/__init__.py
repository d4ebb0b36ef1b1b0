"""Workflows as tools for assistants, over the Model Context Protocol."""

from __future__ import annotations

# occur nowhere outside this folder. Node packs and Gradio have other servers of this protocol.
NOUNS = (
    *(
        "plugins[./]mcp",
        "(?<!gradio_api)/mcp\\b",
        "mcp[-_]fields",
        "mcpSe(rver|tting)s",
        "mcp server at",
    ),
    *("(from|import) mcp\\b", r"[`'\"]\[mcp", "model context protocol", "assistants \\(mcp\\)"),
)
EXTRA = "mcp"  # in pyproject.toml, with the packages that it needs
