"""The state of one run as a frozen value, and the pure functions that update it.

`advance` takes the socket's events. `in_line`, `uploading`, `accepted`, `refused`, `placed`,
`settled`, `stopped`, `failed` and `lost` take other observations. The stream only *suggests* an end
(`verdict`): `/history` is complete at `over` and decides (docs/comfyui.md#5, and docs/comfyui.md#6
for cached results). A finished state never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from comfy.base.errors import NodeError, PromptRejected
from comfy.base.messages import KeptText, message
from comfy.comfyui.protocol.events import (
    AnimatedPreviews,
    EditorMessage,
    Event,
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionSuccess,
    FeatureFlags,
    Preview,
    Progress,
    ProgressState,
    ProgressText,
    Status,
)
from comfy.comfyui.protocol.execution_errors import details, explain
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput, with_outputs
from comfy.comfyui.protocol.responses import HistoryEntry, Queue, Submitted, Verdict
from comfy.comfyui.protocol.run_progress import (
    PlannedNodes,
    RunProgress,
    planned_nodes,
    planned_progress,
)


class Phase(StrEnum):
    """Phase of a run: unfinished, or one of its outcomes."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    REFUSED = "refused"
    LOST = "lost"

    @property
    def finished(self) -> bool:
        return self not in (Phase.WAITING, Phase.RUNNING)

    @property
    def failed(self) -> bool:
        return self in (Phase.FAILED, Phase.REFUSED, Phase.LOST)


@dataclass(frozen=True, slots=True)
class RunError:
    """Message and hint for the user; `detail` is for a collapsed part of the page."""

    message: KeptText
    hint: KeptText = ""
    node: str | None = None
    node_title: KeptText | None = None
    detail: KeptText = ""


@dataclass(frozen=True, slots=True)
class RunState:
    """State of a run at one moment.

    `queue_place`: prompts before ours, 0 = next, None = unknown or no longer waiting. `held`: no
    suitable server takes runs at the moment. `uploading`: its turn has come, and its files are
    being sent to the server. `step` of `steps` belong to the executing `node`; steps 0 = unknown.
    `away`: the server doesn't answer at the moment. `preview` is only the newest image,
    `preview_number` counts all; images with a `frame` belong to the `animation`. `node_errors`: why
    it was refused or, in an active run, which outputs the server left out. `restarted`: it started
    on a server that went away, and starts again on another server.
    """

    prompt_id: str
    phase: Phase = Phase.WAITING
    queue_place: int | None = None
    held: bool = False
    uploading: bool = False
    node: str | None = None
    step: int = 0
    steps: int = 0
    note: str = ""
    away: bool = False
    restarted: bool = False
    preview: Preview | None = None
    preview_number: int = 0
    animation: AnimatedPreviews | None = None
    files: tuple[OutputFile, ...] = ()
    texts: tuple[TextOutput, ...] = ()
    error: RunError | None = None
    node_errors: tuple[NodeError, ...] = ()
    started_at: float | None = None
    finished_at: float | None = None
    # Internal fields for `advance` and the run; pages don't get them.
    planned: PlannedNodes = field(default_factory=PlannedNodes, repr=False)
    nodes_finished: frozenset[str] = field(default=frozenset(), repr=False)
    progress: RunProgress = field(default_factory=RunProgress, repr=False)
    queue_remaining: int | None = None
    verdict: Verdict | None = None
    over: bool = False

    @property
    def lacks_results(self) -> bool:
        """Return whether the run is done without some of its results."""
        is_whole = self.error is None and not self.node_errors
        return self.phase is Phase.DONE and not is_whole

    @property
    def nodes_done(self) -> int:
        """Return the number of the prompt's nodes that have finished or weren't needed."""
        return self.nodes_total if self.phase is Phase.DONE else len(self.nodes_finished)

    @property
    def nodes_total(self) -> int:
        """Return the prompt's number of nodes."""
        return len(self.planned.titles)

    def measured(self, now: float) -> RunState:
        """Return the state with its progress at `now`, in seconds since 1970."""
        done = self.nodes_finished
        progress = self.progress.measured(self.node, self.step, self.steps, done, now)
        if self.away:
            progress = progress.interrupted()
        return self if progress is self.progress else replace(self, progress=progress)

    @property
    def node_title(self) -> str | None:
        """Return the executing node's title for users, or its class."""
        return self.planned.titles.get(self.node) if self.node else None


def waiting(
    prompt_id: str,
    prompt: Mapping[str, Any],
    outputs: Iterable[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> RunState:
    """Return the first state of a run. For the other arguments, see `planned_nodes`."""
    planned = planned_nodes(prompt, outputs, titles)
    return RunState(prompt_id, planned=planned, progress=planned_progress(prompt))


def advance(state: RunState, event: Event) -> RunState:
    """Return the state after one message of the socket, in any order that docs/comfyui.md#4 allows.
    Messages about other prompts change nothing (docs/comfyui.md#11)."""
    if state.phase.finished or not concerns(state, event):
        return state
    match event:
        case Status(queue_remaining):
            return _with(state, queue_remaining=queue_remaining)
        case FeatureFlags() | EditorMessage():
            return state
        case _:
            return _advance_running(_running(state), event)


def concerns(state: RunState, event: Event) -> bool:
    """Return whether a message may be about this run. Without a prompt id, it is about the prompt
    that the server executes, which may be another client's (docs/comfyui.md#65)."""
    prompt_id = getattr(event, "prompt_id", None)
    match event:
        case Preview() | Progress() | ProgressText() | AnimatedPreviews() if prompt_id is None:
            return state.phase is Phase.RUNNING and not state.over
        case _:
            return prompt_id in (None, state.prompt_id)


def _running(state: RunState) -> RunState:
    if state.phase is Phase.RUNNING:
        return state
    return replace(state, phase=Phase.RUNNING, queue_place=None)


def _with(state: RunState, **changes: Any) -> RunState:
    """Replace fields like `replace`, but return the same state if nothing changes: the server
    repeats most messages."""
    if all(getattr(state, name) == value for name, value in changes.items()):
        return state
    return replace(state, **changes)


def _advance_running(state: RunState, event: Event) -> RunState:
    match event:
        case ExecutionCached(nodes=nodes):
            finished, progress = _finished(state, nodes), state.progress.without(nodes)
            return _with(state, nodes_finished=finished, progress=progress)
        case Executing(node=None):
            return _with(state, node=None, step=0, steps=0, note="", over=True)
        case Executing(node=node, display_node=shown):
            return _at_node(state, shown or node, again=shown in (None, node))
        case Progress(value=value, max=most, node=node):
            return _stepped(state, node, int(value), int(most))
        case ProgressState(nodes=nodes):
            return _progress_state(state, event)
        case AnimatedPreviews():
            return _with(state, animation=event)
        case Preview():
            return _with(state, preview=event, preview_number=state.preview_number + 1)
        case ProgressText(text=text):
            return _with(state, note=text)
        case Executed(node=node, output=output, display_node=shown):
            state = _with(state, nodes_finished=_finished(state, (node,)))
            owner = state.planned.owner(node, shown)
            return _with_outputs(state, {owner: output}, adds=owner != node)
        case ExecutionSuccess() | ExecutionError() | ExecutionInterrupted():
            return _with(state, verdict=event)
        case _:  # ExecutionStart has no other content than its prompt id
            return state


def _finished(state: RunState, nodes: Iterable[str]) -> frozenset[str]:
    # Nodes created at run time have their own ids; only the prompt's nodes count.
    return state.nodes_finished | (state.planned.titles.keys() & set(nodes))


def _at_node(state: RunState, node: str | None, *, again: bool) -> RunState:
    """Return the state when the server begins a node. `again`: the node itself runs, instead of one
    that was created at run time; if it had begun before, it wasn't finished."""
    if node == state.node:
        return state
    left = state.node if state.node and state.node not in state.progress.rounds else None
    done = _finished(state, (left,) if left else ()) - ({node or ""} if again else set())
    return _with(state, node=node, step=0, steps=0, note="", nodes_finished=done)


def _stepped(state: RunState, node: str | None, step: int, steps: int) -> RunState:
    """Return the state after a node took a step. Asynchronous nodes run beside others: `node` may
    have begun before the executing one. Steps count for the node that takes them; a sampler's count
    more than another node's."""
    if node == state.node or node not in state.planned.titles:
        return _with(state, step=step, steps=steps)
    samplers = state.progress.samplers
    is_sampler = node in samplers and state.node not in samplers
    if steps <= 1 or (state.steps > 1 and not is_sampler):
        return state
    done = state.nodes_finished - {node}
    return _with(state, node=node, step=step, steps=steps, note="", nodes_finished=done)


def _progress_state(state: RunState, event: ProgressState) -> RunState:
    ended = [one for one in event.nodes if one.state == "finished"]
    progress = state.progress.with_rounds(
        one.display_node for one in ended if one.node != one.display_node
    )
    own = (one.display_node for one in ended if one.node == one.display_node)
    finished = _finished(state, (*own, *progress.through))
    state = _with(state, nodes_finished=finished, progress=progress)
    known = state.planned.titles.keys() | {state.node}
    running = [one for one in event.nodes if one.state == "running" and one.display_node in known]
    running.sort(key=lambda one: one.display_node != state.node)
    current = next((one for one in running if one.max > 1), None)  # 0 of 1: no steps known
    if current is None:
        return state
    return _stepped(state, current.display_node, int(current.value), int(current.max))


def _with_outputs(
    state: RunState, outputs: Mapping[str, Mapping[str, object]], *, adds: bool = False
) -> RunState:
    """Return the state with the outputs that count; `adds`: see `with_outputs`."""
    counted = state.planned.with_outputs
    new = {node: output for node, output in outputs.items() if counted is None or node in counted}
    files, texts = with_outputs(state.files, state.texts, new, adds=adds)
    return _with(state, files=files, texts=texts)


def accepted(state: RunState, answer: Submitted) -> RunState:
    """Return the state after the server took the prompt, possibly under its own id and without some
    outputs."""
    if state.phase.finished:
        return state
    return replace(state, prompt_id=answer.prompt_id, node_errors=answer.node_errors, away=False)


def unanswered(state: RunState) -> RunState:
    """Return the state while the server doesn't answer; the run may continue there."""
    return state if state.phase.finished else _with(state, away=True)


def in_line(state: RunState, place: int, *, held: bool = False) -> RunState:
    """Return the state while the run waits here, behind this many runs. `held`: see `RunState`."""
    return state if state.phase.finished else _with(state, queue_place=place, held=held)


def uploading(state: RunState, *, now: bool) -> RunState:
    """Return the state while its files are sent to the server, or after."""
    return (
        state if state.phase.finished else _with(state, uploading=now, away=state.away and not now)
    )


def placed(state: RunState, queue: Queue, *, still: bool = False) -> RunState:
    """Return the state after a look at the queue; unchanged if the prompt isn't in it.

    `still`: the stream had reported an end before the queue was queried. Otherwise the queue's
    state is older than the end.
    """
    if state.phase.finished:
        return state
    state = _with(state, away=False)
    if state.over or state.verdict is not None:
        return replace(state, over=False, verdict=None) if still else state
    if state.prompt_id in queue.running:
        return _running(state)
    if state.phase is Phase.WAITING and (queue_place := queue.place(state.prompt_id)) is not None:
        return _with(state, queue_place=queue_place)
    return state


def fetching(state: RunState) -> RunState:
    """Return the state while files are fetched after the prompt is over at the server."""
    return (
        state
        if state.phase.finished
        else _with(_running(state), over=True, away=False, node=None, step=0, steps=0)
    )


def settled(state: RunState, entry: HistoryEntry) -> RunState:
    """Return the final state from the server's history entry. Its outputs replace those received
    during the run."""
    if state.phase.finished:
        return state
    outputs = _by_owner(state.planned, entry)
    return _ended(_with_outputs(replace(state, files=(), texts=()), outputs), entry.verdict)


def _by_owner(planned: PlannedNodes, entry: HistoryEntry) -> Mapping[str, Mapping[str, object]]:
    """Return the outputs by the prompt's nodes. Nodes created at run time add theirs."""
    outputs: dict[str, dict[str, object]] = {}
    for node, output in entry.outputs.items():
        merged = outputs.setdefault(planned.owner(node, entry.display_nodes.get(node)), {})
        for key, value in output.items():
            match merged.get(key), value:
                case list(before), list(after):
                    merged[key] = [*before, *after]
                case _:
                    merged[key] = value
    return outputs


def concluded(state: RunState, otherwise: RunError) -> RunState:
    """Return the final state without a history entry: the verdict from the stream, otherwise lost
    with this error."""
    if state.phase.finished:
        return state
    return lost(state, otherwise) if state.verdict is None else _ended(state, state.verdict)


def _ended(state: RunState, verdict: Verdict) -> RunState:
    match verdict:
        case ExecutionSuccess():
            return _end(state, Phase.DONE)
        case ExecutionInterrupted(node=node):
            return stopped(
                state,
                RunError(
                    message("Someone else stopped this run on the server."),
                    message("Try again. If it happens again, ask who else uses this server."),
                    node,
                    state.planned.titles.get(node or ""),
                ),
            )
        case ExecutionError(node=node, class_type=class_type):
            sentence, hint = explain(verdict.exception_type, verdict.exception_message)
            title = state.planned.titles.get(node or "") or class_type[:200] or None
            detail = details(verdict.exception_type, verdict.exception_message)
            return failed(state, RunError(sentence, hint, node, title, detail))


def refused(state: RunState, error: PromptRejected) -> RunState:
    """Return the state of a run whose prompt the server rejected."""
    if state.phase.finished:
        return state
    return _end(
        replace(state, node_errors=error.node_errors),
        Phase.REFUSED,
        RunError(str(error), error.hint),
    )


def stopped(state: RunState, error: RunError | None = None) -> RunState:
    """Return the state of a stopped run. Without an error, its own user stopped it."""
    return _end(state, Phase.STOPPED, error)


def failed(state: RunState, error: RunError) -> RunState:
    return _end(state, Phase.FAILED, error)


def lost(state: RunState, error: RunError) -> RunState:
    """Return the state of a run whose end is unknown."""
    return _end(state, Phase.LOST, error)


def _end(state: RunState, phase: Phase, error: RunError | None = None) -> RunState:
    """Return a finished state without a preview, whose bytes would stay in memory as long as the
    run."""
    if state.phase.finished:
        return state
    return replace(
        state,
        phase=phase,
        error=error,
        queue_place=None,
        node=None,
        step=0,
        steps=0,
        note="",
        preview=None,
    )
