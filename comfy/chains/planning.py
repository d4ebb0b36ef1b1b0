"""Plan the steps of a chain: read the forms of their workflows, and check their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from comfy.base.errors import WorkflowError, WorkflowNotFound
from comfy.base.files import is_beside
from comfy.base.messages import message
from comfy.chains.fields import FormStep, form_steps, in_step, lacks_workflow
from comfy.chains.model import Chain, ChainErrors, Step
from comfy.chains.step_form import StepForm, step_form
from comfy.form.model import Form
from comfy.launch.once import conflicts_in, lacking
from comfy.launch.start import FieldErrors, Starter
from comfy.launch.uploads import Upload


@dataclass(frozen=True, slots=True)
class StepProblem:
    """Problem of a step: the key of its field ("" for none), and the error as worded next to the
    field and elsewhere."""

    key: str
    error: str
    labelled: str


@dataclass(frozen=True, slots=True)
class StepPlanner:
    """Planner of an owner's steps. Every method may raise ServerUnreachable and ServerError."""

    starter: Starter
    owner: str

    def step_form(self, step: Step, settings: Mapping[str, object]) -> StepForm:
        """Return the step's form with a user's settings, by key or name.

        Raises the errors of `Forms.form`; a WorkflowError names the step.
        """

        def form_of(values: Mapping[str, object]) -> Form:
            return self.starter.forms.form(step.workflow, self.owner, values)[1]

        try:
            return step_form(form_of, step, settings)
        except WorkflowNotFound as error:
            raise WorkflowError(lacks_workflow(step), error.hint) from error
        except WorkflowError as error:
            raise WorkflowError(in_step(step, str(error)), error.hint) from error

    def steps(
        self,
        chain: Chain,
        forms: Mapping[str, StepForm],
        folder: Path,
        problems: list[str] | None = None,
    ) -> tuple[FormStep, ...]:
        """Return the steps of a chain in their forms, with the author's files from `folder`.

        Raises ChainErrors like `form_steps`, unless `problems` collects the errors.
        """
        keyed = replace(chain, steps=tuple(forms[step.name].step for step in chain.steps))
        by_name = {name: found.form for name, found in forms.items()}
        settings = {name: found.settings for name, found in forms.items()}
        steps = form_steps(keyed, by_name, settings, self.starter.wildcards, problems=problems)
        return tuple(_with_files(step, folder) for step in steps)

    def check(self, steps: Sequence[FormStep]) -> None:
        """Raise ChainErrors with the problems of all steps."""
        if problems := [problem.labelled for step in steps for problem in self.problems(step)]:
            raise ChainErrors(dict.fromkeys(problems), message("Nothing was started."))

    def problems(self, step: FormStep) -> Iterator[StepProblem]:
        """Yield the problems of a step: what the server lacks, values that the form refuses, and
        choices that no server has together. Results of other steps count as valid values."""
        for sentence in lacking(step.form, {**step.values, **step.rows[0]}):
            yield StepProblem("", sentence, in_step(step.step, sentence))
        given = {key: _stand_in(step.form, key) for key in step.inputs}
        rows = [self.own_values(step, {**step.values, **row, **given}) for row in step.rows]
        for values in rows:
            try:
                self._check(step, values)
            except FieldErrors as refused:
                for key, error in refused.errors.items():
                    if key not in step.inputs:
                        yield StepProblem(key, error, in_step(step.step, refused.labelled[key]))
        for _, conflict in conflicts_in(self.starter, step.step.workflow, rows, self.owner):
            for key, error in conflict.errors.items():
                yield StepProblem(key, error, in_step(step.step, conflict.labelled[key]))

    def own_values(self, step: FormStep, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values for which the form of one run has fields."""
        if not step.of_options:
            return dict(values)
        _, form = self.starter.forms.form(step.step.workflow, self.owner, values)
        others = step.of_options - {field.key for field in form.fields}
        return {key: value for key, value in values.items() if key not in others}

    def _check(self, step: FormStep, values: Mapping[str, object]) -> None:
        if step.of_options:  # each run has its own form
            self.starter.check(step.step.workflow, values, self.owner)
        else:
            self.starter.checked(step.form, values, self.owner)


def _stand_in(form: Form, key: str) -> Upload | str:
    """Return a value for checking a field that other steps set."""
    return Upload("result", b"") if form.field(key).is_media else "result"


def _with_files(step: FormStep, folder: Path) -> FormStep:
    """Return the step with the author's own files, which lie beside the chain."""

    def with_files(values: Mapping[str, object]) -> dict[str, object]:
        return {key: _file(step.form, key, value, folder) for key, value in values.items()}

    authors = with_files({key: step.values[key] for key in step.step.values if key in step.values})
    return replace(step, values={**step.values, **authors}, rows=tuple(map(with_files, step.rows)))


def _file(form: Form, key: str, value: object, folder: Path) -> object:
    if not form.field(key).is_media or not isinstance(value, str) or not is_beside(value):
        return value
    file = folder / value
    with suppress(OSError):  # too long for a file name
        return Upload(file.name, file) if file.is_file() else value
    return value
