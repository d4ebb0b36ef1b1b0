"""What a person reads about a run: `RunState` in, a `RunView` out. Pure; the page's JavaScript only
paints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from comfy.base.messages import message, plural, sentences
from comfy.comfyui.protocol.result_types import FileKind, ResultKind
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.records.record import Record
from comfy.runs.durations import RunTimes, time_left
from ui.documents.headlines import AWAY, HEADLINES, HELD, SENDING, headline, place_words

NO_RESULT = message("This result no longer exists.")

_RESTARTED = message("The server went away, so this run starts over on another one.")
_LEFT_OUT = message("The server skipped part of the workflow.")
_ABOUT = 80  # characters
_IN_LIST = HEADLINES | {Phase.RUNNING: message("Running")}  # how far it is, only the stage tells
_WRITTEN = (".text", ".prompt")  # inputs of which one word is enough to know a run by
_BLIND_STEPS = 3  # by then a sampler that shows previews has shown one


@dataclass(frozen=True, slots=True)
class ShownFile:
    """One file as a page shows it: a name to save it under, its address on this app's host, and as
    what it is shown.

    `saved`: it is a result; else it is one of the intermediate ones, which the server does not
    keep. `thumb`: the address of a small image of it. `note`: why it is only offered as a
    download.
    """

    name: str
    url: str
    kind: FileKind
    saved: bool = True
    thumb: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Caption:
    """What people ask first of a result: the `prompt` as it was sent, and the file of the `model`;
    "" where its form has no such field."""

    prompt: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the end of a run needs the form and the files for. `seeds` are the ones it was sent,
    `errors` sentences by field key, `labelled` the same for where the fields are not seen,
    `failed_field` the key of the one that the headline says already, or "", `remarks` those that
    belong to no field, `details` what it was made with, in words, and `caption` the first of that.
    `form_gone`: its workflow is not here any more, or cannot be read: no form takes its values.
    `before`: the address of the image that became the result, "" where there is none. `favourite`:
    the person has marked it. `made_from`: the runs whose results it was given, `used_for`: those
    that were given its own. `can_be_chain`: its owner may make a chain of it and of those that it
    was made from. `part_of`: of which chain it is a step, in a sentence; `chain`: the name of that,
    if it is still there, and `chain_seeds`: its form draws seeds. `batch`: the id of the batch that
    it is of, "" where it is of none."""

    files: tuple[ShownFile, ...] = ()
    seeds: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    labelled: Mapping[str, str] = field(default_factory=dict)
    failed_field: str = ""
    remarks: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    caption: Caption = Caption()
    form_gone: bool = False
    before: str = ""
    favourite: bool = False
    made_from: tuple[PastRun, ...] = ()
    used_for: tuple[PastRun, ...] = ()
    can_be_chain: bool = False
    part_of: str = ""
    chain: str = ""
    chain_seeds: bool = False
    batch: str = ""


NOTHING_YET = Outcome()


@dataclass(frozen=True, slots=True)
class RunView:
    """One run as the page shows it; times in seconds, `fraction` 0..1 or None where the end cannot
    be told.

    `workflow` is the workflow's name, `title` what people call it, `about` what was typed. `ended`:
    `time.time()`, 0 before that. `again`: nothing was wrong with what was asked for, so the very
    same may be asked for again. `files`, `texts`, `details`, `caption` and `before` are there once
    it has ended, `form_gone` and `part_of` to `batch` as in `Outcome`; a file's place is its
    place in the run. `group`: what it was started with, as a chain by its id, or "".
    """

    id: str
    workflow: str
    title: str
    phase: Phase
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
    files: tuple[ShownFile, ...] = ()
    texts: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    blind: bool = False
    errors: Mapping[str, str] = field(default_factory=dict)
    labelled: Mapping[str, str] = field(default_factory=dict)
    failed_field: str = ""
    details: tuple[tuple[str, str], ...] = ()
    caption: Caption = Caption()
    form_gone: bool = False
    before: str = ""
    favourite: bool = False
    made_from: tuple[PastRun, ...] = ()
    used_for: tuple[PastRun, ...] = ()
    can_be_chain: bool = False
    part_of: str = ""
    chain: str = ""
    chain_seeds: bool = False
    batch: str = ""
    group: str = ""

    def to_json(self) -> dict[str, Any]:
        """The view as JSON values, as the page's socket carries it; its messages stay messages."""
        told: dict[str, Any] = _VIEW.dump_python(self)
        return told


def show(
    record: Record,
    *,
    now: float,
    usual: RunTimes | None = None,
    due_in: float | None = None,
    outcome: Outcome = NOTHING_YET,
    keeping: bool = False,
) -> RunView:
    """The view of a run, at `now` (`time.time()`).

    `usual` is how long runs of this workflow have taken; `due_in`: seconds until one that waits
    begins.
    `keeping`: files of finished runs are kept here, so one that is not could not be had.
    """
    state = record.state
    end = state.finished_at or now
    elapsed = max(0.0, end - (state.started_at or record.submitted_at))
    error = state.error
    missing = (
        sum(not file.digest for file in state.files) if keeping and state.phase is Phase.DONE else 0
    )
    return RunView(
        id=record.id,
        workflow=record.job.workflow,
        title=record.job.title,
        phase=state.phase,
        finished=state.phase.finished,
        headline=headline(state, record.job.prompt, elapsed, due_in),
        about=first_text(record.job.values),
        advice=_advice(state, outcome.errors, outcome.remarks, missing),
        detail=error.detail if error else "",
        fraction=_fraction(state),
        elapsed=elapsed,
        left=_left(state, now, usual),
        ended=end if state.phase.finished else 0.0,
        again=_may_go_again(state) or missing > 0,
        previews=state.preview_number,
        files=outcome.files,
        texts=tuple(text.text for text in state.texts) if state.phase.finished else (),
        seeds=outcome.seeds,
        blind=state.phase is Phase.RUNNING
        and state.step >= _BLIND_STEPS
        and not state.preview_number,
        errors=outcome.errors,
        labelled=outcome.labelled,
        failed_field=outcome.failed_field,
        details=outcome.details,
        caption=outcome.caption,
        form_gone=outcome.form_gone,
        before=outcome.before,
        favourite=outcome.favourite,
        made_from=outcome.made_from,
        used_for=outcome.used_for,
        can_be_chain=outcome.can_be_chain,
        part_of=outcome.part_of,
        chain=outcome.chain,
        chain_seeds=outcome.chain_seeds,
        batch=outcome.batch,
        group=record.group,
    )


def _may_go_again(state: RunState) -> bool:
    """Whether it was no fault of the workflow or its values: lost, stopped by somebody else, or no
    node that failed."""
    match state.phase:
        case Phase.LOST:
            return True
        case Phase.STOPPED | Phase.FAILED if state.error is not None:
            return state.phase is Phase.STOPPED or state.error.node is None
        case _:
            return False


# A `Phase` as text: scripts and anybody's Blocks make these values too.
PhaseWord = Literal["waiting", "running", "done", "failed", "stopped", "refused", "lost"]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run in a person's queue. `title`: of its workflow; `about`: what was typed, to tell it
    from others of the same workflow; `movable`: its place among the person's own can be changed;
    `again`: it has ended, and the very same may be asked for again; `group`: what it has been
    started with, as a batch by its id; `place`: how many come before it, where `said` tells that;
    `due_in`: seconds until it begins, or ends if it is at work, None where nobody knows."""

    id: str
    title: str
    about: str
    phase: PhaseWord
    said: str
    movable: bool
    again: bool = False
    group: str = ""
    place: int | None = None
    due_in: float | None = None


@dataclass(frozen=True, slots=True)
class PastRun:
    """One finished run in a person's history.

    `workflow` is the workflow's name, `title` what people call it. `at`: seconds since 1970.
    `what`: in a word or two what came of it, `asked`: what was typed, `files`: how many came,
    `thumb`: the address of a small image, `clip`: of a video to show where there is none,
    `sound`: of what there is to hear where nothing is to be seen. `kind`: of the first file, "text"
    or "". `file`: the place of the one that is meant, None where all are.
    """

    id: str
    workflow: str
    title: str
    phase: PhaseWord
    at: float
    what: str
    asked: str = ""
    files: int = 0
    thumb: str | None = None
    kind: ResultKind | Literal[""] = ""
    icon: str = ""
    clip: str | None = None
    sound: str | None = None
    seeds: str = ""
    favourite: bool = False
    file: int | None = None


_VIEW = TypeAdapter(RunView)


def run_entry(record: Record, *, due_in: float | None, movable: bool) -> RunEntry:
    """A run as its person's list shows it; `due_in` as of `RunEntry`."""
    state, place = record.state, record.state.queue_place
    words = place_words(place, due_in) if place is not None else _IN_LIST[state.phase]
    said = AWAY if state.away else HELD if state.held else SENDING if state.uploading else words
    return RunEntry(
        record.id,
        record.job.title,
        first_text(record.job.values),
        state.phase.value,
        said,
        movable,
        group=record.group,
        place=place if said is words else None,
        due_in=due_in,
    )


def first_text(values: Mapping[str, object], most: int = _ABOUT) -> str:
    """What `written_text` finds, on one line, `most` characters of it."""
    return " ".join(written_text(values).split())[:most]


def written_text(values: Mapping[str, object]) -> str:
    """The first prompt among the values by field key, or else text of several words."""
    texts = ((key, text, text.split()) for key, text in values.items() if isinstance(text, str))
    written = (
        text for key, text, words in texts if words[1:] or (words and key.endswith(_WRITTEN))
    )
    return next(written, "")


def _advice(
    state: RunState, errors: Mapping[str, str], remarks: Iterable[str], missing: int
) -> str:
    """What to do. A refusal with no field to mark says what the server said instead; what is
    missing is told."""
    said = sentences(*remarks)
    if state.phase is Phase.REFUSED and not errors:
        return said or (state.error.hint if state.error else "")
    if state.phase is Phase.DONE:
        left_out = (_LEFT_OUT, said) if said or errors else ()
        lost = (_missing_words(state, missing),) if missing else ()
        return sentences(*left_out, *lost)
    if state.restarted and not state.phase.finished:
        return sentences(_RESTARTED, said)
    hint = state.error.hint if state.error else ""
    return sentences(hint, said)


def _missing_words(state: RunState, missing: int) -> str:
    files = len(state.files)
    if state.error is not None:  # nothing is wrong with the server
        if files == 1:
            left = message("You can still download the result for a while.")
        else:
            left = plural(
                "You can still download {missing} of {count} result.",
                "You can still download {missing} of {count} results.",
                count=files,
                missing=missing,
            )
        return sentences(state.error.message, left)
    if files == 1:
        return message(
            "The result couldn't be fetched from the server. Download it, or run this again."
        )
    return plural(
        "{missing} of {count} result couldn't be fetched from the server. Download them, or run"
        " this again.",
        "{missing} of {count} results couldn't be fetched from the server. Download them, or run"
        " this again.",
        count=files,
        missing=missing,
    )


def _fraction(state: RunState) -> float | None:
    match state.phase:
        case Phase.DONE:
            return 1.0
        case Phase.RUNNING:
            return state.progress.fraction
        case _:
            return None


def _left(state: RunState, now: float, usual: RunTimes | None) -> float | None:
    if state.phase is not Phase.RUNNING or state.away or state.started_at is None:
        return None
    return time_left(state.progress, state.nodes_finished, state.started_at, now, usual)
