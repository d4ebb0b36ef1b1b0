"""Check a batch and estimate how long it takes. Each value is checked once, not once per row."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from comfy.base.errors import ManyProblems
from comfy.base.messages import message, plural
from comfy.base.wording import short
from comfy.batches.content import BatchContent, UnequalLengths, read_batch, replaced
from comfy.batches.open_batch import BatchSummary
from comfy.batches.spec import BatchProblem, BatchSpec
from comfy.batches.values import Row
from comfy.comfyui.protocol.run_progress import SamplingWork, sampling_work
from comfy.comfyui.servers.needs import Needs
from comfy.form.added_nodes import without_added
from comfy.form.check import check, labelled_errors
from comfy.form.model import Field, Form
from comfy.launch.once import conflicts_in, lacking, own_values
from comfy.launch.start import FieldErrors, RowJudge, Starter
from comfy.prompt.model import Prompt
from comfy.prompt.value_types import BadValue
from comfy.records.record import Record
from comfy.records.rows import Wanted
from comfy.runs.interface import RunRegistry

_MOST_TOLD = 100  # problems
_SAMPLE = 5  # runs
_MOST_HINTS = 20  # problems with a suggested value, which is slow to find
_LOOKED_AT = 100  # rows
_DECISIVE = ("INT", "FLOAT", "COMBO")


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """Readable content of a batch, its number of rows, and its first problems. `more` is the number
    of other problems."""

    form: Form
    content: BatchContent
    rows: int
    problems: tuple[BatchProblem, ...]
    more: int

    def raise_errors(self, known: Sequence[str] = ()) -> None:
        """Raise BatchErrors if there are problems, or `known` ones that the caller found before."""
        if known or self.problems:
            problems = [*known, *_labelled(self.form, self.problems), *_and_more(self.more)]
            raise BatchErrors(problems, self.problems)


class BatchErrors(ManyProblems):
    """A batch can't run. `found` has the problems with their positions."""

    def __init__(self, problems: Iterable[str], found: Iterable[BatchProblem]) -> None:
        super().__init__(problems, message("Nothing was started."))
        self.found = tuple(found)


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
        count = len(content) if content.shown else 0
    except (BadValue, UnequalLengths) as error:
        count, problems = 0, (*problems, BatchProblem(str(error)))
        if isinstance(error, BadValue):  # too many rows: checking them all takes too long
            wrong = iter(())
    varied = dict.fromkeys(column.key for column in content.shown)
    missing = map(BatchProblem, lacking(form, {**base, **varied}))
    all_problems = (*problems, *missing, *wrong)
    if count and not all_problems:
        all_problems = tuple(_conflicts(starter, workflow, content, owner))
    more = max(0, len(all_problems) - _MOST_TOLD)
    return BatchCheck(form, content, count, all_problems[:_MOST_TOLD], more)


def check_rows(
    starter: Starter, workflow: str, form: Form, content: BatchContent, owner: str
) -> None:
    """Check what `problems_of_batch` omits: the values that all rows share, and whole rows if their
    values depend on each other. Raises FieldErrors, BatchErrors, and the errors of `Starter.check`.
    """
    _, errors = starter.judged_values(form, content[0].values, owner)
    if errors:
        raise FieldErrors(form, errors)
    fields = {field.key: field for field in form.fields}
    # Otherwise each value is valid or invalid on its own.
    if not content.redraws and not any(fields[one.key].is_media for one in content.shown):
        return
    problems: list[str] = []
    found: list[BatchProblem] = []
    judge = RowJudge(partial(starter.judged_values, owner=owner)).judged
    for row in content:
        values = own_values(starter, workflow, row.values, content.of_options, owner)
        checked = starter.check(workflow, values, owner, judge=judge)
        labelled = labelled_errors(checked.form, checked.errors)
        for key, sentence in checked.errors.items():
            found.append(BatchProblem(sentence, key or None, row.number, row.line))
            problems.append(found[-1].with_place(labelled[key]))
    if problems:
        more = _and_more(len(problems) - _MOST_TOLD)
        raise BatchErrors([*problems[:_MOST_TOLD], *more], found[:_MOST_TOLD])


def _and_more(count: int) -> list[str]:
    """Return a message about the number of further problems, or nothing."""
    return [plural("And {count} more.", "And {count} more.", count=count)] if count > 0 else []


def _conflicts(
    starter: Starter, workflow: str, content: BatchContent, owner: str
) -> Iterator[BatchProblem]:
    """Yield choices that no server offers together, each with the first row that has them, unless
    all rows have them."""
    varied = {column.key for column in content.shown}
    rows = (own_values(starter, workflow, row.values, content.of_options, owner) for row in content)
    for index, error in conflicts_in(starter, workflow, rows, owner):
        row = content[index]
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
    starter: Starter, summary: BatchSummary, content: BatchContent, left: Sequence[int], owner: str
) -> float | None:
    """Estimate the seconds that the rows with the indexes `left` take, None if that is unknown."""
    if summary.finished or summary.why:  # a batch that waits takes an unknown time
        return None
    form = starter.forms.known_form(summary.workflow, owner, content.base)
    if form is None:  # its runs report why
        return None
    prompts = _prompts(form, content, left)
    width = _width(starter, form, prompts, owner)
    works = list(map(sampling_work, prompts))
    return _seconds(starter.runs, summary.workflow, works, len(left), width)


def estimate(
    starter: Starter, form: Form, workflow: str, rows: Sequence[Row], owner: str
) -> tuple[float | None, float | None]:
    """Estimate the seconds of all rows and the bytes of their results from the workflow's last
    runs, or None without any. Bytes are estimated from the owner's runs only."""
    history, wanted = starter.runs.history, Wanted(workflow, fruitless=False)
    last = history.of(owner, wanted, limit=_SAMPLE)
    prompts, count = _prompts(form, rows, range(len(rows))), len(rows)
    works, width = list(map(sampling_work, prompts)), _width(starter, form, prompts, owner)
    return _seconds(starter.runs, workflow, works, count, width), _bytes(last, works, count)


def _prompts(form: Form, rows: Sequence[Row], places: Sequence[int]) -> list[Prompt]:
    """Return the prompts of a sample of the rows at these indexes."""
    some = random.Random(0).sample(places, min(len(places), _LOOKED_AT))
    return [_prompt(form, rows[at].values) for at in some]


def _width(starter: Starter, form: Form, prompts: Sequence[Prompt], owner: str) -> float:
    """Return the number of runs like these that the user's servers run at the same time; 1 for no
    prompts."""
    servers = starter.payment.limits.servers_of(owner)
    files = [target for field in form.fields if field.is_media for target in field.targets]
    widths = [starter.runs.width_for(Needs(one, files, servers)) for one in prompts[:_SAMPLE]]
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
    return without_added(prompt, form.nodes)


def _is_decisive(field: Field) -> bool:
    return field.type in _DECISIVE and not field.is_seed and not field.is_media
