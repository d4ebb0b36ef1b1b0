"""Routes in ComfyUI that download models for the app. They exist only if there is a secret."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import folder_paths
from aiohttp import web

from .downloads.problems import DownloadProblem
from .downloads.queue import Downloads
from .downloads.targets import ModelFolder
from .model_orders import DOWNLOADS, answer_order
from .signing import SHORTEST_SECRET, SignatureCheck, SignatureRefused

log = logging.getLogger(__name__)

_SECRET_FILE = Path(__file__).parent / "secret.txt"
_LARGEST = 1024 * 1024  # bytes of a request


def node_secret() -> str:
    """Return the secret that the app signs requests with, from COMFYFORMS_NODE_SECRET or the file
    `secret.txt` beside this one. Return "" without a secret, and for a short one."""
    secret = os.environ.get("COMFYFORMS_NODE_SECRET", "").strip()
    if not secret and _SECRET_FILE.is_file():
        secret = _SECRET_FILE.read_text(encoding="utf-8").strip()
    if secret and len(secret) < SHORTEST_SECRET:
        log.warning("ComfyForms: the secret needs at least %d characters.", SHORTEST_SECRET)
        return ""
    return secret


def add_model_routes(app: web.Application, routes: web.RouteTableDef, secret: str) -> None:
    """Add the routes. When ComfyUI starts, continue the downloads of an earlier process."""
    state = Path(folder_paths.get_user_directory()) / "comfyforms" / "downloads"
    downloads = Downloads(state, _folders, _hugging_face_token)
    signatures = SignatureCheck(secret)

    async def answer(request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            headers = {name.lower(): value for name, value in request.headers.items()}
            signatures.check(headers, request.method, request.path_qs, body)
            found = await asyncio.to_thread(
                answer_order, downloads, request.method, request.path, body
            )
        except SignatureRefused as problem:
            return web.json_response({"error": str(problem)}, status=403)
        except DownloadProblem as problem:
            return web.json_response({"error": str(problem)}, status=400)
        except LookupError:
            return web.json_response({"error": "This address doesn't exist."}, status=404)
        return web.json_response(found)

    for path in (DOWNLOADS, f"{DOWNLOADS}/{{rest:.*}}"):
        for method in ("GET", "POST", "DELETE"):
            routes.route(method, path)(answer)

    async def restore(_: web.Application) -> None:
        await asyncio.to_thread(downloads.restore)

    app.on_startup.append(restore)  # other nodes may add model folders until then


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for piece in request.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > _LARGEST:
            raise SignatureRefused("The request is too large.")
    return bytes(body)


def _folders() -> Mapping[str, ModelFolder]:
    known = folder_paths.folder_names_and_paths
    return {
        name: ModelFolder(tuple(map(Path, paths)), frozenset(endings))
        for name, (paths, endings) in list(known.items())
    }


def _hugging_face_token() -> str:
    """Return the token of this machine, from HF_TOKEN or `hf auth login`, or ""."""
    try:
        from huggingface_hub import get_token
    except ImportError:
        return ""
    return get_token() or ""
