"""Settings of the tools for assistants."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class McpSettings(BaseModel):
    """Extent of the forms that the tools describe."""

    mcp_fields: Literal["main", "all"] = Field(
        "main",
        title="FIELDS",
        description="fields that tools for assistants (/mcp) describe: main or all",
    )
