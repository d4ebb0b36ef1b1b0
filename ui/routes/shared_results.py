"""Results that their owners share by a link: made and taken back by them, seen by whoever may use
the app and has it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from comfy.errors import RunNotFound
from comfy.messages import message
from comfy.records.shared_results import SharedResults
from ui.routes.history import as_http_errors
from ui.routes.presenter import outcome_of
from ui.routes.results import ResultFiles
from ui.services import Services
from ui.view.run_view import NO_RESULT
from ui.web.identity import Identity
from ui.web.urls import link_address

_KINDS = ("image", "video", "audio")
_NOT_SHARED = message("Only images, video and audio can be shared by a link.")
_NOT_KEPT = {"cache-control": "private, no-store"}  # a link that was taken back shows nothing


def shared_result_routes(services: Services, identity: Identity) -> APIRouter:
    """`POST` and `DELETE /history/{run_id}/files/{index}/link` for the run's owner, and
    `GET /shared/{token}/{name}`, the file of a link."""
    router = APIRouter()
    results = ResultFiles(services.runs, services.copies.blobs, services.server_files)

    def links() -> SharedResults:
        if services.runs.history is None:
            raise HTTPException(404, NO_RESULT)
        return services.runs.history.shared

    @router.post("/history/{run_id}/files/{index}/link")
    def share(
        run_id: str,
        index: int,
        *,
        prompt: bool | None = None,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> dict[str, object]:
        """The address of the link, a new one if there is none. `prompt`: whether it tells the
        prompt too, as before by default. `has_prompt`: there is one to tell. `is_new`: the
        result was not shared before."""
        with as_http_errors():
            outcome = outcome_of(services, services.runs.record(run_id, owner))
            if not 0 <= index < len(outcome.files):
                raise RunNotFound(run_id)
            if outcome.files[index].kind not in _KINDS:
                raise HTTPException(409, _NOT_SHARED)
            before = links.of(owner, run_id, index)
            is_told = bool(before and before.prompt) if prompt is None else prompt
            text = outcome.caption.prompt
            link = links.share(owner, run_id, index, text if is_told else "")
        address = link_address(link.token)
        told = {"prompt": bool(link.prompt), "has_prompt": bool(text), "is_new": before is None}
        return {"address": address, **told}

    @router.delete("/history/{run_id}/files/{index}/link")
    def stop(
        run_id: str,
        index: int,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> dict[str, bool]:
        """Take the link back; 404 where there is none."""
        with as_http_errors():
            if not links.stop(owner, run_id, index):
                raise RunNotFound(run_id)
        return {"stopped": True}

    @router.get("/shared/{token}/{name}", dependencies=[Depends(identity.reader)])
    def file(
        token: str, name: str, request: Request, links: SharedResults = Depends(links)
    ) -> Response:
        """The file, as its owner gets it, under the name that the server gave it: the owner's own
        one has words of the prompt."""
        with as_http_errors():
            found = links.find(token)
            if found is None:
                raise RunNotFound(token)
        link, record = found
        shown = record.state.files[link.place]
        answer = results.send(record, shown, shown.filename, request.headers.get("range"))
        answer.headers.update(_NOT_KEPT)
        return answer

    return router
