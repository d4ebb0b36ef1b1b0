"""Choose the results of earlier steps that a step gets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from comfy.base.messages import labeled, listed, message, plural
from comfy.batches.rows import UNPAIRED, Axis, combined
from comfy.chains.fields import FormStep, takes_from
from comfy.chains.model import ChainErrors, Source
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.result_types import ResultKind
from comfy.form.model import Field, Form
from comfy.prompt.arrange import further_keys

Result = OutputFile | TextOutput


@dataclass(frozen=True, slots=True)
class Given:
    """Result for a field, with the ids of the runs that made it (several for joined texts) and the
    address of their server."""

    result: Result
    runs: tuple[str, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """Run of a step: its own values and the results that it gets, by field key."""

    values: Mapping[str, object]
    given: Mapping[str, Given]


def runs_of(step: FormStep, results: Mapping[str, Sequence[Given]]) -> tuple[StepRun, ...]:
    """Return the runs of a step, given the results of all its source steps.

    If it runs for each result of several sources, these are paired, first with first. Raises
    ChainErrors if a result is missing, or if the results can't be paired.
    """
    problems: list[str] = []
    axes = [
        axis
        for key, source in step.inputs.items()
        for axis in _picked(step.form, step.form.field(key), source, results, problems)
    ]
    problems += _unpaired(step, axes)
    if problems:
        raise ChainErrors(problems)
    given = [row.values for row in combined(axes, paired=True)] if axes else [{}]
    return tuple(
        StepRun(
            {**step.values, **row},
            {key: result for key, result in taken.items() if isinstance(result, Given)},
        )
        for taken in given
        for row in step.rows
    )


def _unpaired(step: FormStep, axes: Sequence[Axis]) -> Iterator[str]:
    """Yield an error for fields that should be paired but get different numbers of results."""
    several = [axis for axis in axes if len(axis.values) > 1]
    for axis, other in pairwise(several):
        if len(axis.values) != len(other.values):
            labels = listed(step.form.field(one.key).label for one in (axis, other))
            yield labeled(labels, UNPAIRED)


def _picked(
    form: Form,
    field: Field,
    source: Source,
    results: Mapping[str, Sequence[Given]],
    problems: list[str],
) -> Iterator[Axis]:
    """Yield the results that a field gets: one, each or all. With all, files go into the field and
    into added fields."""
    saved = fitting(field, source, results[source.step])
    number = source.pick if isinstance(source.pick, int) else 1
    if number <= len(saved):
        match source.pick:
            case "each":
                yield Axis(field.key, saved)
            case "all" if source.text:
                yield Axis(field.key, [_joined(saved)])
            case "all":
                yield from _spread(form, field, source, saved, problems)
            case _:
                yield Axis(field.key, [saved[number - 1]])
    else:
        problems.append(
            plural(
                "“{field}” needs result {place} from “{step}”, which has only {count}.",
                "“{field}” needs result {place} from “{step}”, which has only {count}.",
                count=len(saved),
                step=source.step,
                field=field.label,
                place=number,
            )
        )


def _spread(
    form: Form, field: Field, source: Source, saved: Sequence[Given], problems: list[str]
) -> Iterator[Axis]:
    """Return all results for a field, all but the first in added fields."""
    keys = (field.key, *further_keys(form.prompt, form.nodes, field.grows or ""))
    if len(saved) > len(keys):
        problems.append(
            message(
                "“{step}” has {count} results, but “{field}” accepts at most {most}.",
                step=source.step,
                count=len(saved),
                field=field.label,
                most=len(keys),
            )
        )
    return (Axis(key, [result]) for key, result in zip(keys, saved, strict=False))


def _joined(texts: Sequence[Given]) -> Given:
    """Return all texts as one, each on its own line."""
    lines = (given.result.text for given in texts if isinstance(given.result, TextOutput))
    runs = tuple(dict.fromkeys(run for given in texts for run in given.runs))
    return replace(texts[0], result=TextOutput(texts[0].result.node, "\n".join(lines)), runs=runs)


def fitting(field: Field, source: Source, results: Sequence[Given]) -> Sequence[Given]:
    """Return a step's results that the field takes from the source: saved ones, if any."""
    by_node = (given for given in results if source.node in ("", given.result.node))
    fit = [given for given in by_node if takes_from(field, source, _kind(given.result))]
    return [given for given in fit if not _is_preview(given.result)] or fit


def _kind(result: Result) -> ResultKind:
    return "text" if isinstance(result, TextOutput) else result.kind


def _is_preview(result: Result) -> bool:
    """Return whether the result is temporary, like a preview."""
    return isinstance(result, OutputFile) and result.type == "temp"
