"""ComfyUI's front end, as the ComfyUI server has it: its page, scripts and pictures, and the lists
that are the same for all users."""

from __future__ import annotations

import mimetypes
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cachetools import LRUCache
from fastapi import HTTPException, Response

from comfy.base.errors import ComfyError, ServerError
from comfy.base.json_values import as_list, json_or_none
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfyforms.hooks import Access, GuardedRoutes
from ui.web.responses import AsciiJSON
from ui.web.shares import Work

# Folders of the front end and of node packs, and files beside its page. All else of the server's
# is out of reach: its own files, its log, its settings.
_PUBLISHED = re.compile(
    r"(?:assets|cursor|docs|extensions|fonts|lib|scripts|templates)/.+"
    r"|(?:build-manifest\.json|favicon\.ico|materialdesignicons\.min\.css)"
)
_LISTS = re.compile(
    r"global_subgraphs(?:/[\w.-]+)?|i18n|node_replacements|workflow_templates(?:/.+)?"
    r"|experiment/models(?:/[\w.-]+)?"
)
_MODELS = "experiment/models"
_HASH = re.compile(r"-[\w-]{8}\.\w+\Z")  # in the names of assets whose content never changes
_MOST = 32 * 2**20  # bytes of a file
_KEPT = 96 * 2**20  # bytes of all files in memory
_EACH, _LONGEST = 1000, 500  # bytes of an entry besides its file, at most; characters of a path
_FRESH = 60.0  # seconds
_TEXT = "text/javascript"
_SCRIPT = "extensions/comfyforms/editor.js"
_FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
_CHECKED = {"cache-control": "private, no-cache"}


class FrontEnd:
    """Files that a ComfyUI server publishes. Thread-safe."""

    def __init__(self, servers: ServerPool) -> None:
        self._servers = servers
        self._lock = threading.Lock()
        self._files = LRUCache[str, tuple[float, bytes]](
            _KEPT, getsizeof=lambda one: len(one[1]) + _EACH
        )
        self._client: Client | None = None
        self._checked = -_FRESH

    def is_there(self) -> bool:
        """Return whether a server has a front end. Waits for the servers at most once a minute."""
        return self._found() is not None

    def file(self, path: str) -> bytes:
        """Return a file, at most a minute old; one whose name has a digest stays. Raises
        ComfyError."""
        with self._lock:
            since, content = self._files.get(path, (0.0, b""))
        now = time.monotonic()
        if since and (now < since + _FRESH or _is_hashed(path)):
            return content
        if (client := self._found()) is None:
            raise HTTPException(404)
        content = client.published(f"/{quote(path)}", most=_MOST)
        with self._lock:
            if len(content) + _EACH < _KEPT:
                self._files[path] = now, content
        return content

    def _found(self) -> Client | None:
        if time.monotonic() < self._checked + _FRESH and self._client is not None:
            return self._client
        self._client = next((one for one in self._clients() if _has_page(one)), None)
        self._checked = time.monotonic()
        return self._client

    def _clients(self) -> Sequence[Client]:
        return [one.client for one in self._servers.servers if one.up]


def _is_hashed(path: str) -> bool:
    return path.startswith("assets/") and bool(_HASH.search(path))


def _leads_up(path: str) -> bool:
    return len(path) > _LONGEST or ".." in path.replace("\\", "/").split("/")


def _has_page(client: Client) -> bool:
    try:
        return b"<html" in client.published("/").lower()
    except ComfyError:
        return False


@dataclass(frozen=True, slots=True)
class FrontEndFiles:
    """Handlers of the routes."""

    front_end: FrontEnd

    routes = GuardedRoutes()

    @routes.get("", Access.SIGNED_IN, work=Work.HEALTH)
    def page(self) -> Response:
        return self._sent("", "text/html")

    @routes.get("/api/extensions", Access.SIGNED_IN, work=Work.HEALTH)
    def extensions(self) -> Response:
        """Return the addresses of the scripts of the front end and of node packs, and of the
        script with the way back to the app."""
        listed = as_list(json_or_none(self._content("api/extensions")))
        scripts = [one for one in listed if isinstance(one, str) and one.startswith("/extensions/")]
        return AsciiJSON([*scripts, f"/{_SCRIPT}"])

    @routes.get("/api/{path:path}", Access.SIGNED_IN, work=Work.HEALTH)
    def shared(self, path: str) -> Response:
        """Return a list that is the same for all users."""
        if not _LISTS.fullmatch(path) or _leads_up(path):
            raise HTTPException(404)
        if path == _MODELS:  # with the server's own folders
            listed = as_list(json_or_none(self._content(f"api/{path}")))
            return AsciiJSON([{**one, "folders": []} for one in listed if isinstance(one, dict)])
        return self._sent(f"api/{path}", mimetypes.guess_type(path)[0] or "application/json")

    @routes.get("/{path:path}", Access.SIGNED_IN, work=Work.HEALTH)
    def published(self, path: str) -> Response:
        """Return a file of the front end or of a node pack."""
        if not _PUBLISHED.fullmatch(path) or _leads_up(path):
            raise HTTPException(404)
        if path == _SCRIPT:
            script = Path(__file__).with_name("editor.js").read_bytes()
            return Response(script, 200, _CHECKED, _TEXT)
        guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return self._sent(path, _TEXT if path.endswith((".js", ".mjs")) else guessed)

    def _sent(self, path: str, media_type: str) -> Response:
        headers = _FOREVER if _is_hashed(path) else _CHECKED
        return Response(self._content(path), 200, headers, media_type)

    def _content(self, path: str) -> bytes:
        try:
            return self.front_end.file(path)
        except ServerError as problem:
            raise HTTPException(404) from problem
