"""Custom node for ComfyUI: *Open as form* in its menu, with the app beside it, and downloads of
models for the app.

Copy this folder into ComfyUI's `custom_nodes`, and `pip install .` in ComfyForms' checkout where
ComfyUI's Python or its shell finds it. The app starts when the menu entry is first used, for this
ComfyUI, and stops with it.
"""

from __future__ import annotations

import sys

NODE_CLASS_MAPPINGS: dict[str, type] = {}  # the package has no nodes
WEB_DIRECTORY = "./web"

if "folder_paths" in sys.modules:  # in ComfyUI; the app imports other modules of this package
    from server import PromptServer

    from .editor_route import open_as_form
    from .model_routes import add_model_routes, node_secret

    _SERVER = PromptServer.instance
    _SERVER.routes.post("/comfyforms/open")(open_as_form)
    if _SECRET := node_secret():
        add_model_routes(_SERVER.app, _SERVER.routes, _SECRET)
