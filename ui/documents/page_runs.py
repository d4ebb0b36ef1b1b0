"""Runs on the stage and in the queue of a page, as documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from comfy.base.messages import message, plural, sentences
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.records.record import Record
from comfy.runs.durations import RunTimes
from ui.documents.headlines import AWAY, HEADLINES, HELD, SENDING, place_words
from ui.documents.run_doc import (
    LEFT_OUT,
    QueueLine,
    RunDoc,
    StageView,
    elapsed,
    first_words,
    run_doc,
    run_name,
    run_outputs,
)

_RESTARTED = message("The server lost this run, so it is starting over.")
_IN_LIST = HEADLINES | {Phase.RUNNING: message("Running")}  # only the stage shows progress
_BLIND_STEPS = 3  # a sampler with previews has sent one by then


@dataclass(frozen=True, slots=True)
class RunEnd:
    """State of a run's form and files at its end: `stage` for a page, `seeds` and `errors` by field
    key."""

    stage: StageView
    seeds: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


_AS_IT_RUNS = RunEnd(StageView())


def _ratio(values: Mapping[str, object]) -> float | None:
    """Return the ratio of the only width and height among a run's values, None without them."""
    nodes = [key.removesuffix(".width") for key in values if key.endswith(".width")]
    sizes = [(values[f"{node}.width"], values.get(f"{node}.height")) for node in nodes]
    match sizes:
        case [(int(width), int(height))] if width > 0 and height > 0:
            return width / height
    return None


def stage_run(
    record: Record,
    end: RunEnd = _AS_IT_RUNS,
    *,
    now: float,
    usual: RunTimes | None = None,
    due_in: float | None = None,
    keeping: bool = False,
) -> RunDoc:
    """Return a run as the stage shows it, at `now` (`time.time()`).

    `usual`: how long runs of this workflow take. `due_in`: seconds until a waiting run starts.
    `keeping`: files of finished runs are stored here, so a missing one couldn't be fetched.
    """
    state = record.state
    missing = (
        sum(not file.digest for file in state.files) if keeping and state.phase is Phase.DONE else 0
    )
    page = replace(
        end.stage,
        about=first_words(record.job),
        file_name=run_name(record),
        advice=_advice(state, end.errors, end.stage.remarks, missing),
        detail=state.error.detail if state.error else "",
        elapsed=elapsed(record, now),
        again=_may_go_again(state) or (state.phase is Phase.DONE and bool(missing or state.error)),
        blind=state.phase is Phase.RUNNING
        and state.step >= _BLIND_STEPS
        and not state.preview_number,
        keeps_going=record.keeps_going,
        ratio=_ratio(record.job.values),
    )
    doc = run_doc(record, page, usual=usual, due_in=due_in, now=now)
    texts = tuple(text.text for text in state.texts) if state.phase.finished else ()
    outputs = run_outputs(record) if state.phase.finished else ()
    return replace(
        doc, errors=end.errors, seeds=end.seeds or doc.seeds, texts=texts, outputs=outputs
    )


def _may_go_again(state: RunState) -> bool:
    """Return whether neither the workflow nor its values caused the end: the run was lost, another
    user stopped it, or it failed outside any node."""
    match state.phase:
        case Phase.LOST:
            return True
        case Phase.STOPPED | Phase.FAILED if state.error is not None:
            return state.phase is Phase.STOPPED or state.error.node is None
        case _:
            return False


def queued_run(record: Record, *, due_in: float | None, movable: bool) -> RunDoc:
    """Return a run as its owner's queue lists it. `due_in`: see `QueueLine`."""
    state, position = record.state, record.state.queue_place
    words: str = _IN_LIST[state.phase]
    if position is not None:
        words = place_words(position, due_in, is_sent=record.sent)
    text = AWAY if state.away else HELD if state.held else SENDING if state.uploading else words
    due = due_in if text is words and (position or state.phase is Phase.RUNNING) else None
    line = QueueLine(first_words(record.job), text, movable, due_in=due)
    return run_doc(record, line)


def _advice(
    state: RunState, errors: Mapping[str, str], remarks: Iterable[str], missing: int
) -> str:
    """Return the advice for the user. A refusal without a field to mark has the server's message
    instead. Missing results are named."""
    text = sentences(*remarks)
    if state.phase is Phase.REFUSED and not errors:
        return text or (state.error.hint if state.error else "")
    if state.phase is Phase.DONE:
        left_out = (LEFT_OUT, text) if text or errors else ()
        why = (state.error.message, state.error.hint) if state.error else ()
        lost = (_missing_words(state, missing),) if missing else why
        return sentences(*left_out, *lost)
    if state.restarted and not state.phase.finished:
        return sentences(_RESTARTED, text)
    hint = state.error.hint if state.error else ""
    return sentences(hint, text)


def _missing_words(state: RunState, missing: int) -> str:
    files = len(state.files)
    if state.error is not None:  # the error is here, not on the server
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
