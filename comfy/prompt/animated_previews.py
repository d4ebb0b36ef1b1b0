"""What switches on the animated previews of VideoHelperSuite, a node pack (docs/comfyui.md#46)."""

from __future__ import annotations

from typing import Any

from comfy.prompt.model import Prompt

_PACK = "VHS_"


def animated_previews(prompt: Prompt) -> dict[str, Any]:
    """What is sent beside a prompt with nodes of the pack, as `extra_data`; nothing beside others.

    The pack looks for its switch where the editor sends its graph, and savers write what is there
    into their files: it is no graph, so the prompt beside it is what such a file holds.
    """
    if not any(node["class_type"].startswith(_PACK) for node in prompt.values()):
        return {}
    # 0 images in a second: as many as the model makes
    extra = {"VHS_latentpreview": True, "VHS_latentpreviewrate": 0}
    return {"extra_pnginfo": {"workflow": {"extra": extra}}}
