"""Delete runs: local records and files, and ComfyUI's copies where possible; the rest is named. On
the page a deletion can be undone for a while; the app carries it out with or without a page."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.base.periodic import repeated
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from ui.files.copies import FileCopies

log = logging.getLogger(__name__)

_UNDOABLE = 15.0  # seconds; the page offers it for ten
_PAUSE = 5.0  # seconds
_STAYS = message("The ComfyUI server may keep copies.")


@dataclass(frozen=True, slots=True)
class RunDeletion:
    """Deletes runs. `clean_up` removes what ComfyUI has of a run; it returns False if something
    that was sent there stays."""

    runs: RunRegistry
    copies: FileCopies
    clean_up: Callable[[Record], bool]

    def delete(self, run_id: str, owner: str) -> str:
        """Delete a user's finished run: its record, its files and their copies for forms, and at
        ComfyUI its history entry and the files that were sent there. A ComfyUI that doesn't answer
        doesn't prevent the deletion here.

        Return a sentence about what stays, or "". Raises ComfyError for an unfinished run and
        RunNotFound.
        """
        try:
            record = self.runs.record(run_id, owner)
        except RunNotFound:  # it may be on record, and unreadable
            self.runs.forget(run_id, owner)
            return _STAYS
        self.runs.forget(run_id, owner)
        self.copies.remove(record)
        emptied = self.clean_up(record)
        return "" if emptied and not record.state.files else _STAYS

    def delete_unlisted(self, older: float = _UNDOABLE) -> None:
        """Delete the runs that have been off the list for this many seconds. A run that can't be
        deleted is tried again later. Raises ComfyError if the history can't be used."""
        history = self.runs.history
        for record in () if history is None else history.unlisted(time.time() - older):
            try:
                self.delete(record.id, record.owner)
            except RunNotFound:  # another program has done it
                continue
            except ComfyError as problem:
                log.warning("A result could not be deleted: %s %s", problem, problem.hint)
            except OSError as problem:  # of the disk, where its copies are
                log.warning("A result could not be deleted: %s", problem)


async def delete_regularly(deletion: RunDeletion) -> None:
    """Carry out the deletions that can't be undone any more, including those from before a
    restart."""
    await repeated(partial(asyncio.to_thread, deletion.delete_unlisted), _PAUSE)
