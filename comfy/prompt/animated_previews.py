"""Turn on the animated previews of the node pack VideoHelperSuite (docs/comfyui.md#46)."""

from __future__ import annotations

from typing import Any

from comfy.prompt.model import Prompt

_PACK = "VHS_"


def animated_previews(prompt: Prompt) -> dict[str, Any]:
    """Return the `extra_data` for a prompt with nodes of the pack; empty for other prompts.

    The pack reads its setting from the editor's graph, which saving nodes write into their files.
    Here that graph is incomplete, so readers of these files use the prompt next to it.
    """
    if not any(node["class_type"].startswith(_PACK) for node in prompt.values()):
        return {}
    # 0 images per second: as many as the model makes
    extra = {"VHS_latentpreview": True, "VHS_latentpreviewrate": 0}
    return {"extra_pnginfo": {"workflow": {"extra": extra}}}
