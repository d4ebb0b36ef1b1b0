"""Runs, batches and chains of an app that runs elsewhere, followed to their end."""

from __future__ import annotations

import io
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from PIL import Image

from comfyforms.remote.calls import ApiError, AppUnreachable, Calls, RemoteError
from comfyforms.remote.notebook import Moment, show_live
from comfyforms.remote.status import ResultFile, RunStatus, known_parts

_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between retries while an app is away
_AWAY = frozenset({502, 503, 504})  # statuses from a proxy whose app is away
_PAUSE = 1.0  # seconds before reconnecting to an app that ended a stream early, as at shutdown


class FollowedStatus(Protocol):
    """Status of a run, batch or chain at one moment."""

    @property
    def id(self) -> str:
        """Return the ID of the run, batch or chain."""

    @property
    def rests(self) -> bool:
        """Return whether it no longer changes by itself."""


AnyStatus = TypeVar("AnyStatus", bound=FollowedStatus)


class Followed(ABC, Generic[AnyStatus]):
    """Run, batch or chain of a remote app. Iterating yields each new status up to the last. In a
    notebook it shows its progress."""

    _list: ClassVar[str]  # path of its list

    def __init__(self, calls: Calls, document: Mapping[str, Any]) -> None:
        self._calls = calls
        # not the reported URL: the app may have another address there
        self._url = f"/{self._list}/{document['id']}"
        self.status = self._status_of(document)
        """The latest known status."""

    @property
    def id(self) -> str:
        """Return its ID."""
        return self.status.id

    def __iter__(self) -> Iterator[AnyStatus]:
        """Yield each new status, starting with the current one, up to the last. Waits half a minute
        for an app that is away, even if a proxy answers in its place. Raises ApiError,
        AppUnreachable."""
        known, tries = "", 0
        while True:
            try:
                with closing(self._calls.events(f"{self._url}/events", known)) as events:
                    for event_id, document in events:
                        known, tries = event_id, 0
                        self.status = self._status_of(document)
                        yield self.status
                        if self.status.rests:
                            return
                pause, tries = _PAUSE, 0
            except (AppUnreachable, ApiError) as problem:
                is_away = not isinstance(problem, ApiError) or problem.status in _AWAY
                if not is_away or tries == len(_PAUSES):
                    raise
                pause, tries = _PAUSES[tries], tries + 1
            if self.status.rests:
                return
            time.sleep(pause)

    def wait(self) -> AnyStatus:
        """Return its last status, however it has ended. Raises the errors of iterating."""
        if not self.status.rests:
            for _ in self:
                pass
        return self.status

    @abstractmethod
    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then its images."""

    def _ipython_display_(self) -> None:
        self.show()

    @abstractmethod
    def _status_of(self, document: Mapping[str, Any]) -> AnyStatus:
        """Return the app's answer as a value."""

    def _asked(self, method: str, path: str = "", **more: Any) -> AnyStatus:
        """Send a request to its URL or below, and return the status in the response."""
        self.status = self._status_of(self._calls.json(method, f"{self._url}{path}", **more))
        return self.status


class RunFailed(RemoteError):
    """Run that failed or was stopped; `status` is its last status."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(status.error or status.headline, status.hint)
        self.status = status


class RemoteRun(Followed[RunStatus]):
    """Run of a remote app. Iterating yields each new status up to the last. In a notebook it shows
    its progress, and its images as they arrive."""

    _list = "runs"

    def __repr__(self) -> str:
        return f"<RemoteRun {self.id} {self.status.phase}>"

    def result(self) -> RunStatus:
        """Return its last status after it is done. Raises RunFailed if it has ended otherwise, and
        the errors of iterating."""
        status = self.wait()
        if status.phase != "done":
            raise RunFailed(status)
        return status

    @property
    def images(self) -> list[Image.Image]:
        """Return its images after it is done. Raises the errors of `result`."""
        return [file.image() for file in self.result().files if file.kind == "image"]

    def preview(self) -> Image.Image | None:
        """Return the newest preview, or None."""
        frame = self.preview_data()
        return Image.open(io.BytesIO(frame[1])) if frame else None

    def preview_data(self) -> tuple[str, bytes] | None:
        """Return the preview's bytes with their type: image/jpeg or image/png."""
        return self._calls.preview(self.id)

    def cancel(self) -> None:
        """Stop the run if it is active."""
        self._asked("POST", "/stop")

    def delete(self) -> None:
        """Delete the run and its files. Raises ApiError while it is active."""
        self._calls.json("DELETE", self._url, params={"stop": "false"})

    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then its images."""
        show_live(map(_moment, self), self.preview_data, lambda: self.status.files)

    def _status_of(self, document: Mapping[str, Any]) -> RunStatus:
        return RunStatus.of(document, self._calls)


def _moment(status: RunStatus) -> Moment:
    text = f"{status.title}: {status.headline}"
    if status.error:
        text = f"{text}. {status.error} {status.hint}".rstrip()
    if status.finished:
        return Moment(text, 1.0)
    return Moment(text, status.progress or 0.0, status.preview)


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """Snapshot of a batch, see docs/api_requests.md. `state`: "running", "paused", "stopped" or
    "done"; `rows` in total, `done` and `failed`; `why` it is paused or waiting; `varied`: the
    labels of the varied fields."""

    id: str
    workflow: str
    title: str
    state: str
    finished: bool
    rows: int
    done: int
    failed: int
    why: str = ""
    varied: tuple[str, ...] = ()

    @property
    def gave_up(self) -> bool:
        """Return whether it has paused itself because too much failed. `RemoteBatch.go_on` or
        `retry` resumes it."""
        return self.state == "paused" and bool(self.why)

    @property
    def rests(self) -> bool:
        """Return whether it has ended or is paused."""
        return self.finished or self.gave_up

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the batch in the app's answer, ignoring unknown parts."""
        return cls(**{**known_parts(cls, document), "varied": tuple(document.get("varied", ()))})


@dataclass(frozen=True, slots=True)
class BatchRow:
    """Row of a batch: its `number`; its `state`, "waiting", "running", "done", "failed" or
    "stopped"; the varied values by field key; the reason for a failure (`error`); its `run`, or
    None."""

    number: int
    state: str
    values: Mapping[str, str]
    error: str
    run: RunStatus | None


class BatchFailed(RemoteError):
    """Batch with rows that are not done; `status` is its last status."""

    def __init__(self, status: BatchStatus) -> None:
        summary = f"{status.done} of {status.rows} rows are done, {status.failed} failed."
        super().__init__(f"{summary} {status.why}".rstrip())
        self.status = status


class RemoteBatch(Followed[BatchStatus]):
    """Batch of a remote app. Iterating yields each new status until the batch has ended or paused
    itself. In a notebook it shows its progress."""

    _list = "batches"

    def __repr__(self) -> str:
        return f"<RemoteBatch {self.id} {self.status.state}>"

    def rows(self, state: str = "") -> Iterator[BatchRow]:
        """Yield its rows in order, with their runs. A `state` limits them to that state. Raises
        ApiError, AppUnreachable."""
        wanted = {"state": state} if state else {}
        for row in self._calls.pages(f"{self._url}/rows", "rows", wanted):
            run = RunStatus.of(row["run"], self._calls) if row["run"] else None
            yield BatchRow(row["number"], row["state"], row["values"], row["error"], run)

    def result(self) -> list[BatchRow]:
        """Return its rows after all are done. Raises BatchFailed if some are not, and the errors of
        iterating."""
        status = self.wait()
        if status.done != status.rows:
            raise BatchFailed(status)
        return list(self.rows())

    @property
    def images(self) -> Iterator[Image.Image]:
        """Yield the images that its rows have produced so far, reading each when it is
        requested."""
        return (file.image() for file in self._files() if file.kind == "image")

    def pause(self) -> None:
        """Stop starting rows."""
        self._asked("POST", "/pause")

    def go_on(self) -> None:
        """Resume a paused batch."""
        self._asked("POST", "/continue")

    def retry(self) -> None:
        """Retry failed and stopped rows."""
        self._asked("POST", "/retry")

    def cancel(self) -> None:
        """Stop the batch and its active runs."""
        self._asked("POST", "/stop")

    def delete(self, *, with_runs: bool = False) -> None:
        """Stop and delete the batch. Its runs stay unless `with_runs` is set."""
        self._calls.json("DELETE", self._url, params={"with_runs": str(with_runs).lower()})

    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then its first
        images."""
        moments = (_batch_moment(status, number) for number, status in enumerate(self, 1))
        show_live(moments, self._preview, self._files)

    def _files(self) -> Iterator[ResultFile]:
        return chain.from_iterable(row.run.files for row in self.rows("done") if row.run)

    def _preview(self) -> tuple[str, bytes] | None:
        running = next((row.run for row in self.rows("running") if row.run), None)
        return self._calls.preview(running.id) if running else None

    def _status_of(self, document: Mapping[str, Any]) -> BatchStatus:
        return BatchStatus.of(document)


def _batch_moment(status: BatchStatus, number: int) -> Moment:
    failed = f", {status.failed} failed" if status.failed else ""
    text = f"{status.title}: {status.done} of {status.rows} done{failed}. {status.why}".rstrip()
    share = (status.done + status.failed) / max(status.rows, 1)
    return Moment(text, share, 0 if status.rests else number)


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Step of a chain. `state`: "waiting", "running", "done", "failed" or "stopped"; `runs`: the
    number of its runs, 0 if unknown; `done`: how many of them are done; `live`: the IDs of active
    runs; `results`: the IDs of ended runs. `why` it failed, `hint`, and messages by the chain's
    field keys (`errors`)."""

    name: str
    title: str
    state: str
    runs: int = 0
    done: int = 0
    why: str = ""
    hint: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    results: tuple[RunStatus, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any], calls: Calls) -> Self:
        """Return the step in the app's answer, ignoring unknown parts."""
        results = tuple(RunStatus.of(one, calls) for one in document.get("results", ()))
        more = {"live": tuple(document.get("live", ())), "results": results}
        return cls(**{**known_parts(cls, document), **more})


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Snapshot of a chain, see docs/api_requests.md. `state`: "running", "done", "failed" or
    "stopped"; `why` it couldn't continue, if no step is the reason."""

    id: str
    workflow: str
    title: str
    state: str
    finished: bool
    why: str = ""
    steps: tuple[StepStatus, ...] = ()

    @property
    def rests(self) -> bool:
        """Return whether it has ended or waits for `go_on`."""
        return self.finished

    @property
    def files(self) -> tuple[ResultFile, ...]:
        """Return the results of the last step with results, or ()."""
        step_results = (step.results for step in reversed(self.steps) if step.results)
        return tuple(chain.from_iterable(run.files for run in next(step_results, ())))

    @classmethod
    def of(cls, document: Mapping[str, Any], calls: Calls) -> Self:
        """Return the chain in the app's answer, ignoring unknown parts."""
        steps = tuple(StepStatus.of(one, calls) for one in document.get("steps", ()))
        return cls(**{**known_parts(cls, document), "steps": steps})


class ChainFailed(RemoteError):
    """Chain that failed or was stopped; `status` is its last status."""

    def __init__(self, status: ChainStatus) -> None:
        failed = [step for step in status.steps if step.why]
        lines = [f"{step.title}: {step.why}" for step in failed]
        hint = next((step.hint for step in failed if step.hint), "")
        super().__init__("\n".join(lines) or status.why or f"The chain is {status.state}.", hint)
        self.status = status


class RemoteChain(Followed[ChainStatus]):
    """Chain of a remote app. Iterating yields each new status up to the last. In a notebook it
    shows its progress."""

    _list = "chains"

    def __init__(
        self,
        calls: Calls,
        document: Mapping[str, Any],
        sent: Callable[[Mapping[str, object]], dict[str, object]],
    ) -> None:
        """`sent`: converts values to their JSON."""
        super().__init__(calls, document)
        self._sent = sent

    def __repr__(self) -> str:
        return f"<RemoteChain {self.id} {self.status.state}>"

    def result(self) -> ChainStatus:
        """Return its last status after it is done. Raises ChainFailed if it has ended otherwise,
        and the errors of iterating."""
        status = self.wait()
        if status.state != "done":
            raise ChainFailed(status)
        return status

    @property
    def images(self) -> list[Image.Image]:
        """Return the images of its last step after it is done. Raises the errors of `result`."""
        return [file.image() for file in self.result().files if file.kind == "image"]

    def go_on(
        self, values: Mapping[str, object] | None = None, *, again: Collection[str] = ()
    ) -> None:
        """Resume the chain where it stopped or failed, with other values if given. Steps in `again`
        are repeated even if they are done, which raises ApiError while the chain is active."""
        body: dict[str, object] = {"again": list(again)}
        if values is not None:
            body["values"] = self._sent(values)
        self._asked("POST", "/continue", json=body)

    def cancel(self) -> None:
        """Stop the chain and its active runs."""
        self._asked("POST", "/stop")

    def delete(self) -> None:
        """Stop and delete the chain; its runs stay."""
        self._calls.json("DELETE", self._url)

    def show(self) -> None:
        """Show its progress and newest image in a notebook until it has ended, then the images of
        its last step."""
        moments = (_chain_moment(status, number) for number, status in enumerate(self, 1))
        show_live(moments, self._preview, lambda: self.status.files)

    def _preview(self) -> tuple[str, bytes] | None:
        live: Iterator[str] = chain.from_iterable(step.live for step in self.status.steps)
        run = next(live, "")
        return self._calls.preview(run) if run else None

    def _status_of(self, document: Mapping[str, Any]) -> ChainStatus:
        return ChainStatus.of(document, self._calls)


def _chain_moment(status: ChainStatus, number: int) -> Moment:
    done = sum(step.state == "done" for step in status.steps)
    text = f"{status.title}: {done} of {len(status.steps)} steps done"
    if status.finished and status.state != "done":
        text = f"{status.title}: {ChainFailed(status)}"
    share = done / max(len(status.steps), 1)
    return Moment(text, share, 0 if status.finished else number)
