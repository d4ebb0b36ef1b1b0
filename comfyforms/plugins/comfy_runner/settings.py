"""Settings of comfy_runner's calls."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ui.settings.named_servers import ReadableFile


class RunnerSettings(BaseModel):
    """The file that turns the calls on."""

    comfy_runner: ReadableFile | None = Field(
        None,
        title="FILE",
        description="config.toml of comfy_runner; turns on its endpoints, like /queue",
    )
