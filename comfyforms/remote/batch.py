"""Batch of an app that runs elsewhere: a workflow run once for each row of values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from PIL import Image

from comfyforms.remote.calls import RemoteError
from comfyforms.remote.followed import Followed
from comfyforms.remote.notebook import Moment, show_live
from comfyforms.remote.status import ResultFile, RunStatus, known_parts


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """Snapshot of a batch, see docs/api.md. `state`: "running", "paused", "stopped" or "done";
    `rows` in total, `done` and `failed`; `why` it is paused or waiting; `varied`: the labels of the
    varied fields."""

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
        moments = (_moment(status, number) for number, status in enumerate(self, 1))
        show_live(moments, self._preview, self._files)

    def _files(self) -> Iterator[ResultFile]:
        return chain.from_iterable(row.run.files for row in self.rows("done") if row.run)

    def _preview(self) -> tuple[str, bytes] | None:
        running = next((row.run for row in self.rows("running") if row.run), None)
        return self._calls.preview(running.id) if running else None

    def _status_of(self, document: Mapping[str, Any]) -> BatchStatus:
        return BatchStatus.of(document)


def _moment(status: BatchStatus, number: int) -> Moment:
    failed = f", {status.failed} failed" if status.failed else ""
    text = f"{status.title}: {status.done} of {status.rows} done{failed}. {status.why}".rstrip()
    share = (status.done + status.failed) / max(status.rows, 1)
    return Moment(text, share, 0 if status.rests else number)
