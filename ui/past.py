"""The past of a person: their finished runs as a list, and what can be done with one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from comfy.errors import ComfyError, RunNotFound
from comfy.job import Record
from comfy.run_state import Phase
from ui.backend import Backend
from ui.deleting import delete_run
from ui.files import NO_RESULT, thumbnail_address
from ui.identity import NOBODY, Identity
from ui.live import Show
from ui.widgets import EXACT

PAGE = 16  # runs a request
WORDS = 200  # characters of what a run was asked, or what it said
KINDS = {"image": "Picture", "video": "Video", "audio": "Sound", "3d": "3D model", "file": "File"}
ENDS = {Phase.STOPPED: "Stopped", Phase.FAILED: "Failed", Phase.REFUSED: "Not accepted", Phase.LOST: "Lost"}


def past_routes(backend: Backend, identity: Identity, view: Show) -> APIRouter:
    """The routes below `/history`, each for the runs of whoever asks: somebody else's are as unknown as none.

    `view` puts a run's end into words.
    """
    router = APIRouter()

    def person(request: Request) -> str:
        owner = identity.owner(request)
        if owner is None or not identity.same_origin(request):
            raise HTTPException(401, "Please log in first.")
        return owner

    @router.get("/history")
    def earlier(request: Request, workflow: str = "", text: str = "", before: str = "") -> dict[str, Any]:
        """A page of finished runs, newest first, whether there are more, and whether there are any of any workflow."""
        owner, history = person(request), backend.runs.history
        if history is None or owner == NOBODY:
            return {"runs": [], "more": False, "any": False}
        with in_words():
            found = history.of(owner, workflow=workflow, text=text, before=before, limit=PAGE + 1)
            some = bool(found or history.of(owner, limit=1))
        return {"runs": [entry(record) for record in found[:PAGE]], "more": len(found) > PAGE, "any": some}

    @router.get("/history/{run_id}")
    def one(request: Request, run_id: str) -> dict[str, Any]:
        """One run in words, as its socket told them."""
        with in_words():
            record = backend.runs.record(run_id, person(request))
        return view(record, None).to_json()

    @router.get("/history/{run_id}/values")
    def values(request: Request, run_id: str) -> dict[str, Any]:
        """What a run was made with, as the page's script keeps the values of a form."""
        with in_words():
            owner = person(request)
            record = backend.runs.record(run_id, owner)
            backend.form(record.job.workflow, owner)  # one that is gone has no form to fill in
        return {"workflow": record.job.workflow, "values": values_to_keep(backend, record)}

    @router.delete("/history/{run_id}")
    def delete(request: Request, run_id: str) -> dict[str, str]:
        """Delete a finished run and its files; the answer says in a sentence what stays elsewhere."""
        with in_words():
            return {"stays": delete_run(backend, run_id, person(request))}

    return router


@contextmanager
def in_words() -> Iterator[None]:
    """What cannot be done, as an answer with a sentence."""
    try:
        yield
    except RunNotFound:
        raise HTTPException(404, NO_RESULT) from None
    except ComfyError as problem:
        raise HTTPException(409, f"{problem} {problem.hint}".strip()) from problem


def entry(record: Record) -> dict[str, Any]:
    """A run as a list shows it; times in seconds since 1970."""
    state = record.state
    files = [file for file in state.files if file.type == "output"] or list(state.files)
    pictures = [at for at, file in enumerate(state.files) if file.kind == "image" and file.digest]
    saved = [at for at in pictures if state.files[at].type == "output"]
    return {
        "id": record.id,
        "workflow": record.job.workflow,
        "title": record.job.title,
        "phase": state.phase.value,
        "at": state.finished_at or record.submitted_at,
        "what": what_came(record),
        "asked": _asked(record),
        "files": len(files),
        "thumb": thumbnail_address(record.id, (saved or pictures)[0]) if pictures else None,
    }


def what_came(record: Record) -> str:
    """What a run ended with, in a word or two."""
    state = record.state
    if state.phase in ENDS:
        return ENDS[state.phase]
    if state.files:
        return KINDS[state.files[0].kind]
    return state.texts[0].text[:WORDS] if state.texts else "Nothing"


def _asked(record: Record) -> str:
    """The words a run was made from, as far as one can tell: the first text of more than a word."""
    texts = (value.strip() for value in record.job.values.values() if isinstance(value, str))
    return next((text[:WORDS] for text in texts if " " in text), "")


def values_to_keep(backend: Backend, record: Record) -> dict[str, Any]:
    """Values by field key as the browser keeps them: files by their place here, numbers too long for it as text."""
    values = {
        key: str(value) if isinstance(value, int) and abs(value) > EXACT else value
        for key, value in record.job.values.items()
    }
    files = {
        key: {"file": backend.put_back(kept.digest, kept.name, record.owner)} for key, kept in record.job.inputs.items()
    }
    return values | files
