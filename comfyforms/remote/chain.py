"""Chain of an app that runs elsewhere: workflows one after another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

from PIL import Image

from comfyforms.remote.calls import Calls, RemoteError
from comfyforms.remote.followed import Followed
from comfyforms.remote.notebook import Moment, show_live
from comfyforms.remote.status import ResultFile, RunStatus, known_parts


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
    """Snapshot of a chain, see docs/api.md. `state`: "running", "done", "failed" or "stopped";
    `why` it couldn't continue, if no step is the reason."""

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
        moments = (_moment(status, number) for number, status in enumerate(self, 1))
        show_live(moments, self._preview, lambda: self.status.files)

    def _preview(self) -> tuple[str, bytes] | None:
        live: Iterator[str] = chain.from_iterable(step.live for step in self.status.steps)
        run = next(live, "")
        return self._calls.preview(run) if run else None

    def _status_of(self, document: Mapping[str, Any]) -> ChainStatus:
        return ChainStatus.of(document, self._calls)


def _moment(status: ChainStatus, number: int) -> Moment:
    done = sum(step.state == "done" for step in status.steps)
    text = f"{status.title}: {done} of {len(status.steps)} steps done"
    if status.finished and status.state != "done":
        text = f"{status.title}: {ChainFailed(status)}"
    share = done / max(len(status.steps), 1)
    return Moment(text, share, 0 if status.finished else number)
