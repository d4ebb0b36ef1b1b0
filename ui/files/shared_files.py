"""Results behind links, for signed-in users who have the link."""

from __future__ import annotations

from fastapi import HTTPException, Request
from fastapi.responses import Response

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.comfyui.client.server_files import ServerFiles
from comfy.records.blobs import BlobStore
from comfy.runs.interface import RunRegistry
from ui.documents.result_names import shared_name
from ui.files.result_files import ResultFiles
from ui.web.access import Access, GuardedRoutes

NO_PROMPT_NO_FILE = message("This kind of file can't be shared without its prompt.")
_NOT_KEPT = {"cache-control": "private, no-store"}  # a revoked link shows nothing


def shared_result_routes(runs: RunRegistry, blobs: BlobStore, server: ServerFiles) -> GuardedRoutes:
    """Return `GET /shared/{token}/{name}`, which serves the file of a link."""
    routes = GuardedRoutes()
    results = ResultFiles(runs, blobs, server)

    @routes.get("/shared/{token}/{name}", Access.FILE)
    def file(token: str, name: str, request: Request) -> Response:
        """Send the file. If the link hides the prompt, the file's metadata is removed, and its name
        has no words of the prompt."""
        entry = runs.history.shared.find(token) if runs.history is not None else None
        if entry is None:
            raise RunNotFound
        link, record = entry
        shown = record.state.files[link.place]
        own_name = shared_name(record, link.place, has_prompt=bool(link.prompt))
        answer: Response | None
        if link.prompt:
            answer = results.send(record, shown, own_name, request.headers.get("range"))
        else:
            answer = results.send_stripped(shown, own_name, request.headers)
        if answer is None:
            raise HTTPException(409, NO_PROMPT_NO_FILE)
        answer.headers.update(_NOT_KEPT)
        return answer

    return routes
