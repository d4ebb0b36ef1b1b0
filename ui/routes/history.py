"""A person's finished runs as a list, and what can be done with one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, HTTPException

from comfy.errors import ComfyError, RunNotFound
from comfy.protocol.run_state import Phase
from comfy.records.record import Record
from ui.deleting import delete_run
from ui.routes.run_socket import Show
from ui.services import Services
from ui.view.browser_values import run_values
from ui.view.run_view import NO_RESULT, PastRun, first_text
from ui.web.identity import NOBODY, Identity
from ui.web.urls import thumbnail_address

_PAGE = 16  # runs a request
_WORDS = 200  # characters of what a run was asked, or what it said
_KINDS = {"image": "Picture", "video": "Video", "audio": "Sound", "3d": "3D model", "file": "File"}
_ENDS = {
    Phase.STOPPED: "Stopped",
    Phase.FAILED: "Failed",
    Phase.REFUSED: "Not accepted",
    Phase.LOST: "Lost",
}


def history_routes(services: Services, identity: Identity, view: Show) -> APIRouter:
    """The routes below `/history`, each for the runs of whoever asks: somebody else's are as
    unknown as none.

    `view` puts a run's end into words.
    """
    router = APIRouter()

    @router.get("/history")
    def earlier(
        workflow: str = "",
        text: str = "",
        before: str = "",
        owner: str = Depends(identity.caller),
    ) -> dict[str, Any]:
        """A page of finished runs, newest first, whether there are more, and whether there are any
        of any workflow."""
        history = services.runs.history
        if history is None or owner == NOBODY:
            return {"runs": [], "more": False, "any": False}
        with as_http_errors():
            found = history.of(owner, workflow=workflow, text=text, before=before, limit=_PAGE + 1)
            some = bool(found or history.of(owner, limit=1))
        return {
            "runs": [asdict(past_run(record)) for record in found[:_PAGE]],
            "more": len(found) > _PAGE,
            "any": some,
        }

    @router.get("/history/{run_id}")
    def one(run_id: str, owner: str = Depends(identity.caller)) -> dict[str, Any]:
        """One run, described as on its socket."""
        with as_http_errors():
            record = services.runs.record(run_id, owner)
        return view(record, None).to_json()

    @router.get("/history/{run_id}/values")
    def values(run_id: str, owner: str = Depends(identity.caller)) -> dict[str, Any]:
        """What a run was made with, as the page's script keeps the values of a form."""
        with as_http_errors():
            record = services.runs.record(run_id, owner)
            # One that is gone has no form to fill in.
            services.forms.form(record.job.workflow, owner)
            inputs = record.job.inputs.items()
            places = {
                key: services.copies.of_kept(kept.digest, kept.name, owner) for key, kept in inputs
            }
        return {"workflow": record.job.workflow, "values": run_values(record.job.values, places)}

    @router.delete("/history/{run_id}")
    def delete(run_id: str, owner: str = Depends(identity.caller)) -> dict[str, str]:
        """Delete a finished run and its files; the answer says in a sentence what stays
        elsewhere."""
        with as_http_errors():
            return {"stays": delete_run(services, run_id, owner)}

    return router


@contextmanager
def as_http_errors() -> Iterator[None]:
    """What cannot be done, as an answer with a sentence."""
    try:
        yield
    except RunNotFound:
        raise HTTPException(404, NO_RESULT) from None
    except ComfyError as problem:
        raise HTTPException(409, f"{problem} {problem.hint}".strip()) from problem


def past_run(record: Record) -> PastRun:
    """A run as a list shows it."""
    state = record.state
    files = [file for file in state.files if file.type == "output"] or list(state.files)
    by_use = sorted(enumerate(state.files), key=lambda one: one[1].type != "output")
    thumbnails = (thumbnail_address(record.id, at, file) for at, file in by_use)
    return PastRun(
        id=record.id,
        workflow=record.job.workflow,
        title=record.job.title,
        phase=state.phase.value,
        at=state.finished_at or record.submitted_at,
        what=what_came(record),
        asked=first_text(record.job.values, _WORDS),
        files=len(files),
        thumb=next(filter(None, thumbnails), None),
    )


def what_came(record: Record) -> str:
    """What a run ended with, in a word or two."""
    state = record.state
    if state.phase in _ENDS:
        return _ENDS[state.phase]
    if state.files:
        return _KINDS[state.files[0].kind]
    return state.texts[0].text[:_WORDS] if state.texts else "Nothing"
