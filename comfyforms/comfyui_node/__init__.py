"""A custom node for ComfyUI: *Open as form* in its menu, with the app beside it.

Copy this folder into ComfyUI's `custom_nodes`, and `pip install comfyforms` where its Python or its
shell finds it. The app is started at the first press, for this ComfyUI, and ends with it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import folder_paths
from aiohttp import web
from server import PromptServer

from .beside import FormsApp, NotOpened, browser_host, server_url, unsaved_name

NODE_CLASS_MAPPINGS: dict[str, type] = {}  # it has no nodes
WEB_DIRECTORY = "./web"
_COMFYUI = PromptServer.instance
_FORMS = FormsApp(
    Path(folder_paths.get_user_directory()) / "comfyforms",
    os.environ.get("OPEN_AS_FORM_URL", ""),
    os.environ.get("COMFYFORMS_HOST") or "127.0.0.1",
)


@_COMFYUI.routes.post("/comfyforms/open")  # type: ignore[untyped-decorator]
async def open_as_form(request: web.Request) -> web.Response:
    """`{"name": …, "saved": …, "workflow": …}`, as the menu sends it: `{"url": …}` of its form, or
    `{"error": …}`."""
    told = await request.json()
    name, workflow = str(told["name"]), dict(told["workflow"])
    if not told["saved"]:
        name = unsaved_name(name, workflow)
    here = server_url(_COMFYUI.address, _COMFYUI.port)  # of several with --listen the first
    own, peer = (request.get_extra_info(end, ("",))[0] for end in ("sockname", "peername"))
    browser = browser_host(request.host, own, peer)
    try:
        url = await asyncio.to_thread(_FORMS.open, here, name, workflow, browser)
    except NotOpened as problem:
        return web.json_response({"error": str(problem)}, status=503)
    return web.json_response({"url": url})
