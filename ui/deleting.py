"""Deleting a run for good: what is kept of it here, and what ComfyUI lets go of. The rest is
named."""

from __future__ import annotations

from comfy.errors import RunNotFound
from ui.services import Services

_STAYS = "The image server may keep its own copy of {}."
_RESULT, _GIVEN = "the result", "pictures you gave"


def delete_run(services: Services, run_id: str, owner: str) -> str:
    """Delete a finished run of this person: its record, its files, and copies that were made of
    them for forms; at ComfyUI its entry in the history, and what was in the files that were sent
    there. A ComfyUI that does not answer does not keep it from being deleted here.

    What stays, as a sentence, "" if nothing does. ComfyError if the run goes on, RunNotFound if
    there is none.
    """
    runs = services.runs
    try:
        record = runs.record(run_id, owner)
    except RunNotFound:  # it may be on record, and unreadable
        runs.forget(run_id, owner)
        return _STAYS.format(f"{_RESULT} and of {_GIVEN}")
    runs.forget(run_id, owner)
    services.copies.remove(record)
    emptied = services.clean_up(record)
    stays = ([_RESULT] if record.state.files else []) + ([] if emptied else [_GIVEN])
    return _STAYS.format(" and of ".join(stays)) if stays else ""
