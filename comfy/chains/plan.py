"""Plan of one press of Generate on a chain: the steps that run, with their forms and values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from comfy.base.messages import message
from comfy.chains.fields import FormStep
from comfy.chains.keys import ChainValues, StepKey
from comfy.chains.model import Chain, ChainErrors
from comfy.chains.step_form import StepForm
from comfy.form.check import unknown_fields


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """A chain with the values of one press of Generate.

    `chain` has all steps, `steps` the running ones in the file's order, and `left_out` the names of
    the optional steps that the user turned off. `forms` has the step forms, for another plan that
    differs only in values. `problem` is why the chain can't run with these choices, or "". If there
    is one, `steps` run with other choices, so that the user has a form to change them. `wrong` has
    the errors of unusable switches and options.
    """

    name: str
    owner: str
    chain: Chain
    values: ChainValues
    steps: tuple[FormStep, ...]
    left_out: tuple[str, ...] = ()
    forms: Mapping[str, StepForm] = field(default_factory=dict)
    problem: str = ""
    wrong: Mapping[StepKey, str] = field(default_factory=dict)

    @property
    def seeds(self) -> Iterator[tuple[str, StepKey]]:
        """Yield the step title and the key of each seed that makes results differ: seeds that users
        set, and seeds that the chain repeats a step with."""
        for step in self.steps:
            for item in (*step.shown, *map(step.form.field, step.rows[0])):
                if item.is_seed:
                    yield step.title, StepKey(step.name, item.key)

    def check_choices(self) -> None:
        """Raise ChainErrors if the chain can't run with these choices."""
        if self.problem:
            raise ChainErrors([self.problem], message("Nothing was started."))

    def unknown(self, keys: Collection[StepKey]) -> dict[StepKey, str]:
        """Return an error for each of these keys that has no field."""
        running = {step.name for step in self.steps}
        known = [StepKey.switch(switch.name) for switch in self.chain.switches]
        for step in self.chain.steps:
            if step.optional and (step.name in running or step.name in self.left_out):
                known.append(StepKey.option(step.name))
        known += (StepKey(step.name, one.key) for step in self.steps for one in step.form.fields)
        errors = unknown_fields(map(str, keys), [*map(str, known)])
        return {StepKey.parse(key): error for key, error in errors.items()}

    def settable(self, values: ChainValues) -> dict[StepKey, object]:
        """Return the values without those that the chain sets itself."""
        given = {
            StepKey(step.name, key) for step in self.steps for key in (*step.inputs, *step.rows[0])
        }
        return {key: value for key, value in values.items() if key not in given}

    def with_files(self, files: ChainValues) -> ChainPlan:
        """Return the plan with its files replaced by these."""

        def step_with_files(step: FormStep) -> FormStep:
            mine = {key.field: file for key, file in files.items() if key.step == step.name}
            given = {key: file for key, file in mine.items() if key in step.values}
            return replace(step, values={**step.values, **given}) if given else step

        steps = tuple(map(step_with_files, self.steps))
        return replace(self, values={**self.values, **files}, steps=steps)


@dataclass(frozen=True, slots=True)
class StartedChain:
    """Started or resumed chain, with its form's values by the text of their keys; seeds are
    numbers."""

    id: str
    values: Mapping[str, object]
