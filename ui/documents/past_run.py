"""A finished run as a history lists it: `Record` in, `PastRun` out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from comfy.base.messages import message
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import Record
from ui.documents.run_view import PastRun, first_text
from ui.web.urls import file_address, thumbnail_address

_WORDS = 200  # characters of what a run was asked, or what it said
_ENDS = {
    Phase.STOPPED: message("Stopped"),
    Phase.FAILED: message("Failed"),
    Phase.REFUSED: message("Rejected"),
    Phase.LOST: message("Lost"),
}
_SEEDS = ("seed", "noise_seed")


def past_run(record: Record, file: int | None = None) -> PastRun:
    """A run as a list shows it; as one `file` of its own where that is meant, by its place."""
    state = record.state
    meant = [(at, one) for at, one in enumerate(state.files) if file in (None, at)]
    by_use = sorted(meant, key=lambda one: one[1].type != "output")
    files = [one for _, one in by_use if one.type == "output"] or [one for _, one in by_use]
    first = {one[1].kind: one for one in reversed(by_use)}
    clip = file_address(record.id, *first["video"]) if "video" in first else None
    is_heard = "audio" in first and not first.keys() & {"image", "video"}
    # An image says most, then a video; a sound's waveform is for what is sound alone.
    drawn = ("image",) if clip else ("image", "audio")
    thumbnails = (
        thumbnail_address(record.id, at, one)
        for kind in drawn
        for at, one in by_use
        if one.kind == kind
    )
    kind: ResultKind | Literal[""] = files[0].kind if files else "text" if state.texts else ""
    return PastRun(
        id=record.id,
        workflow=record.job.workflow,
        title=record.job.title,
        phase=state.phase.value,
        at=state.finished_at or record.submitted_at,
        what=_what_came(record, files),
        asked=first_text(record.job.values, _WORDS),
        files=len(files),
        thumb=next(filter(None, thumbnails), None),
        kind=kind,
        icon=RESULT_TYPES[kind].icon if kind else "",
        clip=clip,
        sound=file_address(record.id, *first["audio"]) if is_heard else None,
        seeds=", ".join(seeds_of(record)),
        favourite=record.favourite,
        file=file,
    )


def _what_came(record: Record, files: list[OutputFile]) -> str:
    """What a run ended with, in a word or two."""
    state = record.state
    if state.phase in _ENDS:
        return _ENDS[state.phase]
    if files:
        kinds = {file.kind for file in files}
        row = RESULT_TYPES[files[0].kind if len(kinds) == 1 else "file"]
        return row.noun if len(files) == 1 else row.counted(len(files))
    return state.texts[0].text[:_WORDS] if state.texts else message("No output")


def seeds_of(record: Record) -> Iterable[str]:
    """The seeds among the values that a run was made with."""
    return seeds_among(record.job.values).values()


def seeds_among(values: Mapping[str, object]) -> dict[str, str]:
    """The seeds by their keys, as text: a browser's numbers have fewer digits."""
    return {key: str(value) for key, value in values.items() if key.rpartition(".")[2] in _SEEDS}


def days_of(ends: Iterable[float], zone: str) -> list[tuple[str, int]]:
    """The days ("2026-11-18") of these moments in a time zone, in their order, with how many there
    are of each; by UTC where the zone is not known."""
    where = _zone(zone)
    days = Counter(datetime.fromtimestamp(end, where).date().isoformat() for end in ends)
    return list(days.items())


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError: ZoneInfoNotFoundError
        return UTC
