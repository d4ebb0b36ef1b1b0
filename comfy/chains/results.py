"""What a step is given of the results of earlier ones. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from comfy.batches.rows import Axis, combined
from comfy.chains.fields import FormStep, takes_from
from comfy.chains.model import ChainErrors, Source
from comfy.form.model import Field
from comfy.form.takers import ResultKind
from comfy.messages import plural
from comfy.protocol.outputs import OutputFile, TextOutput

Result = OutputFile | TextOutput


@dataclass(frozen=True, slots=True)
class Given:
    """A result for a field, the run that made it, and the address of that run's server."""

    result: Result
    run: str
    server: str = ""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One run of a step: its values by field key, of which those in `given` come of others."""

    values: Mapping[str, object]
    given: Mapping[str, Given]


def runs_of(step: FormStep, made: Mapping[str, Sequence[Given]]) -> tuple[StepRun, ...]:
    """The runs of a step, going by all that the steps have made which it is given something by.

    Where it runs for each of several results, those of several sources go in pairs, the first
    with the first. ChainErrors where a result is missing; UnequalLengths where there are no pairs.
    """
    problems: list[str] = []
    axes = [
        Axis(key, _picked(step.form.field(key), source, made, problems))
        for key, source in step.inputs.items()
    ]
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


def _picked(
    field: Field, source: Source, made: Mapping[str, Sequence[Given]], problems: list[str]
) -> tuple[Given, ...]:
    """The results that the field takes of the source: one, or each."""
    saved = fitting(field, source, made[source.step])
    if source.pick == "each" and saved:
        return tuple(saved)
    place = 1 if source.pick == "each" else source.pick
    if place > len(saved):
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
        return ()
    return (saved[place - 1],)


def fitting(field: Field, source: Source, made: Sequence[Given]) -> Sequence[Given]:
    """Those of a step's results that the field takes of the source: what was saved, if any was."""
    fit = [one for one in made if takes_from(field, source, _kind(one.result))]
    return [one for one in fit if not _is_aside(one.result)] or fit


def _kind(result: Result) -> ResultKind:
    return "text" if isinstance(result, TextOutput) else result.kind


def _is_aside(result: Result) -> bool:
    """It only shows how things went: of a workflow that saves something, that counts."""
    return isinstance(result, OutputFile) and result.type == "temp"
