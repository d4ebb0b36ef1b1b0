"""Cover images of workflows."""

from __future__ import annotations

from fastapi import HTTPException
from fastapi.responses import FileResponse

from comfy.base.errors import WorkflowError
from ui.files.result_files import sent
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.shares import Work
from ui.web.urls import COVERS


def cover_routes(library: WorkflowLibrary) -> GuardedRoutes:
    """Return `GET /page/covers/{name}`."""
    routes = GuardedRoutes()

    @routes.get(f"{COVERS}/{{name:path}}", Access.FILE, work=Work.FILE)
    def cover(name: str, owner: Owner, image: str = "") -> FileResponse:
        """Return the cover image beside a workflow of the folder, or for authors another `image`
        beside it."""
        try:
            path = library.image(name, image, owner) if image else library.cover(name, owner)
            if path is not None:
                return sent(path, path.name)
        except (WorkflowError, OSError):
            pass
        raise HTTPException(404, "This image doesn't exist.")

    return routes
