"""Custom node for ComfyUI: *Open as form* in its menu, with the app beside it, and downloads of
models for the app.

The app starts when the menu entry is first used, for this ComfyUI, and stops with it. If it isn't
installed where ComfyUI's Python or its shell finds it, the node installs it into an environment of
its own.
"""

from __future__ import annotations

import sys

NODE_CLASS_MAPPINGS: dict[str, type] = {}  # the package has no nodes
WEB_DIRECTORY = "./web"

if "folder_paths" in sys.modules:  # in ComfyUI; the app imports other modules of this package
    from server import PromptServer

    from .editor_route import devices, open_as_form
    from .model_routes import add_model_routes, node_secret

    _SERVER = PromptServer.instance
    _SERVER.routes.post("/comfyforms/open")(open_as_form)
    _SERVER.routes.post("/comfyforms/devices")(devices)
    if _SECRET := node_secret():
        add_model_routes(_SERVER.app, _SERVER.routes, _SECRET)
