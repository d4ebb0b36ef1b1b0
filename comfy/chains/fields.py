"""The steps of a chain in the forms of their workflows: which fields get what. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from comfy.base.messages import listed, message, plural
from comfy.base.wording import short
from comfy.batches.find_field import UnknownField, find_field
from comfy.batches.rows import Axis, combined
from comfy.batches.values import MOST_ROWS, TooManyRows, values_of
from comfy.chains.model import Chain, ChainErrors, Source, Step
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.model import Field, Form
from comfy.form.takers import takes
from comfy.prompt.outputs import Output
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class FormStep:
    """A step in the form of its workflow, by field keys.

    `values` are fixed by the chain's author or set by a user, `inputs` come from other steps. The
    step runs once per row of `rows`, each of which has more values.
    """

    step: Step
    form: Form
    values: Mapping[str, object]
    inputs: Mapping[str, Source]
    rows: tuple[Mapping[str, object], ...] = field(default=({},))

    @property
    def name(self) -> str:
        """The step's name in the chain."""
        return self.step.name

    @property
    def of_options(self) -> frozenset[str]:
        """Keys that a run may lack: the step repeats a choice, and each choice has its own fields.
        Empty unless the step repeats a choice."""
        chooses = any(self.form.field(key).redraws for key in self.rows[0])
        return frozenset(one.key for one in self.form.fields) if chooses else frozenset()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.step.title or self.form.title

    @property
    def shown(self) -> tuple[Field, ...]:
        """The fields that people are meant to set: its author's choice, or else the main ones."""
        if self.step.show:
            return tuple(find_field(self.form, name) for name in self.step.show)
        given = (*self.step.values, *self.step.repeat)
        taken = {find_field(self.form, one).key for one in given} | self.inputs.keys()
        return tuple(
            one for one in self.form.fields if one.group == "main" and one.key not in taken
        )


def form_steps(
    chain: Chain,
    forms: Mapping[str, Form],
    settings: Mapping[str, Mapping[str, object]],
    lines_of: LinesOf | None = None,
    *,
    problems: list[str] | None = None,
) -> tuple[FormStep, ...]:
    """The steps of a chain that runs as it is (see `chosen`) in their `forms`, by their names, with
    what people set in them; `lines_of`: as of `values_of`. A seed that nobody sets is the
    workflow's, so that it is always the same run. ChainErrors has all that does not go together, or
    `problems` gets it where they are given: the steps do not run then. Values are not checked.
    """
    wrong: list[str] = []
    steps = []
    for step in chain.steps:
        found: list[str] = []
        steps.append(_form_step(step, forms, settings.get(step.name, {}), lines_of, found))
        wrong += [in_step(step, said) for said in found]
    if problems is not None:
        problems += wrong
    elif wrong:
        raise ChainErrors(wrong)
    return tuple(steps)


def in_step(step: Step, problem: str) -> str:
    """A problem with the step that it is in."""
    return message("Step “{step}”, {problem}", step=step.name, problem=problem)


def lacks_workflow(step: Step) -> str:
    """What is said where the workflow of a step is not in the folder."""
    return message(
        "Step “{step}” needs the workflow “{workflow}”, which isn't here.",
        step=step.name,
        workflow=short(step.workflow),
    )


def _form_step(
    step: Step,
    forms: Mapping[str, Form],
    settings: Mapping[str, object],
    lines_of: LinesOf | None,
    problems: list[str],
) -> FormStep:
    form = forms[step.name]
    fixed, given = _by_key(form, step.values, problems), _by_key(form, settings, problems)
    named = {key: sources[0] for key, sources in _by_key(form, step.inputs, problems).items()}
    inputs = _by_node(form, named, forms, problems)
    repeated = _by_key(form, step.repeat, problems)
    shown = [key for name in step.show for key in _by_key(form, {name: None}, problems)]
    settable = dict.fromkeys((*given, *shown))
    for key in dict.fromkeys((*settable, *fixed, *repeated)):
        several = (key in inputs) + (key in repeated) + (key in fixed)
        if several > 1 or (key in settable and (key in inputs or key in repeated)):
            problems.append(
                message("{field}: It is given by the chain already.", field=form.field(key).label)
            )
    seeds = {
        one.key: one.default
        for one in form.fields
        if one.widget == "seed" and one.group != "hidden"  # nobody can set those
    }
    rows = _rows(form, repeated, lines_of, problems)
    return FormStep(step, form, {**seeds, **fixed, **given}, inputs, rows)


def _by_key(form: Form, named: Mapping[str, _Value], problems: list[str]) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for name, value in named.items():
        try:
            key = find_field(form, name).key
        except UnknownField as error:
            problems += error.problems
            continue
        if key in found:
            label = form.field(key).label
            problems.append(message("{field}: It is given twice.", field=label))
        found[key] = value
    return found


def _by_node(
    form: Form, inputs: Mapping[str, Source], forms: Mapping[str, Form], problems: list[str]
) -> dict[str, Source]:
    """What fields are given, with the ids of nodes; `problems` gets what they do not take."""
    found = {}
    for key, source in inputs.items():
        item, maker = form.field(key), forms[source.step]
        outputs = _outputs(maker, source.node)
        made = {kind for one in outputs for kind in (one.kind, *RESULT_TYPES[one.kind].also)}
        if source.node and len(outputs) != 1:
            problems.append(
                message(
                    "{field}: “{node}” must be one output of “{step}”: {outputs}.",
                    field=item.label,
                    node=short(source.node),
                    step=source.step,
                    outputs=listed(f"{one.node} ({_title(maker, one)})" for one in maker.outputs),
                )
            )
        elif not any(takes_from(item, source, kind) for kind in made):
            problems.append(
                message(
                    "{field}: It takes no result of “{step}”.", field=item.label, step=source.step
                )
            )
        elif source.pick == "all" and not source.text and not item.grows:
            problems.append(
                message(
                    "{field}: It takes one file, so it can't be given all of “{step}”.",
                    field=item.label,
                    step=source.step,
                )
            )
        found[key] = replace(source, node=outputs[0].node) if source.node and outputs else source
    return found


def _outputs(form: Form, node: str) -> Sequence[Output]:
    """The outputs that go by this id, or else by this title in any case; all with ""."""
    if not node:
        return form.outputs
    by_id = [one for one in form.outputs if one.node == node]
    titled = (one for one in form.outputs if _title(form, one).casefold() == node.casefold())
    return by_id or [*titled]


def _title(form: Form, output: Output) -> str:
    return str(form.titles.get(output.node, output.node))


def takes_from(item: Field, source: Source, kind: ResultKind) -> bool:
    """Whether a field takes results of a kind from this source."""
    if source.text:
        return kind == "text" and item.is_text
    return takes(item, kind)


def _rows(
    form: Form,
    repeated: Mapping[str, str | tuple[object, ...]],
    lines_of: LinesOf | None,
    problems: list[str],
) -> tuple[Mapping[str, object], ...]:
    axes = []
    for key, said in repeated.items():
        item = form.field(key)
        try:
            values: Sequence[object] = (
                said if isinstance(said, tuple) else values_of(form, item, said, lines_of)
            )
        except TooManyRows:
            problems.append(_too_often())
            return ({},)
        except BadValue as error:
            problems.append(message("{field}: {problem}", field=item.label, problem=str(error)))
            continue
        axes.append(Axis(item.key, values))
    try:
        return tuple(row.values for row in combined(axes)) if axes else ({},)
    except TooManyRows:
        problems.append(_too_often())
        return ({},)


def _too_often() -> str:
    return plural(
        "It runs {count} time at most. Give fewer values in “repeat”.",
        "It runs {count} times at most. Give fewer values in “repeat”.",
        count=MOST_ROWS,
    )
