"""Make a chain from runs that used each other's results, and write its file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import tomlkit

from comfy.base.messages import message
from comfy.batches.find_field import UnknownField, find_field
from comfy.chains.fields import takes_from
from comfy.chains.model import Chain, ChainErrors, Source, Step
from comfy.chains.results import Given, fitting
from comfy.chains.untouched import is_untouched
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.fill import drawn_texts, literal_texts
from comfy.form.model import Field, Form
from comfy.prompt.text_replacements import PrefixNames, prefix_names
from comfy.records.record import KeptInput, Record
from comfy.workflow.config import as_scalar

_LONGEST_NAME = 50  # characters in a step's name
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """Run that becomes a step.

    `form` is the form with the run's values, `plain` the form without them. `names` are the names
    in the workflow's file prefixes, and `made_from` the ids of the run's source runs.
    """

    record: Record
    form: Form
    names: PrefixNames | None
    made_from: tuple[str, ...] = ()
    plain: Form | None = None


@dataclass(frozen=True, slots=True)
class RecordedChain:
    """Chain made from runs. `files` are the user's own files, which the chain's form requests, each
    with its step and the key of its field."""

    chain: Chain
    files: tuple[tuple[Step, str, KeptInput], ...] = ()


def chain_of_runs(title: str, runs: Sequence[RecordedStep]) -> RecordedChain:
    """Return a chain that repeats the first of these runs and its source runs, ignoring the other
    `runs`.

    Values that the user set become fixed, and main fields can be changed. Seeds aren't fixed: a
    chain should make new results. Raises ChainErrors if the chain would have only one step.
    """
    known = {run.record.id: run for run in runs}
    # By run and field; the `step` of a source is a run id here.
    given: dict[str, dict[str, Source]] = {}
    left = [runs[0].record.id]
    while left:
        run = left.pop()
        if run not in given:
            given[run] = dict(_given(known[run], known))
            left += [source.step for source in given[run].values()]
    if len(given) == 1:
        raise ChainErrors(
            [message("This result was created in one step. A chain needs several.")],
            message("Use a result in another workflow first."),
        )
    order = sorted(given, key=lambda run: known[run].record.submitted_at)
    workflows = [known[run].record.job.workflow for run in order]
    names = dict(zip(order, _step_names(workflows), strict=True))
    steps = tuple(
        _step(number, known[run], given[run], names) for number, run in enumerate(order, start=1)
    )
    files = (
        (step, field.key, kept)
        for run, step in zip(order, steps, strict=True)
        for field in _free(known[run], given[run])
        if (kept := known[run].record.job.inputs.get(field.key))
    )
    return RecordedChain(Chain(steps, title=title), tuple(files))


def chain_text(chain: Chain) -> str:
    """Return the TOML of a chain from `chain_of_runs`: it has no switches, no optional and no
    repeated steps."""
    steps = [
        {
            "name": step.name,
            "title": step.title,
            "workflow": step.workflow,
            "show": list(step.show),
            "values": dict(step.values),
            "inputs": {name: _source_text(source) for name, (source,) in step.inputs.items()},
        }
        for step in chain.steps
    ]
    filled = [{key: value for key, value in step.items() if value} for step in steps]
    return tomlkit.dumps({"title": chain.title, "steps": filled})


def _given(run: RecordedStep, known: Mapping[str, RecordedStep]) -> Iterator[tuple[str, Source]]:
    """Yield the keys of the fields that got results of other runs, each with its source."""
    records = [known[run_id].record for run_id in run.made_from if run_id in known]
    for field in run.form.fields:
        sources = (_source(run.record, field, record) for record in records)
        if source := next(filter(None, sources), None):
            yield field.key, source


def _source(run: Record, field: Field, source: Record) -> Source | None:
    """Return the result of the run `source` that went into a field of another run, or None."""
    kept = run.job.inputs.get(field.key)
    if kept is not None:
        files = [Given(file, (source.id,)) for file in source.state.files]
        digests = [
            given.result.digest
            for given in fitting(field, Source(source.id), files)
            if isinstance(given.result, OutputFile)
        ]
        numbers = (n for n, digest in enumerate(digests, 1) if digest == kept.digest)
        return next((Source(source.id, n) for n in numbers), None)
    value = run.job.values.get(field.key)
    takes_text = takes_from(field, Source(source.id, text=True), "text")
    # A run that isn't a parent has the same text by coincidence.
    if not value or not takes_text or source.id not in run.parents:
        return None
    texts = [output.text for output in source.state.texts]
    if value == "\n".join(texts) and len(texts) > 1:
        return Source(source.id, "all", text=True)
    numbers = (n for n, text in enumerate(texts, 1) if text == value)
    return next((Source(source.id, n, text=True) for n in numbers), None)


def _free(run: RecordedStep, given: Mapping[str, Source]) -> list[Field]:
    """Return the visible fields that got no result of another run."""
    return [item for item in run.form.fields if item.group != "hidden" and item.key not in given]


def _step(
    number: int, run: RecordedStep, given: Mapping[str, Source], names: Mapping[str, str]
) -> Step:
    form, job, free = run.form, run.record.job, _free(run, given)
    typed = literal_texts(drawn_texts(form), job.values)
    inputs = {
        _name(form, form.field(key)): (Source(names[source.step], source.pick, source.text),)
        for key, source in given.items()
    }
    return Step(
        name=names[run.record.id],
        number=number,
        workflow=job.workflow,
        title=str(form.title).strip(),
        values={_name(form, item): typed[item.key] for item in free if _is_fixed(run, item)},
        show=tuple(
            _name(form, item)
            for item in free
            # Without a visible field, the chain would always use the workflow's seed.
            if item.group == "main" or item.is_seed or item.key in job.inputs
        ),
        inputs=inputs,
    )


def _is_fixed(run: RecordedStep, field: Field) -> bool:
    """Return whether the user set the field to a value that a chain can have."""
    value = run.record.job.values.get(field.key)
    if field.is_media or field.is_seed or as_scalar(value) is None:
        return False
    if field.redraws and run.plain:  # the run's own form has its choice as the default
        return all(value != item.default for item in run.plain.fields if item.key == field.key)
    names = run.names or prefix_names(run.form.prompt)
    return not is_untouched(run.record, run.form, names, field)


def _name(form: Form, field: Field) -> str:
    """Return the field's name in a chain: its label, or its key if another field has the same
    label. The number of an added file may belong to another field, so the key names such a file."""
    if field.is_media and "." in field.node:
        return field.key
    label = str(field.label)
    try:
        return label if find_field(form, label) is field else field.key
    except UnknownField:
        return field.key


def _step_names(workflows: Iterable[str]) -> Iterator[str]:
    """Yield a name for each step, based on its workflow's name."""
    taken: set[str] = set()
    for workflow in workflows:
        words = "-".join(_WORD.findall(workflow.rpartition("/")[2]))
        plain = words[:_LONGEST_NAME].strip("-") or "step"
        names = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 2)))
        name = next(candidate for candidate in names if candidate not in taken)
        taken.add(name)
        yield name


def _source_text(source: Source) -> str:
    kind = ".text" if source.text else ""
    pick = "" if source.pick == 1 else f"[{source.pick}]"
    return f"{source.step}{kind}{pick}"
