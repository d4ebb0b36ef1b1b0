"""Route of *Open as form* in ComfyUI's menu."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import folder_paths
from aiohttp import web
from server import PromptServer

from .beside import FormsApp, NotOpened, WouldReplace, browser_host, server_url, unsaved_name
from .guard import (
    HEADERS_READ,
    LARGEST_ORDER,
    OrderRefused,
    check_sender,
    order_too_large,
    own_names,
    read_order,
)

_COMFYUI = PromptServer.instance
_URL = os.environ.get("OPEN_AS_FORM_URL", "")
_FORMS = FormsApp(
    Path(folder_paths.get_user_directory()) / "comfyforms",
    _URL,
    os.environ.get("COMFYFORMS_HOST") or "127.0.0.1",
)
_NAMES = own_names(_URL, *os.environ.get("COMFYFORMS_HOSTS", "").replace(",", " ").split())
_PIECE = 64 * 1024


async def open_as_form(request: web.Request) -> web.Response:
    """Open the workflow that the menu sends, as parsed by `read_order`. Answers `{"url": …}` of its
    form, or `{"error": …}`. The status is 409 if another workflow has the name, unless the request
    contains `"replace": true`."""
    here = server_url(_COMFYUI.address, _COMFYUI.port)  # the first address if --listen has several
    own, peer = (request.get_extra_info(end, ("",))[0] for end in ("sockname", "peername"))
    try:
        check_sender({name: request.headers.getall(name, []) for name in HEADERS_READ}, _NAMES)
        order = read_order(await _body(request))
        name = order.name if order.saved else unsaved_name(order.name, order.workflow)
        browser = browser_host(request.host, own, peer)
        url = await asyncio.to_thread(
            _FORMS.open, here, name, order.workflow, browser, replace=order.replace
        )
    except (OrderRefused, WouldReplace) as problem:
        return web.json_response({"error": str(problem)}, status=problem.status)
    except NotOpened as problem:
        return web.json_response({"error": str(problem)}, status=503)
    return web.json_response({"url": url})


async def _body(request: web.Request) -> bytes:
    """Return the request's body. Raises OrderRefused if it is too large."""
    body = bytearray()
    async for piece in request.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > LARGEST_ORDER:
            raise order_too_large()
    return bytes(body)
