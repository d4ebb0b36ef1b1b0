"""A run as this app describes it to programs and to its own page: values, outputs by name, and
names of downloaded results. Pure."""

from __future__ import annotations

import hashlib
import mimetypes
import re
import textwrap
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter

from comfy.base.messages import message, sentences
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import RESULT_TYPES, FileKind, ResultKind
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.server_errors import node_problems
from comfy.records.record import Job, Record
from comfy.runs.durations import RunTimes, time_left
from ui.documents.headlines import headline
from ui.documents.openings import opening
from ui.documents.output_roles import OutputRole, lent_comparisons, output_of, output_roles
from ui.web.responses import API
from ui.web.urls import download_name

_ABOUT = 80  # characters
_SEEDS = ("seed", "noise_seed")
OF_ALL = ("row", "workflow", "seed")  # parts that any pattern may have in braces
_LONGEST = 40  # characters of a title or a text
_LONGEST_NAME = 120
_LONGEST_PATTERN = 100
# Matches a name that `run_name` built from title, seed and text, for results. A browser adds a
# number to an existing name.
_OF_RUN = re.compile(r"\A([^\W_][^\s_]*)_\d+_[^\s_][^/\\]*")
_PART = re.compile(r"\{([^{}]*)\}")
_SEPARATORS = re.compile(r"[/\\]")
# Titles of ComfyUI's own classes, with a number from the second on.
_SAVER = re.compile(
    r"(?:save|preview)(?: (?:3d|animated|any|as|audio|glb|image|model|svg|text|video|web[mp]"
    r"|\d+|\([^()]*\)))+",
    re.IGNORECASE,
)
LEFT_OUT = message("The server skipped part of the workflow.")
# A `Phase` in text form.
PhaseWord = Literal["waiting", "running", "done", "failed", "stopped", "refused", "lost"]
_EVERY_PROPERTY = ConfigDict(json_schema_serialization_defaults_required=True)


@dataclass(frozen=True, slots=True)
class RunOutput:
    """Output of a run: its node, its name, and the positions of its results among the run's `files`
    and `texts`. The name is empty only for runs of earlier versions. `role`: a "result", a
    "preview" of a step on the way to it, a "copy" of another output's file or its comparison, or
    an "echo": a technical text, such as a seed."""

    node: str
    name: str
    files: tuple[int, ...] = ()
    texts: tuple[int, ...] = ()
    role: OutputRole = "result"


def run_outputs(record: Record) -> tuple[RunOutput, ...]:
    """Return the outputs with results, in the form's order; nodes that it doesn't list follow."""
    job, state = record.job, record.state
    files: dict[str, list[int]] = {}
    texts: dict[str, list[int]] = {}
    for at, file in enumerate(state.files):
        files.setdefault(output_of(record, file.node), []).append(at)
    for at, text in enumerate(state.texts):
        texts.setdefault(output_of(record, text.node), []).append(at)
    roles = output_roles(record)
    return tuple(
        RunOutput(
            node,
            _output_name(record, node, [state.files[at].kind for at in files.get(node, ())]),
            tuple(files.get(node, ())),
            tuple(texts.get(node, ())),
            roles[node],
        )
        for node in dict.fromkeys((*job.output_names, *files, *texts))
        if node in files or node in texts
    )


def _output_name(record: Record, node: str, kinds: Sequence[FileKind]) -> str:
    """Return an output's title, or its kind for a node that is only called "Save Video"."""
    name = record.job.output_names.get(node) or record.job.titles.get(node, "")
    return RESULT_TYPES[kinds[0] if kinds else "text"].noun if _SAVER.fullmatch(name) else name


def texts_in_files(record: Record) -> Mapping[int, int]:
    """Return which files contain nothing but one of the run's texts: the text's position by the
    file's."""
    state = record.state
    by_digest = {
        hashlib.sha256(one.text.encode("utf-8", "surrogatepass")).hexdigest(): at
        for at, one in reversed([*enumerate(state.texts)])
    }
    return {
        at: by_digest[file.digest]
        for at, file in enumerate(state.files)
        if file.kind == "file" and file.digest in by_digest
    }


def compared_files(record: Record) -> Mapping[int, int]:
    """Return the images that the workflow compares: the position of each image before, by the
    position of the image after."""
    sides: dict[tuple[str, str], list[int]] = {}
    for at, file in enumerate(record.state.files):
        sides.setdefault((file.node, file.side), []).append(at)
    compared = {
        after: before
        for (node, side), places in sides.items()
        if side == "b"
        for after, before in zip(places, sides.get((node, "a"), ()), strict=False)
    }
    return compared and {**compared, **lent_comparisons(record)}


def first_words(job: Job, most: int = _ABOUT) -> str:
    """Return the opening of a run's main prompt on one line, shortened to `most` characters."""
    return " ".join(opening(job.written_text).split())[:most]


def seeds_of(record: Record) -> Iterable[str]:
    """Return the seeds among a run's values."""
    return seeds_among(record.job.values).values()


def seeds_among(values: Mapping[str, object]) -> dict[str, str]:
    """Return the seeds by their keys, as text, because a browser's numbers have fewer digits."""
    return {key: str(value) for key, value in values.items() if key.rpartition(".")[2] in _SEEDS}


def run_name(record: Record) -> str:
    """Return the workflow's title, the first seed and the first words of the prompt, such as
    "Text-to-image_41_a-red-cat". Empty if the run has none of them."""
    seed = next(iter(seeds_of(record)), "")
    parts = (_words(record.job.title), _words(seed), _words(first_words(record.job)))
    return "_".join(filter(None, parts))


def result_name(record: Record, index: int) -> str:
    """Return the name of the file at `index` of the run's results: the run's name, a number if
    there are several, and the server's extension."""
    files = record.state.files
    name = download_name(files[index].name)
    number = str(index + 1) if len(files) > 1 else ""
    of_run = "_".join(filter(None, (run_name(record), number)))
    return of_run + PurePosixPath(name).suffix if of_run else name


def shared_name(record: Record, index: int, *, has_prompt: bool) -> str:
    """Return the name of a shared file. Without the prompt, which the owner's name contains, it is
    the workflow's title."""
    if has_prompt:
        return result_name(record, index)
    suffix = PurePosixPath(download_name(record.state.files[index].name)).suffix
    return (_words(record.job.title) or "result") + suffix


def title_in_name(file: str) -> str:
    """Return an opened file's name, or only the title if `run_name` made it."""
    match = _OF_RUN.fullmatch(PurePosixPath(file).stem)
    return match[1] + PurePosixPath(file).suffix if match else file


def unknown_part(pattern: str, varied: Iterable[str]) -> str:
    """Return the first unknown part in braces; empty if `pattern_name` knows all of them.
    `ui/page/script/batches/sheet_questions.js` does the same check."""
    known = {*OF_ALL, *map(str.casefold, varied)}
    parts = _PART.finditer(pattern)
    return next((one[0] for one in parts if one[1].strip().casefold() not in known), "")


def pattern_name(
    pattern: str, record: Record, index: int, row: str, varied: Mapping[str, str]
) -> str:
    """Return the name of the file at `index` of a batch row's results, from the user's pattern.
    `{row}`, `{workflow}` and `{seed}` become the row's number, the workflow's title and the first
    seed. The row's `varied` values are inserted by name. Several files get a number."""
    parts = {name.casefold(): "-".join(one.split())[:_LONGEST] for name, one in varied.items()} | {
        "row": row,
        "workflow": _words(record.job.title),
        "seed": next(iter(seeds_of(record)), ""),
    }
    filled_pattern = _PART.sub(
        lambda found: parts.get(found[1].strip().casefold(), found[0]), pattern[:_LONGEST_PATTERN]
    )
    files = record.state.files
    number = f"_{index + 1}" if len(files) > 1 else ""
    stem = download_name(_SEPARATORS.sub("-", filled_pattern))[:_LONGEST_NAME].strip(". -_") or row
    return stem + number + PurePosixPath(download_name(files[index].name)).suffix


def _words(text: str) -> str:
    """Return the first whole words, with only letters and digits."""
    plain = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text).strip()
    short = textwrap.shorten(plain, _LONGEST, placeholder="") or plain[:_LONGEST]
    return short.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class RunFile:
    """Result file of a run: its position `n`, a name for saving it, and its path. `saved`: a
    result, not an intermediate file. `sha256`, `bytes`: of the local copy, empty and 0 without one.
    """

    n: int
    name: str
    kind: FileKind
    media_type: str
    saved: bool
    sha256: str
    bytes: int
    url: str


@dataclass(frozen=True, slots=True)
class RunProblem:
    """Why a run failed, and what to do, as messages."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file as a page shows it: a name for saving it, its path below this app's root, and its kind
    on the page.

    `thumb`: the path of its thumbnail. `note`: why the page only offers it as a download. `text`:
    the position of the run's text that is this file's whole content, null for other files.
    `compared`: the position of the image that the workflow compares this one with, null for other
    files.
    """

    name: str
    url: str
    kind: FileKind
    thumb: str | None = None
    note: str = ""
    text: int | None = None
    compared: int | None = None


@dataclass(frozen=True, slots=True)
class Caption:
    """The `prompt` and the `negative` one as sent, the `opening` of the prompt, the file of the
    `model`, and the number of `steps`; empty if the form has no such field."""

    prompt: str = ""
    opening: str = ""
    model: str = ""
    steps: str = ""
    negative: str = ""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A run in its owner's queue. `about`: the prompt, to distinguish it from other runs of the
    workflow. `said`: its progress in words. `movable`: its position among the owner's runs can be
    changed. `again`: it has ended and can be submitted again. `due_in`: seconds until it starts, or
    ends if it is running, null if unknown."""

    about: str
    said: str
    movable: bool
    again: bool = False
    due_in: float | None = None


@dataclass(frozen=True, slots=True)
class RunTile:
    """Finished run in a list. `what`: its results in a word or two. `asked`: the prompt.
    `results`: the number of files. `kind`: the first file's kind, "text" or empty, with an `icon`.
    `thumb`: the path of a thumbnail, `image`: of the whole image, if it is one. `clip`: a
    video's path, shown if there is no thumbnail. `sound`: a sound's path. `model`: a 3D model's
    path, if it has no thumbnail. `file`: the position of the selected file, null for all. `ratio`:
    the image's width divided by its height, null if unknown. `color`: the thumbnail's average
    color, to show until it arrives, null if unknown."""

    what: str
    asked: str = ""
    results: int = 0
    thumb: str | None = None
    image: str | None = None
    kind: ResultKind | Literal[""] = ""
    icon: str = ""
    clip: str | None = None
    sound: str | None = None
    model: str | None = None
    favourite: bool = False
    file: int | None = None
    ratio: float | None = None
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Alteration:
    """Fields for a workflow that changes its own result: the key of its `image`, and of a number
    for how much changes (`strength`), with two values for it."""

    image: str
    strength: str
    subtle: float
    strong: float


@dataclass(frozen=True, slots=True)
class StageView:
    """A run on the stage.

    `about`: the prompt. `advice`: what to do. `detail`: the server's own message. `elapsed`: in
    seconds. `again`: nothing was wrong with the request, so it can be submitted again. `blind`: a
    preview is overdue. `keeps_going`: the run continues when its user closes the page. `ratio`: the
    width of its image divided by its height as far as its values say, null if they don't.

    The rest is known at the end. `files`: as a page shows them. `labelled`: `errors` for use where
    the fields aren't visible. `failed_field`: the key of the field that the headline names.
    `remarks`: errors that belong to no field. `details`: the settings it was made with, as text.
    `form_gone`: no form accepts its values any longer. `before`: the path of the image that became
    the result. `kept_until`: when it is deleted unless it is a favorite, in seconds since 1970;
    null if never. `favourite`: its owner marked it. `made_from`: the runs whose results it used,
    `used_for`: the runs that used its own results, both as tiles. `can_be_chain`: its owner may
    make a chain from it and the `made_from` runs. `part_of`: its step and chain, as a message.
    `chain`: the name of that chain if it still exists. `chain_seeds`: the chain's form draws seeds.
    `batch`: the id of its batch. `file_name`: the name of a text that is saved as a file, without
    the extension. `alters`: null if the workflow can't change its own result. Missing texts are
    empty.
    """

    about: str = ""
    advice: str = ""
    detail: str = ""
    elapsed: float = 0.0
    again: bool = False
    blind: bool = False
    keeps_going: bool = False
    ratio: float | None = None
    files: tuple[ShownFile, ...] = ()
    labelled: Mapping[str, str] = field(default_factory=dict)
    failed_field: str = ""
    remarks: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    caption: Caption = Caption()
    form_gone: bool = False
    before: str = ""
    kept_until: float | None = None
    favourite: bool = False
    made_from: tuple[RunDoc, ...] = ()
    used_for: tuple[RunDoc, ...] = ()
    can_be_chain: bool = False
    part_of: str = ""
    chain: str = ""
    chain_seeds: bool = False
    batch: str = ""
    file_name: str = ""
    alters: Alteration | None = None


@dataclass(frozen=True, slots=True)
class RunDoc:
    """One run. Times are in seconds since 1970.

    `queue_place`: the number of runs before it. `progress`: 0 to 1, null if unknown. `step` and
    `steps` belong to `node`. `preview`: the number of preview images so far. `values`: its values.
    `inputs`: the names of the files among them. `seeds`: its seeds in digits, which JavaScript's
    numbers may lose. `errors`: messages on single fields. `group`: the id shared by the runs of a
    batch or chain. `parents`: the runs whose results it used, if known. `outputs`: the outputs with
    results, in the form's order.

    `page`: the page's part, null for programs. A document with it has no `values`, `inputs` and
    `files`, which may be long, and `texts` and `outputs` on the stage only.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _EVERY_PROPERTY

    id: str
    workflow: str
    title: str
    phase: PhaseWord
    finished: bool = False
    headline: str = ""
    submitted_at: float = 0.0
    url: str = ""
    started_at: float | None = None
    finished_at: float | None = None
    queue_place: int | None = None
    progress: float | None = None
    seconds_left: float | None = None
    node: str | None = None
    step: int = 0
    steps: int = 0
    note: str = ""
    away: bool = False
    preview: int = 0
    files: tuple[RunFile, ...] = ()
    texts: tuple[str, ...] = ()
    outputs: tuple[RunOutput, ...] = ()
    error: RunProblem | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    parents: tuple[str, ...] = ()
    page: QueueLine | RunTile | StageView | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the document as JSON values; its messages stay messages."""
        values: dict[str, Any] = _DOCUMENT.dump_python(self)
        return values


@dataclass(frozen=True, slots=True)
class RunsDoc:
    """The runs of one request with a `count`. `refused`: a problem document that explains why some
    runs are missing, null if none is."""

    runs: tuple[RunDoc, ...]
    refused: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """Result of deleting a run. `stays`: what ComfyUI keeps of it, as a message, empty for
    nothing."""

    stays: str


_DOCUMENT = TypeAdapter(RunDoc)


@dataclass(frozen=True, slots=True)
class RunJson:
    """Builder of documents. `root`: the app's path below its host."""

    root: str = ""

    def address(self, run_id: str) -> str:
        return f"{self.root}{API}/runs/{run_id}"

    def document(
        self,
        record: Record,
        usual: RunTimes | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> RunDoc:
        """Return the document of a run for programs. `usual`: how long runs of this workflow take.
        `errors`: messages by field key."""
        doc = run_doc(record, url=self.address(record.id), usual=usual)
        job, state = record.job, record.state
        return replace(
            doc,
            errors=errors or {},
            files=tuple(self._file(record, at, one) for at, one in enumerate(state.files)),
            texts=tuple(one.text for one in state.texts),
            outputs=run_outputs(record),
            values=job.values,
            inputs={key: kept.name for key, kept in job.inputs.items()},
        )

    def _file(self, record: Record, at: int, file: OutputFile) -> RunFile:
        return RunFile(
            n=at,
            name=result_name(record, at),
            kind=file.kind,
            media_type=mimetypes.guess_type(file.filename)[0] or "application/octet-stream",
            saved=file.type == "output",
            sha256=file.digest,
            bytes=file.size,
            url=f"{self.address(record.id)}/files/{at}",
        )


def run_doc(
    record: Record,
    page: QueueLine | RunTile | StageView | None = None,
    *,
    url: str = "",
    usual: RunTimes | None = None,
    due_in: float | None = None,
    now: float | None = None,
) -> RunDoc:
    """Return the common parts of a run's documents, at `now` (`time.time()`).

    `url`: by default its path below the app's root. `usual`: how long runs of this workflow take.
    `due_in`: seconds until a waiting run starts.
    """
    job, state = record.job, record.state
    now = time.time() if now is None else now
    made_by = (kept.made_by for kept in job.inputs.values())
    return RunDoc(
        id=record.id,
        workflow=job.workflow,
        title=job.title,
        phase=state.phase.value,
        finished=state.phase.finished,
        headline=headline(state, job.prompt, elapsed(record, now), due_in, is_sent=record.sent),
        submitted_at=record.submitted_at,
        url=url or f"{API}/runs/{record.id}",
        started_at=state.started_at,
        finished_at=state.finished_at,
        queue_place=state.queue_place,
        progress=_progress(state),
        seconds_left=_seconds_left(state, now, usual),
        node=state.node,
        step=state.step,
        steps=state.steps,
        note=state.note,
        away=state.away,
        preview=state.preview_number,
        error=problem_of(record),
        seeds=seeds_among(job.values),
        group=record.group,
        parents=(*dict.fromkeys((*record.parents, *filter(None, made_by))),),
        page=page,
    )


def problem_of(record: Record) -> RunProblem | None:
    """Return why a run ended without all its results; None if it has them or hasn't ended."""
    state = record.state
    if state.error is not None:
        return RunProblem(state.error.message, state.error.hint)
    if state.phase is not Phase.DONE or not state.node_errors:
        return None
    return RunProblem(LEFT_OUT, sentences(*node_problems(state.node_errors, record.job.titles)))


def elapsed(record: Record, now: float) -> float:
    """Return how many seconds a run has taken since its start, or since its submission if it hasn't
    started."""
    state = record.state
    end = state.finished_at or now
    return max(0.0, end - (state.started_at or record.submitted_at))


def has_field_errors(record: Record) -> bool:
    """Return whether the run's end has messages on fields."""
    return record.state.phase in (Phase.REFUSED, Phase.FAILED)


def _progress(state: RunState) -> float | None:
    match state.phase:
        case Phase.DONE:
            return 1.0
        case Phase.RUNNING:
            return state.progress.fraction
        case _:
            return None


def _seconds_left(state: RunState, now: float, usual: RunTimes | None) -> float | None:
    if state.phase is not Phase.RUNNING or state.away or state.started_at is None:
        return None
    return time_left(state.progress, state.nodes_finished, state.started_at, now, usual)
