"""Steps of a chain in the forms of their workflows, by field keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from comfy.base.messages import listed
from comfy.base.wording import short
from comfy.batches.find_field import UnknownField, find_field
from comfy.batches.rows import Axis, combined
from comfy.batches.values import MOST_ROWS, TooManyRows, values_of
from comfy.chains.model import Chain, ChainErrors, Source, Step
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.model import Field, Form, takes
from comfy.prompt.trace import Output
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class FormStep:
    """Step in the form of its workflow, by field keys.

    `values` are fixed by the chain's author or set by a user, `inputs` come from other steps. The
    step runs once per row of `rows`, which has more values.
    """

    step: Step
    form: Form
    values: Mapping[str, object]
    inputs: Mapping[str, Source]
    rows: tuple[Mapping[str, object], ...] = field(default=({},))

    @property
    def name(self) -> str:
        """Return the step's name in the chain."""
        return self.step.name

    @property
    def of_options(self) -> frozenset[str]:
        """Return the keys that a run may lack, because the step repeats a choice and each choice
        has its own fields. Empty unless the step repeats a choice."""
        chooses = any(self.form.field(key).redraws for key in self.rows[0])
        return frozenset(one.key for one in self.form.fields) if chooses else frozenset()

    @property
    def title(self) -> str:
        """Return the step's title for users."""
        return self.step.title or self.form.title

    @property
    def shown(self) -> tuple[Field, ...]:
        """Return the fields for users: those that the chain names, else the main ones."""
        if self.step.show:
            return tuple(find_field(self.form, name) for name in self.step.show)
        given = (*self.step.values, *self.step.repeat)
        taken = {find_field(self.form, name).key for name in given} | self.inputs.keys()
        return tuple(
            item for item in self.form.fields if item.group == "main" and item.key not in taken
        )


def form_steps(
    chain: Chain,
    forms: Mapping[str, Form],
    settings: Mapping[str, Mapping[str, object]],
    lines_of: LinesOf | None = None,
    *,
    problems: list[str] | None = None,
) -> tuple[FormStep, ...]:
    """Return the steps of a chain without choices (see `chosen`) in their `forms`, with the users'
    `settings`; both are by step name. `lines_of` is as in `values_of`.

    A seed that the user didn't set is the workflow's, so that the run can be reused. Raises
    ChainErrors with all contradictions, unless `problems` collects them. Values aren't checked.
    """
    wrong: list[str] = []
    steps = []
    for step in chain.steps:
        own: list[str] = []
        steps.append(_form_step(step, forms, settings.get(step.name, {}), lines_of, own))
        wrong += [in_step(step, problem) for problem in own]
    if problems is not None:
        problems += wrong
    elif wrong:
        raise ChainErrors(wrong)
    return tuple(steps)


def in_step(step: Step, problem: str) -> str:
    """Return a problem with the name of its step."""
    return f"Step “{step.name}”, {problem}"


def lacks_workflow(step: Step) -> str:
    """Return the error for a step whose workflow isn't in the folder."""
    return f"Step “{step.name}” needs the workflow “{short(step.workflow)}”, which isn't here."


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
            problems.append(f"{form.field(key).label}: The chain already sets it.")
    seeds = {
        item.key: item.default for item in form.fields if item.is_seed and item.group != "hidden"
    }
    rows = _rows(form, repeated, lines_of, problems)
    return FormStep(step, form, {**seeds, **fixed, **given}, inputs, rows)


def _by_key(form: Form, named: Mapping[str, _Value], problems: list[str]) -> dict[str, _Value]:
    by_key: dict[str, _Value] = {}
    for name, value in named.items():
        try:
            key = find_field(form, name).key
        except UnknownField as error:
            problems += error.problems
            continue
        if key in by_key:
            label = form.field(key).label
            problems.append(f"{label}: It is given twice.")
        by_key[key] = value
    return by_key


def _by_node(
    form: Form, inputs: Mapping[str, Source], forms: Mapping[str, Form], problems: list[str]
) -> dict[str, Source]:
    """Return the inputs with ids of nodes instead of titles. `problems` collects inputs that their
    fields don't take."""
    sources = {}
    for key, source in inputs.items():
        item, maker = form.field(key), forms[source.step]
        outputs = _outputs(maker, source.node)
        kinds = {kind for one in outputs for kind in (one.kind, *RESULT_TYPES[one.kind].also)}
        if source.node and len(outputs) != 1:
            named = listed(f"{out.node} ({out.label})" for out in maker.outputs)
            problems.append(
                f"{item.label}: “{short(source.node)}” must name one output of “{source.step}”: "
                f"{named}."
            )
        elif not any(takes_from(item, source, kind) for kind in kinds):
            problems.append(f"{item.label}: It doesn't take results of “{source.step}”.")
        elif source.pick == "all" and not source.text and not item.grows:
            problems.append(
                f"{item.label}: It takes one file, so it can't take all results of “{source.step}”."
            )
        sources[key] = replace(source, node=outputs[0].node) if source.node and outputs else source
    return sources


def _outputs(form: Form, node: str) -> Sequence[Output]:
    """Return the outputs with this id, else with this title or name in any case; all for ""."""
    if not node:
        return form.outputs
    by_id = [output for output in form.outputs if output.node == node]
    wanted = node.casefold()
    titled = [out for out in form.outputs if _title(form, out).casefold() == wanted]
    named = (out for out in form.outputs if out.label.casefold() == wanted)
    return by_id or titled or [*named]


def _title(form: Form, output: Output) -> str:
    return str(form.titles.get(output.node, output.node))


def takes_from(item: Field, source: Source, kind: ResultKind) -> bool:
    """Return whether a field takes results of a kind from this source."""
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
    for key, given in repeated.items():
        item = form.field(key)
        try:
            values: Sequence[object] = (
                given if isinstance(given, tuple) else values_of(form, item, given, lines_of)
            )
        except TooManyRows:
            problems.append(f"It can run at most {MOST_ROWS} times. Give fewer values in “repeat”.")
            return ({},)
        except BadValue as error:
            problems.append(f"{item.label}: {error}")
            continue
        axes.append(Axis(item.key, values))
    try:
        return tuple(row.values for row in combined(axes)) if axes else ({},)
    except TooManyRows:
        problems.append(f"It can run at most {MOST_ROWS} times. Give fewer values in “repeat”.")
        return ({},)
