"""Check a batch and estimate how long it takes. Each value is checked once, not once per row."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from comfy.base.errors import ManyProblems
from comfy.base.messages import message
from comfy.base.wording import short
from comfy.batches.content import BatchContent, BatchRows
from comfy.batches.open_batch import BatchSummary
from comfy.batches.replaced import replaced
from comfy.batches.rows import UnequalLengths
from comfy.batches.runner import MOST_TOLD, BatchRunner, RowBatch, and_more
from comfy.batches.spec import BatchProblem, BatchSpec, read_batch
from comfy.batches.table import Row
from comfy.comfyui.protocol.run_progress import SamplingWork, sampling_work
from comfy.comfyui.servers.needs import Needs
from comfy.form.check import check, labelled_errors
from comfy.form.model import Field, Form
from comfy.launch.once import lacking
from comfy.launch.start import FieldErrors, Starter
from comfy.prompt.model import Prompt
from comfy.prompt.value_types import BadValue
from comfy.records.record import Record
from comfy.records.rows import Wanted
from comfy.runs.interface import Origin, RunRegistry

_SAMPLE = 5  # runs
_MOST_HINTS = 20  # problems with a suggested value, which is slow to find
_LOOKED_AT = 100  # rows
_DECISIVE = ("INT", "FLOAT", "COMBO")


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """Readable content of a batch, its number of rows, and its first problems. `more` is the number
    of other problems."""

    content: BatchContent
    rows: int
    problems: tuple[BatchProblem, ...]
    more: int


class BatchErrors(ManyProblems):
    """A batch can't run. `found` has the problems with their positions. `known` are sentences about
    problems that the caller found before."""

    def __init__(self, form: Form, checked: BatchCheck, known: Sequence[str] = ()) -> None:
        problems = [*known, *_labelled(form, checked.problems), *and_more(checked.more)]
        super().__init__(problems, message("Nothing was started."))
        self.found = checked.problems


def problems_of_batch(
    starter: Starter,
    workflow: str,
    form: Form,
    spec: BatchSpec,
    base: Mapping[str, object],
    owner: str,
) -> BatchCheck:
    """Read and check a batch of a workflow with this form without starting it."""
    content, problems = read_batch(form, spec, base, starter.wildcards, starter.translated)
    wrong = _wrong(starter, form, content, owner)
    try:
        count = len(BatchRows(content)) if content.shown else 0
    except (BadValue, UnequalLengths) as error:
        count, problems = 0, (*problems, BatchProblem(str(error)))
        if isinstance(error, BadValue):  # too many rows: checking them all takes too long
            wrong = iter(())
    varied = dict.fromkeys(column.key for column in content.shown)
    missing = map(BatchProblem, lacking(form, {**base, **varied}))
    all_problems = (*problems, *missing, *wrong)
    if count and not all_problems:
        all_problems = tuple(_conflicts(starter, workflow, content, owner))
    return BatchCheck(
        content, count, all_problems[:MOST_TOLD], max(0, len(all_problems) - MOST_TOLD)
    )


def check_rows(
    starter: Starter, workflow: str, form: Form, content: BatchContent, owner: str
) -> None:
    """Check what `problems_of_batch` omits: the values that all rows share, and whole rows if their
    values depend on each other. Raises FieldErrors, RowErrors, and the errors of `Starter.check`.
    """
    _, errors = starter.judged_values(form, BatchRows(content)[0].values, owner)
    if errors:
        raise FieldErrors(form, errors)
    fields = {field.key: field for field in form.fields}
    # Otherwise each value is valid or invalid on its own.
    if content.redraws or any(fields[one.key].is_media for one in content.shown):
        BatchRunner(starter, Origin(owner)).check_values(_row_batch(workflow, content))


def _row_batch(workflow: str, content: BatchContent) -> RowBatch:
    return RowBatch(uuid.uuid4(), workflow, BatchRows(content), content.of_options)


def _conflicts(
    starter: Starter, workflow: str, content: BatchContent, owner: str
) -> Iterator[BatchProblem]:
    """Yield choices that no server offers together, each with the first row that has them, unless
    all rows have them."""
    varied = {column.key for column in content.shown}
    batch = _row_batch(workflow, content)
    for row, error in BatchRunner(starter, Origin(owner)).conflicts(batch):
        location = (row.number, row.line) if varied & error.errors.keys() else (None, None)
        for key, sentence in error.errors.items():
            yield BatchProblem(sentence, key or None, *location)


def _wrong(
    starter: Starter, form: Form, content: BatchContent, owner: str
) -> Iterator[BatchProblem]:
    """Yield the errors of values. Only the first errors suggest a value."""
    count = 0
    columns = form.with_fields({one.key for one in content.columns})
    for row in content.table:
        _, errors = starter.judged_values(columns, row.values, owner, hints=count < _MOST_HINTS)
        for key in row.values:
            if key in errors:
                count += 1
                yield BatchProblem(errors[key], key, line=row.number)
    for axis in content.axes:
        own = form.with_fields({axis.key})
        for index, value in enumerate(axis.values):
            text = str(content.base.get(axis.key, ""))
            try:
                given = replaced(text, axis.find, str(value)) if axis.find else value
            except BadValue as error:
                errors = {axis.key: str(error)}
            else:
                hints = count < _MOST_HINTS
                _, errors = starter.judged_values(own, {axis.key: given}, owner, hints=hints)
            if sentence := errors.get(axis.key):
                count += 1
                labelled_sentence = message(
                    "“{name}”: {problem}", name=short(value), problem=sentence
                )
                yield BatchProblem(labelled_sentence, axis.key, place=index)


def _labelled(form: Form, problems: tuple[BatchProblem, ...]) -> Iterator[str]:
    """Yield the problems as sentences that name their field, line or row."""
    for problem in problems:
        sentence = problem.message
        if problem.field is not None:
            sentence = labelled_errors(form, {problem.field: sentence})[problem.field]
        yield problem.with_place(sentence)


def batch_seconds_left(
    starter: Starter, summary: BatchSummary, rows: BatchRows, left: Sequence[int], owner: str
) -> float | None:
    """Estimate the seconds that the rows with the indexes `left` take, None if that is unknown."""
    if summary.finished:
        return None
    form = starter.forms.known_form(summary.workflow, owner, rows.base)
    if form is None:  # its runs report why
        return None
    prompts = _prompts(form, rows, left)
    width = _width(starter.runs, form, prompts)
    works = list(map(sampling_work, prompts))
    return _seconds(starter.runs, summary.workflow, works, len(left), width)


def estimate(
    starter: Starter, form: Form, workflow: str, rows: Sequence[Row], owner: str
) -> tuple[float | None, float | None]:
    """Estimate the seconds of all rows and the bytes of their results from the workflow's last
    runs, or None without any. Bytes are estimated from the owner's runs only."""
    history, wanted = starter.runs.history, Wanted(workflow, fruitless=False)
    last = history.of(owner, wanted, limit=_SAMPLE) if history is not None else ()
    prompts, count = _prompts(form, rows, range(len(rows))), len(rows)
    works, width = list(map(sampling_work, prompts)), _width(starter.runs, form, prompts)
    return _seconds(starter.runs, workflow, works, count, width), _bytes(last, works, count)


def _prompts(form: Form, rows: Sequence[Row], places: Sequence[int]) -> list[Prompt]:
    """Return the prompts of a sample of the rows at these indexes."""
    some = random.Random(0).sample(places, min(len(places), _LOOKED_AT))
    return [_prompt(form, rows[at].values) for at in some]


def _width(runs: RunRegistry, form: Form, prompts: Sequence[Prompt]) -> float:
    """Return the number of runs like these that the servers run at the same time; 1 for no
    prompts."""
    files = [target for field in form.fields if field.is_media for target in field.targets]
    widths = [runs.width_for(Needs(one, files)) for one in prompts[:_SAMPLE]]
    return fmean(widths) if widths else 1


def _seconds(
    runs: RunRegistry,
    workflow: str,
    works: Sequence[SamplingWork | None],
    count: int,
    width: float,
) -> float | None:
    """Estimate the seconds of `count` rows from the work of some of them, `width` at a time."""
    known = [runs.expected_seconds(workflow, work) for work in works]
    seconds = [one for one in known if one is not None]
    return fmean(seconds) * count / min(count, width) if seconds else None


def _bytes(
    last: Sequence[Record], works: Sequence[SamplingWork | None], count: int
) -> float | None:
    """Estimate the size of the results of `count` rows from the `last` runs, by the pixels if they
    are known."""
    sizes = [sum(file.size or 0 for file in record.state.files) for record in last]
    if not works or not any(sizes):
        return None
    last_works = [sampling_work(record.job.prompt) for record in last]

    def expected(work: SamplingWork | None) -> float:
        alike = [
            size * work.size / one.size
            for size, one in zip(sizes, last_works, strict=True)
            if work and one and one.source == work.source
        ]
        return fmean(alike or sizes)

    return fmean(map(expected, works)) * count


def _prompt(form: Form, values: Mapping[str, object]) -> Prompt:
    """Return a run's prompt with only its numbers and choices set: these decide the samplers' work
    and the suitable servers."""
    fields = [one for one in form.fields if _is_decisive(one)]
    own = {field.key: values[field.key] for field in fields if field.key in values}
    checked, _ = check(form.with_fields(own.keys()), own, hints=False)
    prompt = dict(form.prompt)
    for field in fields:
        for node, name in field.targets if field.key in checked else ():
            if node in prompt:
                inputs = {**prompt[node]["inputs"], name: checked[field.key]}
                prompt[node] = {**prompt[node], "inputs": inputs}
    return prompt


def _is_decisive(field: Field) -> bool:
    return field.type in _DECISIVE and not field.is_seed and not field.is_media
