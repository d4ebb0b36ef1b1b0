"""Custom node for ComfyUI, for a checkout in its `custom_nodes`."""

from __future__ import annotations

import sys

NODE_CLASS_MAPPINGS: dict[str, type] = {}
WEB_DIRECTORY = "./comfyforms/comfyui_node/web"

if "folder_paths" in sys.modules:  # in ComfyUI, which has its own `comfy`: nothing else is imported
    from .comfyforms import comfyui_node as comfyui_node
