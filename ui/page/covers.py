"""Cover images of workflows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import HTTPException
from fastapi.responses import Response

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.files import media_type_of
from comfy.library.private import MARK
from comfy.media.decoding import DecodingSlots
from comfy.media.thumbnails import thumbnail_of
from comfy.templates.offered import OfferedTemplates
from comfy.workflow.model import Workflow
from ui.files.result_files import sent
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes, Owner
from ui.web.responses import API
from ui.web.shares import Work
from ui.web.urls import COVERS, cover_address

_SIDE = 1024  # pixels


@dataclass(frozen=True, slots=True)
class Example:
    """Addresses of an example result, of the image that it was made from, and its kind; "" for
    those that don't exist."""

    url: str = ""
    before: str = ""
    kind: str = "image"


@dataclass(frozen=True, slots=True)
class Covers:
    """Finds the examples of workflows: the author's cover, the file that the user opened if it is
    an image or a video, or the image of the template that the workflow is."""

    library: WorkflowLibrary
    templates: OfferedTemplates

    def example(self, workflow: Workflow, name: str, owner: str) -> Example:
        if workflow.cover:
            return Example(cover_address(name, workflow.cover))
        permissions = self.library.forms.permissions
        try:
            if name.startswith(MARK):
                file, _ = self.library.forms.opened.file(owner, name)
                kind = media_type_of(file).partition("/")[0]
                if kind in ("image", "video"):
                    return Example(f"{COVERS}/{quote(name)}", kind=kind)
            if workflow.template and permissions.templates(owner):
                found = self.templates.offered().get(workflow.template)
                sees = permissions.sees_template(owner, workflow.template)
                if sees and found and found.template.thumbnail:
                    image = f"{API}/templates/{quote(workflow.template)}/thumb?part="
                    return Example(
                        f"{image}after", f"{image}before" if found.template.compares else ""
                    )
        except ComfyError:
            pass
        return Example()


def cover_routes(library: WorkflowLibrary, turns: DecodingSlots) -> GuardedRoutes:
    """Return `GET /page/covers/{name}`. `turns`: limits the images in memory."""
    routes = GuardedRoutes()

    @routes.get(f"{COVERS}/{{name:path}}", Access.FILE, work=Work.FILE)
    def cover(name: str, owner: Owner, image: str = "") -> Response:
        """Return the cover image beside a workflow of the folder, or for authors another `image`
        beside it; the file itself of a workflow that the user opened from an image or a video."""
        try:
            if name.startswith(MARK):
                return _opened(*library.forms.opened.file(owner, name), turns)
            path = library.image(name, image, owner) if image else library.cover(name, owner)
            if path is not None:
                return sent(path, path.name)
        except (WorkflowError, OSError):
            pass
        raise HTTPException(404, "This image doesn't exist.")

    return routes


def _opened(file: str, data: bytes, turns: DecodingSlots) -> Response:
    """Return an opened image, smaller and without its metadata, or a video as it is. Raises
    HTTPException for other files."""
    headers = {"x-content-type-options": "nosniff", "cache-control": "private, max-age=3600"}
    media_type = media_type_of(file)
    if media_type.startswith("video/"):
        return Response(data, media_type=media_type, headers=headers)
    with turns.turn():
        small = thumbnail_of(io.BytesIO(data), _SIDE) if media_type.startswith("image/") else None
    if small is None:
        raise HTTPException(404, "This image doesn't exist.")
    return Response(small, media_type="image/webp", headers=headers)
