"""ComfyUI's own API for its clients."""

from __future__ import annotations

# occur nowhere outside this folder. The routes have the paths of ComfyUI's.
NOUNS = (
    *("comfyui_api", "comfyui's own api", "comfyui's clients", "comfyui_roots"),
    *("MessageSockets", "PromptCalls", "PromptChecker", "OwnFiles"),
)
