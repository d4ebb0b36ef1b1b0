"""Documents of finished runs for the page's lists and for programs, of the storage that results
take, and of links to results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from comfy.base.messages import message, plural
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import RESULT_TYPES, FileKind, ResultKind
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.store import StorageUse
from ui.documents.output_roles import main_places, main_texts
from ui.documents.run_doc import RunDoc, RunTile, first_words, run_doc
from ui.web.urls import file_address, thumbnail_address

_WORDS = 200  # characters of a run's prompt or text result
_ENDS = {
    Phase.STOPPED: message("Stopped"),
    Phase.FAILED: message("Failed"),
    Phase.REFUSED: message("Rejected"),
    Phase.LOST: message("Lost"),
}


def past_run(record: Record, file: int | None = None, blobs: BlobStore | None = None) -> RunDoc:
    """Return a finished run as a list shows it; arguments as for `run_tile`."""
    return run_doc(record, run_tile(record, file, blobs))


def run_tile(record: Record, file: int | None = None, blobs: BlobStore | None = None) -> RunTile:
    """Return a run's tile; with `file`, only for the file at that position. `blobs`: stored files,
    for the proportions and the color of its image."""
    state = record.state
    places = main_places(record) if file is None else [file]
    shown = [(at, state.files[at]) for at in places if at < len(state.files)]
    files, texts = [one for _, one in shown], main_texts(record)
    is_text = bool(texts) and all(one.kind == "file" for one in files)
    first = {one[1].kind: one for one in reversed(shown)}
    clip = file_address(record.id, *first["video"]) if "video" in first else None
    is_heard = "audio" in first and not first.keys() & {"image", "video"}
    # Prefer an image, then a video, then a 3D model's preview. A waveform is only for results with
    # nothing but sound.
    drawn = ("image",) if clip else ("image", "3d", "audio")
    thumbnails = (
        (address, at, one)
        for kind in drawn
        for at, one in shown
        if one.kind == kind and (address := thumbnail_address(record.id, at, one))
    )
    thumb, at, image = next(thumbnails, (None, 0, None))
    kind: ResultKind | Literal[""] = "text" if is_text else files[0].kind if files else ""
    return RunTile(
        what=_what_came(record, files, texts if is_text else []),
        asked=first_words(record.job, _WORDS),
        results=len(files),
        thumb=thumb,
        image=file_address(record.id, at, image) if image and image.kind == "image" else None,
        kind=kind,
        icon=RESULT_TYPES[kind].icon if kind else "",
        clip=clip,
        sound=file_address(record.id, *first["audio"]) if is_heard else None,
        model=file_address(record.id, *first["3d"]) if "3d" in first and not thumb else None,
        favourite=record.favourite,
        file=file,
        ratio=blobs.ratio(image.digest) if blobs and image else None,
        color=blobs.color(image.digest) if blobs and image else None,
    )


def _what_came(record: Record, files: list[OutputFile], texts: list[str]) -> str:
    """Describe the results of a run in a word or two."""
    if record.state.phase in _ENDS:
        return _ENDS[record.state.phase]
    if texts or not files:
        return texts[0][:_WORDS] if texts else message("No result")
    several = plural("{count} file", "{count} files", count=len(files))
    return RESULT_TYPES[files[0].kind].noun if len(files) == 1 else several


def days_of(ends: Iterable[float], zone: str) -> list[tuple[str, int]]:
    """Return the days ("2026-11-18") of these times in a time zone, in their order, with their
    counts. An unknown zone counts as UTC."""
    where = _zone(zone)
    days = Counter(datetime.fromtimestamp(end, where).date().isoformat() for end in ends)
    return list(days.items())


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # KeyError: ZoneInfoNotFoundError
        return UTC


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Part of a list that only the page needs. `days`: the days ("2026-11-18") on which all
    matching runs ended, newest first, with their counts. `any`: the user has finished runs."""

    days: tuple[tuple[str, int], ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class HistoryDoc:
    """A list of runs. `next`: the `cursor` of the next part, null on the last. `page`: null for
    programs."""

    runs: tuple[RunDoc, ...]
    next: str | None = None
    page: HistoryPage | None = None


@dataclass(frozen=True, slots=True)
class FormValues:
    """Values of a form. `workflow`: a workflow or a chain. `values`: by field key."""

    workflow: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SharedValues(FormValues):
    """Values of a form, and the shared result that was made with them: its path below the app's
    root, and its kind."""

    url: str
    kind: FileKind


@dataclass(frozen=True, slots=True)
class ChangedRuns:
    """The number of runs that a request has changed, and how many of these links show, or would
    show if they weren't deleted."""

    runs: int
    shared: int


@dataclass(frozen=True, slots=True)
class StorageDoc:
    """A user's storage. `bytes`: of their results, inputs and records. `days`: how long results are
    stored, null for no end; favorites stay longer. `expiring`: the number of results that are
    deleted soon, all of them by `expire_by`, in seconds since 1970. `nearly_full`: the storage of
    all users is nearly full, so that the oldest results are deleted earlier. `runs_left`: how many
    runs you may start in 24 hours, null without a limit."""

    bytes: float = 0
    days: float | None = None
    expiring: int = 0
    expire_by: float | None = None
    nearly_full: bool = False
    runs_left: int | None = None


def storage_doc(use: StorageUse, runs_left: int | None) -> StorageDoc:
    """Return the document of a user's storage."""
    return StorageDoc(
        use.bytes, use.days, use.expiring, use.expire_by, use.is_nearly_full, runs_left
    )


@dataclass(frozen=True, slots=True)
class LinkDoc:
    """The link to one or several results. `address`: its path below the app's root, empty without a
    link. `prompt`: it shows the prompts and settings, and the files contain their metadata.
    `has_prompt`: a run has a prompt. `is_new`: these results had no link before. `can_strip`: the
    app can remove the metadata. If it can't, there is no link until the prompt is shared. `others`:
    the number of other links that show any of these results. `needs_sign_in`: visitors must sign in
    first."""

    address: str
    prompt: bool
    has_prompt: bool
    is_new: bool
    can_strip: bool
    others: int
    needs_sign_in: bool
