"""Form of a chain: one form with the fields that its steps show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from comfy.base.messages import message
from comfy.chains.fields import FormStep
from comfy.chains.keys import StepKey
from comfy.chains.model import Pick, Step, Switch
from comfy.chains.plan import ChainPlan
from comfy.form.kinds.registry import KINDS
from comfy.form.missing_items import Missing, MissingChoice
from comfy.form.model import Field, Form


@dataclass(frozen=True, slots=True)
class Feed:
    """Field that gets results of another step: that step's title, and the results as in
    `Source`."""

    field: Field
    title: str
    pick: Pick


@dataclass(frozen=True, slots=True)
class StepSection:
    """Step's part of a chain's form.

    `option` is the checkbox of an optional step. A step that is turned off has no `fields`. `feeds`
    are the fields that other steps set; the step runs `runs` times with each of their results.
    """

    step: Step
    title: str
    fields: tuple[Field, ...] = ()
    option: Field | None = None
    feeds: tuple[Feed, ...] = ()
    runs: int = 1


@dataclass(frozen=True, slots=True)
class ChainForm:
    """Form of a planned chain. `form` has the fields of all `switches` and `sections`, whose keys
    are the text of a `StepKey`."""

    plan: ChainPlan
    switches: tuple[Field, ...]
    sections: tuple[StepSection, ...]
    form: Form


def chain_form(plan: ChainPlan) -> ChainForm:
    """Return the form of a planned chain."""
    switches = tuple(map(_switch, plan.chain.switches))
    running = {step.name: step for step in plan.steps}
    titles = {step.name: step.title for step in plan.chain.steps}
    titles |= {step.name: step.title for step in plan.steps}
    sections = tuple(
        _section(step, running.get(step.name), titles)
        for step in plan.chain.steps
        if step.name in running or step.name in plan.left_out
    )
    return ChainForm(plan, switches, sections, _form(plan, switches, sections))


def _section(step: Step, planned: FormStep | None, titles: Mapping[str, str]) -> StepSection:
    option = _option(step, titles[step.name]) if step.optional else None
    if planned is None:
        return StepSection(step, titles[step.name] or step.name, option=option)
    feeds = tuple(
        Feed(planned.form.field(key), titles[source.step], source.pick)
        for key, source in planned.inputs.items()
    )
    fields = tuple(_field(planned.step, item) for item in planned.shown)
    return StepSection(step, planned.title, fields, option, feeds, len(planned.rows))


def _field(step: Step, item: Field) -> Field:
    """Return a step's field with its key and default in the chain. The author's own file isn't
    shown, and is used unless the user adds another."""
    is_file = item.is_media and item.key in step.values
    return replace(
        item,
        key=str(StepKey(step.name, item.key)),
        grows=str(StepKey(step.name, item.grows)) if item.grows else None,
        group="main",
        section=None,
        default=None if is_file else step.values.get(item.key, item.default),
        default_offered=item.default_offered and not is_file,
        optional=item.optional or is_file,
    )


def _form(plan: ChainPlan, switches: tuple[Field, ...], sections: tuple[StepSection, ...]) -> Form:
    fields = [*switches]
    for section in sections:
        fields += [section.option] if section.option else []
        fields += section.fields
    problems = (plan.problem, *(text for step in plan.steps for text in step.form.problems))
    return Form(
        title=plan.chain.title,
        description=plan.chain.description,
        fields=tuple(fields),
        outputs=plan.steps[-1].form.outputs,
        problems=tuple(dict.fromkeys(filter(None, problems))),
        missing=tuple(dict.fromkeys(item for step in plan.steps for item in _missing(step))),
        notes=tuple(
            replace(note, key=str(StepKey(step.name, note.key)))
            for step in plan.steps
            for note in step.form.notes
        ),
    )


def _missing(step: FormStep) -> Iterator[Missing]:
    """Yield what the server lacks for a step, without choices that the chain replaces. Only a
    choice that the user can replace gets a suggestion."""
    shown = {item.key for item in step.shown}
    fixed = step.values.keys() | step.inputs.keys() | step.rows[0].keys()
    for item in step.form.missing:
        if not isinstance(item, MissingChoice):
            yield item
        elif item.key not in fixed:
            key = str(StepKey(step.name, item.key))
            yield replace(item, key=key, close=item.close if item.key in shown else None)


def _option(step: Step, title: str) -> Field:
    label = message("Run “{step}”", step=title or step.name)
    return _choice(StepKey.option(step.name), label, "checkbox", default=True)


def _switch(switch: Switch) -> Field:
    words = switch.name.replace("_", " ").replace("-", " ")
    label, key = words[:1].upper() + words[1:], StepKey.switch(switch.name)
    if switch.is_flag:
        return _choice(key, label, "checkbox", default=switch.choices[0] == "true")
    dropdown = _choice(key, label, "dropdown", default=switch.choices[0])
    return replace(dropdown, choices=tuple((choice, choice) for choice in switch.choices))


def _choice(key: StepKey, label: str, widget: str, *, default: object) -> Field:
    """Return a field of the chain itself, which decides the other fields."""
    kind = "BOOLEAN" if widget == "checkbox" else "COMBO"
    return Field(
        str(key), key.step, key.field, label, kind, KINDS[widget], "main", default, redraws=True
    )
