"""Results shared by a link: owners create and remove the link, signed-in users with the link see
the file."""

from __future__ import annotations

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response

from comfy.base.errors import RunNotFound
from comfy.base.messages import message
from comfy.records.shared_results import SharedResults
from ui.documents.headlines import NO_RESULT
from ui.routes.presenter import run_end
from ui.routes.results import ResultFiles
from ui.services import Services
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import Identity
from ui.web.urls import link_address

_KINDS = ("image", "video", "audio")
_NO_PROMPT_NO_FILE = message("This kind of file can't be shared without its prompt.")
_NOT_SHARED = message("Only images, video and audio can be shared by a link.")
_CANNOT_SHARE = message("This file can't be shared: its metadata can't be removed.")
_NOT_KEPT = {"cache-control": "private, no-store"}  # a link that was taken back shows nothing


def shared_result_routes(services: Services, identity: Identity) -> GuardedRoutes:
    """`POST` and `DELETE /history/{run_id}/files/{index}/link` for the run's owner, and
    `GET /shared/{token}/{name}`, the file of a link."""
    routes = GuardedRoutes()
    stripped = services.copies.blobs.stripped
    results = ResultFiles(services.runs, services.copies.blobs, services.server_files)

    def links() -> SharedResults:
        if services.runs.history is None:
            raise HTTPException(404, NO_RESULT)
        return services.runs.history.shared

    @routes.post("/history/{run_id}/files/{index}/link", Access.OWNER)
    def share(
        run_id: str,
        index: int,
        *,
        prompt: bool | None = None,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> dict[str, object]:
        """Return the URL of the link, creating it if needed.

        `prompt`: whether the link shows the prompt, and the file contains its metadata; unchanged
        by default. `has_prompt`: the run has a prompt. `is_new`: the result wasn't shared before.
        `can_strip`: the app can remove the file's metadata. If it can't, there is no link until the
        prompt is shared: the URL is empty then.
        """
        record = services.runs.record(run_id, owner)
        stage = run_end(services, record).stage
        if not 0 <= index < len(stage.files):
            raise RunNotFound
        if stage.files[index].kind not in _KINDS:
            raise HTTPException(409, _NOT_SHARED)
        link = before = links.of(owner, run_id, index)
        text = stage.caption.prompt
        is_told = bool(text) and (bool(before and before.prompt) if prompt is None else prompt)
        can_strip = stripped.of(record.state.files[index].digest) is not None
        if can_strip or is_told:
            link = links.share(owner, run_id, index, text if is_told else "")
        elif not text:
            raise HTTPException(409, _CANNOT_SHARE)
        elif prompt is not None:
            raise HTTPException(409, _NO_PROMPT_NO_FILE)
        return {
            "address": link_address(link.token) if link else "",
            "prompt": bool(link and link.prompt),
            "has_prompt": bool(text),
            "is_new": before is None,
            "can_strip": can_strip,
        }

    @routes.delete("/history/{run_id}/files/{index}/link", Access.OWNER)
    def stop(
        run_id: str,
        index: int,
        owner: str = Depends(identity.caller),
        links: SharedResults = Depends(links),
    ) -> dict[str, bool]:
        """Remove the link; 404 if it doesn't exist."""
        if not links.stop(owner, run_id, index):
            raise RunNotFound
        return {"stopped": True}

    @routes.get("/shared/{token}/{name}", Access.FILE)
    def file(
        token: str, name: str, request: Request, links: SharedResults = Depends(links)
    ) -> Response:
        """Send the file under the name that the server gave it: the owner's own name has words of
        the prompt. Without the prompt, the file's metadata is removed."""
        found = links.find(token)
        if found is None:
            raise RunNotFound
        link, record = found
        shown = record.state.files[link.place]
        answer: Response | None
        if link.prompt:
            answer = results.send(record, shown, shown.filename, request.headers.get("range"))
        else:
            answer = results.send_stripped(shown, request.headers)
        if answer is None:
            raise HTTPException(409, _NO_PROMPT_NO_FILE)
        answer.headers.update(_NOT_KEPT)
        return answer

    return routes
