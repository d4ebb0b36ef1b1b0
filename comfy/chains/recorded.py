"""Values of a chain's finished run, for the chain's form."""

from __future__ import annotations

from dataclasses import dataclass

from comfy.chains.chain_form import ChainForm, chain_form
from comfy.chains.forms import ChainForms
from comfy.chains.keys import ChainValues, StepKey
from comfy.chains.open_chain import ChainStanding
from comfy.chains.plan import ChainPlan
from comfy.form.fill import drawn_texts, literal_texts
from comfy.records.record import Record


@dataclass(frozen=True, slots=True)
class ChainPart:
    """Chain that a run belongs to: its name in the folder, its title, and the title of the run's
    step, or "" if the step has other runs now."""

    chain: str
    title: str
    step: str


@dataclass(frozen=True, slots=True)
class RecordedValues:
    """Values that a chain's run was made with. `values` fill in its `form`, with stored files.
    `own` has the values that this run and its source runs had."""

    form: ChainForm
    values: ChainValues
    own: ChainValues


def recorded_values(
    forms: ChainForms, standing: ChainStanding, last_values: ChainValues, record: Record
) -> RecordedValues:
    """Return the form and values that a chain's run was made with. Values that neither the run nor
    its sources had are the chain's last ones, `last_values`. Raises the errors of
    `ChainForms.plan`."""
    plan = forms.plan(standing.workflow, record.owner, last_values)
    own: dict[StepKey, object] = {}
    for run in reversed(_made_from(forms, record, standing)):
        if step := _step_name(standing, plan, run):
            had = {**run.job.values, **run.job.inputs}
            own |= {StepKey(step, key): value for key, value in had.items()}
    drawn = {StepKey(step.name, key) for step in plan.steps for key in drawn_texts(step.form)}
    typed = literal_texts(drawn, own)
    settable = {**last_values, **plan.settable(typed)}
    form = chain_form(forms.plan(standing.workflow, record.owner, settable, plan))
    keys = (StepKey.parse(item.key) for item in form.form.fields)
    values = {**last_values, **{key: typed[key] for key in keys if key in typed}}
    return RecordedValues(form, values, own)


def _made_from(forms: ChainForms, record: Record, standing: ChainStanding) -> list[Record]:
    """Return a run and its source runs in the chain, nearest first. Runs that the chain reused from
    another chain are included."""
    records = [record]
    for run in records:
        known = {source.id for source in records}
        sources = [source for source in forms.lineage(run).made_from if source.id not in known]
        records += (
            source
            for source in sources
            if source.group == record.group or standing.step_of(source.id)
        )
    return records


def _step_name(standing: ChainStanding, plan: ChainPlan, run: Record) -> str:
    """Return the name of the step that a run belongs to, or "" if that is unclear."""
    if step := standing.step_of(run.id):
        return step.name
    names = {step.name for step in plan.steps if step.step.workflow == run.job.workflow}
    return names.pop() if len(names) == 1 else ""
