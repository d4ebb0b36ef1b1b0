"""A run as its watchers see it: state, cancel, attach. The work is in `comfy.execution`."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator

from comfy.client import Client
from comfy.events import Skipped
from comfy.execution import Execution
from comfy.job import Job, Record
from comfy.latest import Latest
from comfy.queue_board import QueueBoard
from comfy.run_state import RunError, RunState, waiting
from comfy.timing import Timing

__all__ = ["Run"]


class Run:
    """One prompt from submission to its end, in its own thread. Made by `comfy.runs.Runs.submit`."""

    def __init__(
        self,
        job: Job,
        *,
        owner: str,
        client: Client,
        board: QueueBoard,
        timing: Timing,
        skipped: Skipped,
        grace: float,
        deadline: float | None,
        watched: bool,
        expected_seconds: float | None,
        ended: Callable[[Run], None],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.owner = owner
        self.job = job
        self.submitted_at = time.time()
        self.expected_seconds = expected_seconds
        self._grace = grace
        self._deadline = deadline
        self._born = time.monotonic()
        self._watchers = 0
        self._unwatched_since = self._born if watched else None
        self._lock = threading.Lock()
        self._ended = ended
        self._latest = Latest(waiting(self.id, job.prompt, job.outputs))
        self._execution = Execution(
            job.prompt,
            self._latest,
            client=client,
            board=board,
            timing=timing,
            skipped=skipped,
            limits=self._limits,
        )
        self._thread = threading.Thread(target=self._main, name=f"run-{self.id[:8]}", daemon=True)

    @property
    def state(self) -> RunState:
        """The newest state."""
        return self._latest.state

    @property
    def record(self) -> Record:
        """What is to be remembered of this run, as it is now."""
        return Record(self.id, self.owner, self.job, self.submitted_at, self.state)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on every new state, from the run's threads: it must not block. Returns the way out."""
        return self._latest.subscribe(callback)

    def watch(self, timeout: float | None = None) -> Iterator[RunState]:
        """The state now and each newer one (a slow watcher misses some), up to the finished one.

        Blocks between them; TimeoutError if the run is not finished ``timeout`` seconds after the start.
        """
        return self._latest.watch(timeout)

    def cancel(self, reason: RunError | None = None) -> None:
        """Stop the run here and at the server. Returns at once; the run ends within a second.

        ``reason`` is what the stopped state tells; None for the person's own wish.
        """
        self._execution.stop(reason)

    def attach(self) -> None:
        """Somebody watches: the run is safe."""
        with self._lock:
            self._watchers += 1
            self._unwatched_since = None
        self._execution.wake()

    def detach(self) -> None:
        """A watcher has left. When the last one has, the grace time starts, after which the run is cancelled."""
        with self._lock:
            self._watchers = max(0, self._watchers - 1)
            if self._watchers == 0:
                self._unwatched_since = time.monotonic()
        self._execution.wake()

    def start(self) -> None:
        """Once, by the registry."""
        self._thread.start()

    def abandon(self) -> None:
        """Let a run that was cancelled end even if the server cannot be told."""
        self._execution.abandon()

    def join(self, timeout: float) -> bool:
        """Wait for the run's thread; False if it is not at its end by then."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._execution.run()
        finally:
            self._ended(self)

    def _limits(self) -> Iterator[tuple[float, RunError]]:
        """When to be stopped, and why. Asked by the run's own thread, so that no run needs a timer."""
        if self._deadline is not None:
            yield (
                self._born + self._deadline,
                RunError(
                    f"The run was stopped: it took longer than {self._deadline:g} seconds.", "Allow it more time."
                ),
            )
        since = self._unwatched_since
        if since is not None:
            yield (
                since + self._grace,
                RunError("The run was stopped because nobody was watching any more.", "Run it again."),
            )
