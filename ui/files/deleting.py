"""Deletion of runs: local records and files, and ComfyUI's copies if possible. A message names what
stays. On the page, users can undo a deletion for a while; the app carries it out even if the page
closes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from comfy.base.errors import ComfyError, RunNotFound
from comfy.base.messages import message
from comfy.base.threads import repeated
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from ui.files.copies import FileCopies

log = logging.getLogger(__name__)

_UNDOABLE = 15.0  # seconds; the page offers undo for ten
_WITH_PERSON = 1.0  # before it: see `RunStore.forget_person`
_PAUSE = 5.0  # seconds
_STAYS = message("The ComfyUI server may keep copies.")


@dataclass(frozen=True, slots=True)
class RunDeletion:
    """Deleter of runs. `clean_up` removes ComfyUI's data of a run and returns False if a file stays
    there."""

    runs: RunRegistry
    copies: FileCopies
    clean_up: Callable[[Record], bool]

    def delete(self, run_id: str, owner: str, *, by_owner: bool = True) -> str:
        """Delete a user's finished run: its record, its files and their copies for forms, and on
        the ComfyUI server its history entry and input files. An unreachable server doesn't prevent
        the local deletion. The audit log gets those `by_owner`.

        Return a sentence about what stays, or "". Raises ComfyError for an unfinished run and
        RunNotFound.
        """
        try:
            record = self.runs.record(run_id, owner)
        except RunNotFound:  # its record may exist but be unreadable
            self.runs.forget(run_id, owner)
            return _STAYS
        self.runs.forget(run_id, owner)
        self.copies.remove(record)
        if by_owner:
            with suppress(ComfyError):  # the run is deleted anyway
                self.runs.history.audit.add(
                    owner, "delete", record.job.title, record.id, address=record.address
                )
        return "" if self.clean_up(record) else _STAYS

    def delete_unlisted(self, older: float = _UNDOABLE) -> None:
        """Delete the runs that were removed from the list at least this many seconds ago. A run
        that can't be deleted is tried again later. Raises ComfyError if the history can't be used.
        """
        found = self.runs.history.unlisted(time.time() - older)
        if not found:
            return
        with_person = {one.id for one in self.runs.history.unlisted(_WITH_PERSON)}
        for record in found:
            try:
                self.delete(record.id, record.owner, by_owner=record.id not in with_person)
            except RunNotFound:  # another process has deleted it
                continue
            except ComfyError as problem:
                log.warning("A run can't be deleted: %s %s", problem, problem.hint)
            except OSError as problem:  # from the disk with the copies
                log.warning("A run can't be deleted: %s", problem)


async def delete_regularly(deletion: RunDeletion) -> None:
    """Regularly carry out the deletions that can no longer be undone, including those from before a
    restart. Of several processes, one does so."""

    async def delete() -> None:
        if deletion.runs.is_keeper:
            await asyncio.to_thread(deletion.delete_unlisted)

    await repeated(delete, _PAUSE)
