"""Values that callers have set in workflows, and the runs that they started."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from comfy.base.errors import ComfyError
from comfy.records.state.runner_values import VALUE_BYTES, RunnerValues, ValuesTooLarge
from comfy.runs.interface import Run
from ui.web.body_limits import too_large

_VALUE, _INPUT = "value", "input"  # keys of a stored value
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
    """Values that callers have set. `person` identifies a caller as limits do, `workflow` is its
    name in the folder. Methods block, and raise ComfyError if the values can't be read or
    stored."""

    def __init__(self, stored: RunnerValues) -> None:
        self._stored = stored

    def of(self, person: str, workflow: str) -> Values:
        """Return the caller's values for this workflow."""
        stored = self._stored.of(person, workflow)
        return {
            key: InputFile(one[_INPUT]) if _INPUT in one else one[_VALUE]
            for key, one in stored.items()
        }

    def put(self, person: str, workflow: str, values: Values) -> None:
        """Add these values. Raises ComfyError if they exceed the limit."""
        added = {
            key: {_INPUT: one.name} if isinstance(one, InputFile) else {_VALUE: one}
            for key, one in values.items()
        }
        try:
            self._stored.change(person, workflow, lambda before: {**before, **added})
        except ValuesTooLarge as error:
            raise ComfyError(too_large(VALUE_BYTES)) from error

    def forget(self, person: str, workflow: str, keys: Collection[str]) -> None:
        """Delete the values with these keys."""
        self._stored.change(
            person,
            workflow,
            lambda before: {key: one for key, one in before.items() if key not in keys},
        )


class QueuedRuns:
    """The runs that callers started in this process. For the event loop's thread only."""

    def __init__(self) -> None:
        self._queued: list[QueuedRun] = []

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
