"""Downloads of missing models, and users' requests for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Body, Depends, HTTPException, Path
from starlette.requests import Request
from starlette.responses import Response

from comfy.comfyui.servers.server import ComfyServer
from comfy.records.administration import ModelRequest
from comfyforms.comfyui_node.downloads.queue import DOWNLOAD_ID
from ui.administration.announcements import Actor
from ui.administration.desk import Administration
from ui.documents.missing_models_doc import ModelDownload, all_downloads
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON

_Number = Annotated[int, Path(ge=0)]
_Key = Annotated[str, Path(pattern=f"^{DOWNLOAD_ID.pattern}$")]


@dataclass(frozen=True, slots=True)
class DownloadList:
    """Downloads at all servers, oldest first. `problems`: of servers that don't report theirs."""

    downloads: tuple[ModelDownload, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRequests:
    """Users' open requests for missing models, oldest first."""

    requests: tuple[ModelRequest, ...]


def downloads_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin/downloads` and `/admin/model-requests`."""
    routes = GuardedRoutes("/admin", tags=["Administration"])
    models, pool = desk.models, desk.servers.pool

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    def numbered(number: int) -> ComfyServer:
        if not 0 <= number < len(pool.servers):
            raise HTTPException(404)
        return pool.servers[number]

    def server(number: _Number) -> ComfyServer:
        return numbered(number)

    @routes.get("/downloads", Access.ADMINISTRATOR, response_model=DownloadList)
    def downloads() -> AsciiJSON:
        """Return the downloads of models at all servers."""
        lists = models.downloads.lists()
        found = all_downloads(lists, models.downloads.numbers)
        return AsciiJSON(DownloadList(found, tuple(at.problem for at in lists if at.problem)))

    @routes.post("/downloads", Access.ADMINISTRATOR, status_code=204)
    def get(
        workflow: Annotated[str, Body()],
        files: Annotated[tuple[str, ...] | None, Body()] = None,
        number: Annotated[int, Body(alias="server")] = 0,
        actor: Actor = Depends(actor),
    ) -> Response:
        """Download missing models of a workflow to a server: these files, or all of them."""
        models.get(actor, numbered(number), workflow, files)
        return Response(status_code=204)

    @routes.post("/downloads/{number}/{key}/{action}", Access.ADMINISTRATOR, status_code=204)
    def act(
        key: _Key,
        action: Literal["pause", "resume", "retry"],
        server: ComfyServer = Depends(server),
        actor: Actor = Depends(actor),
    ) -> Response:
        """Pause, resume or retry a download."""
        if action == "pause":
            models.pause(actor, server, key)
        else:
            models.resume(actor, server, key)
        return Response(status_code=204)

    @routes.delete("/downloads/{number}/{key}", Access.ADMINISTRATOR, status_code=204)
    def cancel(
        key: _Key, server: ComfyServer = Depends(server), actor: Actor = Depends(actor)
    ) -> Response:
        """Cancel a download and delete its partial file, or remove an ended one from the list."""
        models.remove(actor, server, key)
        return Response(status_code=204)

    @routes.get("/model-requests", Access.ADMINISTRATOR, response_model=ModelRequests)
    def requests() -> AsciiJSON:
        """Return users' requests for missing models."""
        return AsciiJSON(ModelRequests(models.open_requests()))

    @routes.post("/model-requests/{key}/get", Access.ADMINISTRATOR, status_code=204)
    def get_requested(
        key: str,
        number: Annotated[int, Body(alias="server", embed=True)] = 0,
        actor: Actor = Depends(actor),
    ) -> Response:
        """Download the models of a request, and close it."""
        models.get_requested(actor, numbered(number), key)
        return Response(status_code=204)

    @routes.delete("/model-requests", Access.ADMINISTRATOR, status_code=204)
    def close_all() -> Response:
        """Close all requests without a download."""
        models.close_all()
        return Response(status_code=204)

    @routes.delete("/model-requests/{key}", Access.ADMINISTRATOR, status_code=204)
    def close(key: str) -> Response:
        """Close a request without a download."""
        models.close(key)
        return Response(status_code=204)

    return routes
