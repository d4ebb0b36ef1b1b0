"""What a person reads about a run: `RunState` in, a `View` out. Pure; the page's JavaScript only paints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from comfy.run_state import Phase, RunState

# What a node does, for somebody who has never seen one: the first part found in its class_type decides.
PLAIN_WORDS = (
    ("Sampler", "Sampling"),
    ("CheckpointLoader", "Loading the model (first run takes longer)"),
    ("UNETLoader", "Loading the model (first run takes longer)"),
    ("Loader", "Loading a model"),
    ("LoadImage", "Reading the picture"),
    ("LoadVideo", "Reading the video"),
    ("LoadAudio", "Reading the sound"),
    ("TextEncode", "Reading the text"),
    ("VAEEncode", "Preparing the picture"),
    ("VAEDecode", "Developing the picture"),
    ("Upscale", "Enlarging"),
    ("Scale", "Resizing"),
    ("Video", "Making the video"),
    ("Save", "Saving"),
    ("Preview", "Saving"),
)

HEADLINES = {
    Phase.WAITING: "Waiting for the image server",
    Phase.RUNNING: "Starting",
    Phase.DONE: "Done",
    Phase.STOPPED: "Stopped.",
    Phase.FAILED: "That did not work.",
    Phase.REFUSED: "The image server did not accept this.",
    Phase.LOST: "The image server lost this run.",
}

AWAY = "The image server does not answer. Trying again…"
LEFT_OUT = "The server left a part of the workflow out."
BLIND_STEPS = 3  # by then a sampler that shows previews has shown one


@dataclass(frozen=True)
class View:
    """One run as the page shows it; times in seconds, `fraction` 0..1 or None where the end cannot be told."""

    id: str
    workflow: str
    phase: str
    finished: bool
    headline: str
    advice: str = ""
    detail: str = ""
    fraction: float | None = None
    elapsed: float = 0.0
    left: float | None = None
    previews: int = 0
    results: int = 0
    seeds: tuple[str, ...] = ()
    blind: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """This view as JSON values, as the page's socket carries it."""
        return asdict(self)


def node_words(prompt: Mapping[str, Any], node: str) -> str:
    """What node `node` of `prompt` is doing, in plain words; its title where the table knows nothing better."""
    # Nodes that a node expanded into are called "outer.0.0.inner" by the server.
    known = prompt.get(node) or prompt.get(node.partition(".")[0]) or {}
    class_type = str(known.get("class_type", ""))
    for part, words in PLAIN_WORDS:
        if part in class_type:
            return words
    return str(known.get("_meta", {}).get("title") or class_type or "Working")


def waiting_words(place: int | None, expected: float | None) -> str:
    """The line for a run in the queue with `place` prompts before it, each taking about `expected` seconds."""
    match place:
        case None:
            return HEADLINES[Phase.WAITING]
        case 0:
            return "Next in line"
        case 1:
            before = "1 run before yours"
        case _:
            before = f"{place} runs before yours"
    return f"{before}, about {seconds_words(place * expected)}" if expected else before


def seconds_words(seconds: float) -> str:
    """A duration as people say it: "40 s", "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def show(
    state: RunState,
    *,
    workflow: str,
    prompt: Mapping[str, Any],
    submitted_at: float,
    expected: float | None,
    now: float,
    seeds: Iterable[object] = (),
    errors: Mapping[str, str] | None = None,
    remarks: Iterable[str] = (),
) -> View:
    """The view of a run.

    `workflow` and `prompt` are what was run, `submitted_at` and `now` are `time.time()`, `expected` is how long runs
    of this workflow have taken, `seeds` the ones it was sent, `errors` are sentences by field key
    and `remarks` those that belong to no field.
    """
    end = state.finished_at or now
    elapsed = max(0.0, end - (state.started_at or submitted_at))
    error = state.error
    return View(
        id=state.prompt_id,
        workflow=workflow,
        phase=state.phase.value,
        finished=state.phase.finished,
        headline=_headline(state, prompt, elapsed, expected),
        advice=_advice(state, errors or {}, remarks),
        detail=error.detail if error else "",
        fraction=_fraction(state),
        elapsed=elapsed,
        left=_left(state, elapsed, expected),
        previews=state.preview_number,
        results=len(state.files) + len(state.texts),
        seeds=tuple(map(str, seeds)),
        blind=state.phase is Phase.RUNNING and state.step >= BLIND_STEPS and not state.preview_number,
        errors=errors or {},
    )


def _advice(state: RunState, errors: Mapping[str, str], remarks: Iterable[str]) -> str:
    """What to do. A refusal with no field to mark says what the server said instead; a part left out is told."""
    said = " ".join(remarks)
    if state.phase is Phase.REFUSED and not errors:
        return said or (state.error.hint if state.error else "")
    if state.phase is Phase.DONE and (said or errors):
        return f"{LEFT_OUT} {said}".strip()
    hint = state.error.hint if state.error else ""
    return f"{hint} {said}".strip()


def _headline(state: RunState, prompt: Mapping[str, Any], elapsed: float, expected: float | None) -> str:
    match state.phase:
        case _ if state.away and not state.phase.finished:
            return AWAY
        case Phase.WAITING:
            return waiting_words(state.queue_place, expected)
        case Phase.RUNNING if state.node is not None:
            words = node_words(prompt, state.node)
            return f"{words}, step {state.step} of {state.steps}" if state.steps > 1 else words
        case Phase.DONE:
            return f"Done in {seconds_words(elapsed)}" if elapsed >= 1 else "Done"
        case _ if state.error is not None:
            where = f"{state.error.node_title}: " if state.error.node_title else ""
            return where + state.error.message
        case phase:
            return HEADLINES[phase]


def _fraction(state: RunState) -> float | None:
    """Nodes done plus the part of the one at work, over all nodes; a sampler's steps weigh as most of the run."""
    match state.phase:
        case Phase.DONE:
            return 1.0
        case Phase.RUNNING if state.steps > 1:
            return min(1.0, state.step / state.steps)
        case Phase.RUNNING if state.nodes_total:
            return min(1.0, state.nodes_done / state.nodes_total)
        case _:
            return None


def _left(state: RunState, elapsed: float, expected: float | None) -> float | None:
    if state.phase is not Phase.RUNNING:
        return None
    if expected and elapsed < expected:
        return expected - elapsed
    return None
