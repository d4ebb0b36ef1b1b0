"""Deleting runs: what is kept of them here, and what ComfyUI lets go of. The rest is named. On the
page a deletion can be undone for a while; it is carried out here, whether the page is there or not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.base.periodic import repeated
from ui.services import Services

log = logging.getLogger(__name__)

_UNDOABLE = 15.0  # seconds; the page offers it for ten
_PAUSE = 5.0  # seconds
_RESULT = message("The ComfyUI server may keep a copy of the result.")
_GIVEN = message("The ComfyUI server may keep a copy of your images.")
_BOTH = message("The ComfyUI server may keep copies of the result and your images.")


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
        return _BOTH
    runs.forget(run_id, owner)
    services.copies.remove(record)
    emptied = services.clean_up(record)
    if emptied:
        return _RESULT if record.state.files else ""
    return _BOTH if record.state.files else _GIVEN


async def delete_regularly(services: Services) -> None:
    """Carry out the deletions that can no longer be undone, those from before a restart too."""
    await repeated(partial(asyncio.to_thread, delete_unlisted, services), _PAUSE)


def delete_unlisted(services: Services, older: float = _UNDOABLE) -> None:
    """Delete the runs that have not been listed for so many seconds. What cannot be deleted keeps
    no other, and is tried again. ComfyError where the history cannot be used."""
    history = services.runs.history
    for record in () if history is None else history.unlisted(time.time() - older):
        try:
            delete_run(services, record.id, record.owner)
        except RunNotFound:  # another program has done it
            continue
        except ComfyError as problem:
            log.warning("A result could not be deleted: %s %s", problem, problem.hint)
        except OSError as problem:  # of the disk, where its copies are
            log.warning("A result could not be deleted: %s", problem)
