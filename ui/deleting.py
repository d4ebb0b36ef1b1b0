"""Deleting a run for good: what is kept of it here, and what ComfyUI lets go of. The rest is named."""

from __future__ import annotations

import logging
import re

from comfy.errors import ComfyError, RunNotFound
from comfy.job import Record
from ui.backend import Backend
from ui.catalogue import UPLOADS

log = logging.getLogger(__name__)

UPLOADED = re.compile(rf"({UPLOADS}/[0-9a-f]{{16}})/[^/]+")
SERVER_SECONDS = 3.0  # for each thing that ComfyUI is asked: somebody waits for the answer
STAYS = "The image server may keep its own copy of {}."
RESULT, GIVEN = "the result", "pictures you gave"


def delete_run(backend: Backend, run_id: str, owner: str) -> str:
    """Delete a finished run of this person: its record, its files, and copies that were made of them for forms; at
    ComfyUI its entry in the history, and what was in the files that were sent there. A ComfyUI that does not answer
    does not keep it from being deleted here.

    What stays, as a sentence, "" if nothing does. ComfyError if the run goes on, RunNotFound if there is none.
    """
    try:
        record = backend.runs.record(run_id, owner)
    except RunNotFound:  # it may be on record, and unreadable
        backend.runs.forget(run_id, owner)
        return STAYS.format(f"{RESULT} and of {GIVEN}")
    backend.runs.forget(run_id, owner)
    backend.drop_copies(record)
    emptied = _tidied(backend, record)
    stays = ([RESULT] if record.state.files else []) + ([] if emptied else [GIVEN])
    return STAYS.format(" and of ".join(stays)) if stays else ""


def _tidied(backend: Backend, record: Record) -> bool:
    """Let ComfyUI forget a run that was deleted here. Whether nothing is left there of the files it was given."""
    sent = [str(record.job.values.get(key)) for key in record.job.inputs]
    places = {value: place[1] for value in sent if (place := UPLOADED.fullmatch(value))}
    history = backend.runs.history
    try:
        with backend.client.fork(timeout=SERVER_SECONDS) as client:
            if record.sent:
                client.forget(record.state.prompt_id)
            # A run that was started again names the same file.
            mine = [value for value, place in places.items() if history and not history.names(record.owner, place)]
            for value in mine:
                client.empty(value)
    except ComfyError as problem:
        log.info("Run %s was deleted here, ComfyUI may remember it: %s", record.id, problem)
        return not sent
    return len(mine) == len(sent)
