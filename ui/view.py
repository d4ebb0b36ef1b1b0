"""What a person reads about a run: `RunState` in, a `View` out. Pure; the page's JavaScript only paints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from comfy.job import Record
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
FETCHING = "Fetching the results"
TURN = "Waiting for your turn"
LEFT_OUT = "The server left a part of the workflow out."
ABOUT = 80  # characters
BLIND_STEPS = 3  # by then a sampler that shows previews has shown one


@dataclass(frozen=True)
class View:
    """One run as the page shows it; times in seconds, `fraction` 0..1 or None where the end cannot be told.

    `form` is the name of the workflow whose form it came from, `workflow` its title, `about` what was typed.
    `ended`: `time.time()`, 0 before that. `again`: nothing was wrong with what was asked for, so the very same may be
    asked for again.
    """

    id: str
    form: str
    workflow: str
    phase: str
    finished: bool
    headline: str
    about: str = ""
    advice: str = ""
    detail: str = ""
    fraction: float | None = None
    elapsed: float = 0.0
    left: float | None = None
    ended: float = 0.0
    again: bool = False
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


def place_words(place: int, typical: float | None) -> str:
    """How many runs come before, and how long they take if each takes `typical` seconds."""
    if place == 0:
        return "next in line"
    before = "1 run before yours" if place == 1 else f"{place} runs before yours"
    return f"{before}, about {seconds_words(place * typical)}" if typical else before


def waiting_words(place: int | None, typical: float | None) -> str:
    """The line for a run that waits; its place is not known at once."""
    return HEADLINES[Phase.WAITING] if place is None else f"{TURN}: {place_words(place, typical)}"


def seconds_words(seconds: float) -> str:
    """A duration as people say it: "40 s", "3 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def show(
    record: Record,
    *,
    now: float,
    expected: float | None = None,
    typical: float | None = None,
    seeds: Iterable[object] = (),
    errors: Mapping[str, str] | None = None,
    remarks: Iterable[str] = (),
    keeping: bool = False,
) -> View:
    """The view of a run, at `now` (`time.time()`).

    `expected` is how long runs of this workflow have taken, `typical` those of any; `seeds` are the ones it was sent,
    `errors` sentences by field key and `remarks` those that belong to no field. `keeping`: files of finished runs are
    kept here, so one that is not could not be had.
    """
    state = record.state
    end = state.finished_at or now
    elapsed = max(0.0, end - (state.started_at or record.submitted_at))
    error = state.error
    missing = sum(not file.digest for file in state.files) if keeping and state.phase is Phase.DONE else 0
    return View(
        id=record.id,
        form=record.job.workflow,
        workflow=record.job.title,
        phase=state.phase.value,
        finished=state.phase.finished,
        headline=_headline(state, record.job.prompt, elapsed, typical),
        about=about(record.job.values),
        advice=_advice(state, errors or {}, remarks, missing),
        detail=error.detail if error else "",
        fraction=_fraction(state),
        elapsed=elapsed,
        left=_left(state, elapsed, expected),
        ended=end if state.phase.finished else 0.0,
        again=may_go_again(state) or missing > 0,
        previews=state.preview_number,
        results=len(state.files) + len(state.texts),
        seeds=tuple(map(str, seeds)),
        blind=state.phase is Phase.RUNNING and state.step >= BLIND_STEPS and not state.preview_number,
        errors=errors or {},
    )


def may_go_again(state: RunState) -> bool:
    """Whether it was no fault of the workflow or its values: lost, stopped by somebody else, or no node that failed."""
    match state.phase:
        case Phase.LOST:
            return True
        case Phase.STOPPED | Phase.FAILED if state.error is not None:
            return state.phase is Phase.STOPPED or state.error.node is None
        case _:
            return False


@dataclass(frozen=True)
class Entry:
    """One unfinished run in a person's list. `about`: what was typed, to tell it from others of the same workflow;
    `movable`: its place among the person's own can be changed."""

    id: str
    workflow: str
    about: str
    phase: str
    said: str
    movable: bool


def entry(record: Record, *, typical: float | None, movable: bool) -> Entry:
    """A run as its person's list shows it; `typical` as for `show`."""
    state, place = record.state, record.state.queue_place
    words = place_words(place, typical) if place is not None else HEADLINES[state.phase]
    said = AWAY if state.away else words[:1].upper() + words[1:]
    return Entry(record.id, record.job.title, about(record.job.values), state.phase.value, said, movable)


def about(values: Mapping[str, object]) -> str:
    """The first text of several words among the values, on one line."""
    texts = (" ".join(value.split()) for value in values.values() if isinstance(value, str))
    return next((text[:ABOUT] for text in texts if " " in text), "")


def _advice(state: RunState, errors: Mapping[str, str], remarks: Iterable[str], missing: int) -> str:
    """What to do. A refusal with no field to mark says what the server said instead; what is missing is told."""
    said = " ".join(remarks)
    if state.phase is Phase.REFUSED and not errors:
        return said or (state.error.hint if state.error else "")
    if state.phase is Phase.DONE:
        left_out = (LEFT_OUT, said) if said or errors else ()
        lost = (_missing_words(state, missing),) if missing else ()
        return " ".join(filter(None, (*left_out, *lost)))
    hint = state.error.hint if state.error else ""
    return f"{hint} {said}".strip()


def _missing_words(state: RunState, missing: int) -> str:
    files = len(state.files)
    which = "The result" if files == 1 else f"{missing} of {files} results"
    if state.error is not None:  # nothing is wrong with the server
        return f"{state.error.message} {which} can still be downloaded for a while."
    return f"{which} could not be fetched from the image server. Try to download it, or run this again."


def _headline(state: RunState, prompt: Mapping[str, Any], elapsed: float, typical: float | None) -> str:
    match state.phase:
        case _ if state.away and not state.phase.finished:
            return AWAY
        case Phase.WAITING:
            return waiting_words(state.queue_place, typical)
        case Phase.RUNNING if state.over:
            return FETCHING
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
