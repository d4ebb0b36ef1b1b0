"""Routes of ComfyUI-Manager, in its third or fourth generation (docs/comfyui.md#61)."""

from __future__ import annotations

import json
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Generation = Literal["3", "4", "4 legacy"]
_VERSIONS = {"3": "V3.41", "4": "V4.2.2", "4 legacy": "V4.2.2"}


class DemoManager:
    """Manager that installs nothing. `orders`: the packs it was asked for, as "id@version".
    `packs`: the node classes of each pack that it knows. `installed`: id and version by folder.
    `waits`: whether orders stay in its queue. `refuses`: its security level allows nothing.
    `reboots`: how often it was asked to restart ComfyUI."""

    def __init__(self, generation: Generation) -> None:
        self.orders: list[str] = []
        self.packs: dict[str, list[str]] = {}
        self.installed: dict[str, tuple[str, str]] = {}
        self.reboots = 0
        self.waits = False
        self.refuses = False
        self._generation = generation
        self._pending: list[str] = []
        self._done = 0

    def routes(self) -> list[Route]:
        """Return the routes of this generation."""
        base = "/manager" if self._generation == "3" else "/v2/manager"
        order = {"3": "install", "4": "task", "4 legacy": "batch"}[self._generation]
        table = (
            ("GET", "version", self._version),
            ("GET", "queue/status", self._status),
            ("POST", f"queue/{order}", self._order),
            ("POST", "queue/start", self._start),
            ("POST", "reboot", self._reboot),
        )
        packs = f"{base.removesuffix('/manager')}/customnode"
        lists = (("getmappings", self._mappings), ("installed", self._installed))
        return [
            Route(f"{prefix}{packs}/{path}", handler)
            for path, handler in lists
            for prefix in ("", "/api")
        ] + [
            Route(f"{prefix}{base}/{path}", handler, methods=[method])
            for method, path, handler in table
            for prefix in ("", "/api")
        ]

    async def _mappings(self, _: Request) -> Response:
        return JSONResponse(
            {pack: [names, {"title_aux": pack}] for pack, names in self.packs.items()}
        )

    async def _installed(self, _: Request) -> Response:
        return JSONResponse(
            {folder: {"cnr_id": id_, "ver": ver} for folder, (id_, ver) in self.installed.items()}
        )

    async def _version(self, _: Request) -> Response:
        return Response(_VERSIONS[self._generation], media_type="text/plain")

    async def _status(self, _: Request) -> Response:
        pending, active = len(self._pending), min(1, len(self._pending))
        counts = {"done_count": self._done, "in_progress_count": active}
        if self._generation == "4":
            counts |= {"total_count": pending, "pending_count": pending - active}
        else:
            counts |= {"total_count": self._done + pending}
        return JSONResponse({**counts, "is_processing": bool(self._pending)})

    async def _order(self, request: Request) -> Response:
        sent = json.loads(await request.body())
        items: list[dict[str, Any]] = sent.get("install") or [sent.get("params") or sent]
        names = [f"{item['id']}@{item['selected_version']}" for item in items]
        if self.refuses:
            if self._generation == "4 legacy":
                return JSONResponse({"failed": [item["id"] for item in items]})
            return Response("A security error has occurred.", 403)
        self.orders += names
        self._pending += names
        if self._generation == "4 legacy":
            self._work()
            return JSONResponse({"failed": []})
        return Response()

    async def _start(self, request: Request) -> Response:
        if request.headers.get("content-type", "").startswith("application/x-www-form"):
            return Response("Invalid content type", 400)
        self._work()
        return Response()

    def _work(self) -> None:
        if not self.waits:
            self._done += len(self._pending)
            self._pending.clear()

    async def _reboot(self, _: Request) -> Response:
        if self.refuses:
            return Response(status_code=403)
        self.reboots += 1
        return Response()
