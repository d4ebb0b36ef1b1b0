"""Routes of *Open as form* and *ComfyForms on other devices* in ComfyUI's menu."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import folder_paths
from aiohttp import web
from server import PromptServer

from .beside import FormsApp, browser_host, server_url, unsaved_name
from .guard import (
    HEADERS_READ,
    LARGEST_ORDER,
    OrderRefused,
    check_sender,
    order_too_large,
    own_names,
    read_choice,
    read_order,
)
from .problems import Installing, NotOpened

_COMFYUI = PromptServer.instance
_URL = os.environ.get("OPEN_AS_FORM_URL", "")
_FORMS = FormsApp(
    Path(folder_paths.get_user_directory()) / "comfyforms",
    _URL,
    os.environ.get("COMFYFORMS_HOST", ""),
    os.environ.get("OPEN_AS_FORM_SOURCE", ""),
)
_NAMES = own_names(_URL, *os.environ.get("COMFYFORMS_HOSTS", "").replace(",", " ").split())
_PIECE = 64 * 1024
_Answer = Callable[[str, str, bytes], Mapping[str, object]]  # of ComfyUI's URL, browser and body


async def open_as_form(request: web.Request) -> web.Response:
    """Open the workflow that the menu sends, as parsed by `read_order`. Answers `{"url": …}` of its
    form, as `_answered` does. The status is 409 if another workflow has the name, unless the
    request contains `"replace": true`."""
    return await _answered(request, _opened)


async def devices(request: web.Request) -> web.Response:
    """Answer with who can reach the app, after the change in the request, as parsed by
    `read_choice`."""
    return await _answered(request, _reach)


def _opened(comfyui: str, browser: str, body: bytes) -> Mapping[str, object]:
    order = read_order(body)
    name = order.name if order.saved else unsaved_name(order.name, order.workflow)
    return {"url": _FORMS.open(comfyui, name, order.workflow, browser, replace=order.replace)}


def _reach(comfyui: str, browser: str, body: bytes) -> Mapping[str, object]:
    return _FORMS.devices(comfyui, browser, share=read_choice(body))._asdict()


async def _answered(request: web.Request, answer: _Answer) -> web.Response:
    """Answer a request from ComfyUI's own page: 202 with `{"waiting": …}` while the app is being
    installed, `{"error": …}` if it is refused or fails."""
    here = server_url(_COMFYUI.address, _COMFYUI.port)  # the first address if --listen has several
    own, peer = (request.get_extra_info(end, ("",))[0] for end in ("sockname", "peername"))
    try:
        check_sender({name: request.headers.getall(name, []) for name in HEADERS_READ}, _NAMES)
        body = await _body(request)
        browser = browser_host(request.host, own, peer)
        document = await asyncio.to_thread(partial(answer, here, browser, body))
    except Installing as waiting:
        return web.json_response({"waiting": str(waiting)}, status=waiting.status)
    except (OrderRefused, NotOpened) as problem:
        return web.json_response({"error": str(problem)}, status=problem.status)
    return web.json_response(document)


async def _body(request: web.Request) -> bytes:
    """Return the request's body. Raises OrderRefused if it is too large."""
    body = bytearray()
    async for piece in request.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > LARGEST_ORDER:
            raise order_too_large()
    return bytes(body)
