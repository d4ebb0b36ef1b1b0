"""Runs that were made from each other as a chain, and a chain as the text of its file. Pure."""

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
from comfy.workflow.toml_settings import as_scalar

_LONGEST_NAME = 50  # characters of a step's
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A run that becomes a step: the `form` that it came from, what its file prefixes may name (as
    its workflow has it), and the ids of the runs that it was made from. `plain`: the form of its
    workflow without its values, where another one comes of these."""

    record: Record
    form: Form
    names: PrefixNames | None
    made_from: tuple[str, ...] = ()
    plain: Form | None = None


@dataclass(frozen=True, slots=True)
class RecordedChain:
    """A chain that was made of runs. `files`: those that people had given themselves, which its
    form asks for, each with the step and the key of the field there."""

    chain: Chain
    files: tuple[tuple[Step, str, KeptInput], ...] = ()


def chain_of_runs(title: str, runs: Sequence[RecordedStep]) -> RecordedChain:
    """The chain that does again what the first of these runs has done, and those that it was made
    from; others of `runs` are left out.

    Values that people have set are fixed, and people may change those of the main fields.
    Seeds are not: a chain is there to make new things. ChainErrors where it would have one step.
    """
    known = {one.record.id: one for one in runs}
    given: dict[str, dict[str, Source]] = {}  # by run and field; a source's step is a run here
    left = [runs[0].record.id]
    while left:
        run = left.pop()
        if run not in given:
            given[run] = dict(_given(known[run], known))
            left += [source.step for source in given[run].values()]
    if len(given) == 1:
        raise ChainErrors(
            [message("This was made in one step, and a chain needs several.")],
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
    """The TOML of a chain that has a title and steps alone, each always run, and once for what it
    is given: of a chain that was made of runs."""
    steps = [
        {
            "name": step.name,
            "title": step.title,
            "workflow": step.workflow,
            "show": list(step.show),
            "values": dict(step.values),
            "inputs": {name: _source_text(one) for name, (one,) in step.inputs.items()},
        }
        for step in chain.steps
    ]
    filled = [{key: value for key, value in step.items() if value} for step in steps]
    return tomlkit.dumps({"title": chain.title, "steps": filled})


def _given(run: RecordedStep, known: Mapping[str, RecordedStep]) -> Iterator[tuple[str, Source]]:
    """The fields that results of other runs went into, by their keys."""
    sources = [known[one].record for one in run.made_from if one in known]
    for field in run.form.fields:
        found = (_source(run.record, field, source) for source in sources)
        if first := next(filter(None, found), None):
            yield field.key, first


def _source(run: Record, field: Field, source: Record) -> Source | None:
    """Which of a run's results went into a field of another run; None for none."""
    kept = run.job.inputs.get(field.key)
    if kept is not None:
        files = [Given(one, (source.id,)) for one in source.state.files]
        digests = [
            one.result.digest
            for one in fitting(field, Source(source.id), files)
            if isinstance(one.result, OutputFile)
        ]
        places = (n for n, digest in enumerate(digests, 1) if digest == kept.digest)
        return next((Source(source.id, n) for n in places), None)
    value = run.job.values.get(field.key)
    takes_text = takes_from(field, Source(source.id, text=True), "text")
    # One that it was not made from says the same by chance.
    if not value or not takes_text or source.id not in run.parents:
        return None
    texts = [one.text for one in source.state.texts]
    if value == "\n".join(texts) and len(texts) > 1:
        return Source(source.id, "all", text=True)
    places = (n for n, text in enumerate(texts, 1) if text == value)
    return next((Source(source.id, n, text=True) for n in places), None)


def _free(run: RecordedStep, given: Mapping[str, Source]) -> list[Field]:
    """The fields that no other run gives anything."""
    return [one for one in run.form.fields if one.group != "hidden" and one.key not in given]


def _step(
    number: int, run: RecordedStep, given: Mapping[str, Source], names: Mapping[str, str]
) -> Step:
    form, job, free = run.form, run.record.job, _free(run, given)
    typed = literal_texts(drawn_texts(form), job.values)
    inputs = {
        _name(form, form.field(key)): (Source(names[one.step], one.pick, one.text),)
        for key, one in given.items()
    }
    return Step(
        name=names[run.record.id],
        number=number,
        workflow=job.workflow,
        title=str(form.title).strip(),
        values={_name(form, one): typed[one.key] for one in free if _is_fixed(run, one)},
        show=tuple(
            _name(form, one)
            for one in free
            # A seed that a chain does not show is always its workflow's.
            if one.group == "main" or one.widget == "seed" or one.key in job.inputs
        ),
        inputs=inputs,
    )


def _is_fixed(run: RecordedStep, field: Field) -> bool:
    """Whether a field has a value that somebody has set, which a chain can have too."""
    value = run.record.job.values.get(field.key)
    if field.is_media or field.widget == "seed" or as_scalar(value) is None:
        return False
    if field.redraws and run.plain:  # in the run's form, its own choice is the default
        return all(value != one.default for one in run.plain.fields if one.key == field.key)
    names = run.names or prefix_names(run.form.prompt)
    return not is_untouched(run.record, run.form, names, field)


def _name(form: Form, field: Field) -> str:
    """What a chain calls a field: its label, or else its key, where that is another field's, as the
    number of an added file may be."""
    if field.is_media and "." in field.node:
        return field.key
    label = str(field.label)
    try:
        return label if find_field(form, label) is field else field.key
    except UnknownField:
        return field.key


def _step_names(workflows: Iterable[str]) -> Iterator[str]:
    """A name for each step, after its workflow's."""
    taken: set[str] = set()
    for workflow in workflows:
        words = "-".join(_WORD.findall(workflow.rpartition("/")[2]))
        plain = words[:_LONGEST_NAME].strip("-") or "step"
        names = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 2)))
        name = next(one for one in names if one not in taken)
        taken.add(name)
        yield name


def _source_text(source: Source) -> str:
    kind = ".text" if source.text else ""
    pick = "" if source.pick == 1 else f"[{source.pick}]"
    return f"{source.step}{kind}{pick}"
