"""Values that callers have set in workflows, and the runs that they started."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from cachetools import LRUCache

from comfy.base.errors import ComfyError
from comfy.media.checks import MIB
from comfy.runs.interface import Run
from ui.web.body_limits import too_large

_MOST_BYTES = 64 * MIB  # for all users' values; the oldest are dropped first
_OVERHEAD = 200  # bytes per value, or per caller without values
Values = Mapping[str, object]  # by field key


@dataclass(frozen=True, slots=True)
class InputFile:
    """File in ComfyUI's input folder, read again for each run."""

    name: str

    def __str__(self) -> str:
        return self.name


class QueuedRun:
    """A user's `GET /queue` call, and its run once it has started."""

    def __init__(self, person: str) -> None:
        self.person = person
        self.run: Run | None = None
        self._is_stopped = False

    @property
    def is_over(self) -> bool:
        """Return whether the call's run has ended."""
        return self.run is not None and self.run.state.phase.finished

    def begun(self, run: Run) -> None:
        """Set the started run, and cancel it if a stop was requested before."""
        self.run = run
        if self._is_stopped:
            run.cancel()

    def stop(self) -> None:
        """Stop the call's run, even while it is being started."""
        self._is_stopped = True
        if self.run is not None:
            self.run.cancel()


class KeptValues:
    """Values that callers have set. For the event loop's thread only. `person` identifies a caller
    as limits do, `workflow` is its name in the folder."""

    def __init__(self) -> None:
        self._values = LRUCache[tuple[str, str], Values](_MOST_BYTES, getsizeof=_weight)
        self._queued: list[QueuedRun] = []

    def of(self, person: str, workflow: str) -> Values:
        """Return the caller's values for this workflow."""
        return self._values.get((person, workflow), {})

    def put(self, person: str, workflow: str, values: Values) -> None:
        """Add these values. Raises ComfyError if they exceed the limit."""
        try:
            self._values[person, workflow] = {**self.of(person, workflow), **values}
        except ValueError as error:  # larger than the whole cache
            raise ComfyError(too_large(_MOST_BYTES)) from error

    def forget(self, person: str, workflow: str, keys: Collection[str]) -> None:
        """Delete the values with these keys."""
        kept = {key: one for key, one in self.of(person, workflow).items() if key not in keys}
        self._values[person, workflow] = kept

    @contextmanager
    def queue(self, person: str) -> Iterator[QueuedRun]:
        """Yield a call, and remember it until its run has ended. A call without a run at the end of
        the block is forgotten."""
        queued = QueuedRun(person)
        self._queued = [*(one for one in self._queued if not one.is_over), queued]
        try:
            yield queued
        finally:
            if queued.run is None:
                self._queued.remove(queued)

    def stop(self, person: str) -> None:
        """Stop only this caller's queued runs."""
        for queued in self._queued:
            if queued.person == person:
                queued.stop()


def _weight(values: Values) -> int:
    """Return the approximate size in bytes."""
    return _OVERHEAD * (1 + len(values)) + sum(len(str(one)) for one in values.values())
