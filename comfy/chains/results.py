"""What a step is given of the results of earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from comfy.base.messages import message, plural
from comfy.batches.rows import Axis, combined
from comfy.chains.fields import FormStep, takes_from
from comfy.chains.model import ChainErrors, Source
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.result_types import ResultKind
from comfy.form.model import Field, Form
from comfy.prompt.autogrow import further_keys

Result = OutputFile | TextOutput


@dataclass(frozen=True, slots=True)
class Given:
    """A result for a field, the runs that made it (several for texts that were joined), and the
    address of their server."""

    result: Result
    runs: tuple[str, ...]
    server: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One run of a step: its values by field key, of which those in `given` come of others."""

    values: Mapping[str, object]
    given: Mapping[str, Given]


def runs_of(step: FormStep, made: Mapping[str, Sequence[Given]]) -> tuple[StepRun, ...]:
    """The runs of a step, going by all that the steps have made which it is given something by.

    Where it runs for each of several results, those of several sources go in pairs, the first
    with the first. ChainErrors where a result is missing, or where there are no pairs.
    """
    problems: list[str] = []
    axes = [
        axis
        for key, source in step.inputs.items()
        for axis in _picked(step.form, step.form.field(key), source, made, problems)
    ]
    problems += _unpaired(step, axes)
    if problems:
        raise ChainErrors(problems)
    given = [row.values for row in combined(axes, paired=True)] if axes else [{}]
    return tuple(
        StepRun(
            {**step.values, **row},
            {key: one for key, one in taken.items() if isinstance(one, Given)},
        )
        for taken in given
        for row in step.rows
    )


def _unpaired(step: FormStep, axes: Sequence[Axis]) -> Iterator[str]:
    """What is wrong with results of which one field is given more than another."""
    several = [axis for axis in axes if len(axis.values) > 1]
    for one, other in pairwise(several):
        if len(one.values) != len(other.values):
            yield message(
                "“{field}” takes each of {count} results of “{step}”, and “{other_field}” each of"
                " {other_count} of “{other_step}”. They are paired, so both need the same number.",
                field=step.form.field(one.key).label,
                count=len(one.values),
                step=step.inputs[one.key].step,
                other_field=step.form.field(other.key).label,
                other_count=len(other.values),
                other_step=step.inputs[other.key].step,
            )


def _picked(
    form: Form,
    field: Field,
    source: Source,
    made: Mapping[str, Sequence[Given]],
    problems: list[str],
) -> Iterator[Axis]:
    """The results that the field takes of the source: one, each, or all, for which it may have to
    grow."""
    saved = fitting(field, source, made[source.step])
    place = source.pick if isinstance(source.pick, int) else 1
    if place <= len(saved):
        match source.pick:
            case "each":
                yield Axis(field.key, saved)
            case "all" if source.text:
                yield Axis(field.key, [_joined(saved)])
            case "all":
                yield from _spread(form, field, source, saved, problems)
            case _:
                yield Axis(field.key, [saved[place - 1]])
    else:
        problems.append(
            plural(
                "“{step}” has made {count} result that “{field}” takes; it needs number {place}.",
                "“{step}” has made {count} results that “{field}” takes; it needs number {place}.",
                count=len(saved),
                step=source.step,
                field=field.label,
                place=place,
            )
        )


def _spread(
    form: Form, field: Field, source: Source, saved: Sequence[Given], problems: list[str]
) -> Iterator[Axis]:
    """All results for a field, each but the first in a field that is added for it."""
    keys = (field.key, *further_keys(form.prompt, form.nodes, field.grows or ""))
    if len(saved) > len(keys):
        problems.append(
            message(
                "“{step}” has made {count} results, and “{field}” takes {most} at most.",
                step=source.step,
                count=len(saved),
                field=field.label,
                most=len(keys),
            )
        )
    return (Axis(key, [one]) for key, one in zip(keys, saved, strict=False))


def _joined(texts: Sequence[Given]) -> Given:
    """All texts as one, each on a line of its own."""
    found = (one.result.text for one in texts if isinstance(one.result, TextOutput))
    runs = tuple(dict.fromkeys(run for one in texts for run in one.runs))
    return replace(texts[0], result=TextOutput(texts[0].result.node, "\n".join(found)), runs=runs)


def fitting(field: Field, source: Source, made: Sequence[Given]) -> Sequence[Given]:
    """Those of a step's results that the field takes of the source: what was saved, if any was."""
    by_node = (one for one in made if source.node in ("", one.result.node))
    fit = [one for one in by_node if takes_from(field, source, _kind(one.result))]
    return [one for one in fit if not _is_aside(one.result)] or fit


def _kind(result: Result) -> ResultKind:
    return "text" if isinstance(result, TextOutput) else result.kind


def _is_aside(result: Result) -> bool:
    """It only shows how things went: of a workflow that saves something, that counts."""
    return isinstance(result, OutputFile) and result.type == "temp"
