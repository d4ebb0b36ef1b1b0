"""Plans and forms of the chains in a folder, and chains made from runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from comfy.base.errors import WorkflowError
from comfy.base.messages import message
from comfy.chains.chain_form import ChainForm, chain_form
from comfy.chains.chosen import cannot_run, chosen
from comfy.chains.fields import FormStep
from comfy.chains.folder import ChainFolder
from comfy.chains.keys import (
    ChainValues,
    StepKey,
    left_out,
    parse_values,
    step_values,
    switch_values,
    wrong_choices,
)
from comfy.chains.model import Chain, ChainErrors, Step
from comfy.chains.plan import ChainPlan
from comfy.chains.planning import StepPlanner
from comfy.chains.step_form import StepForm
from comfy.chains.write import RecordedChain, RecordedStep, chain_of_runs, chain_text
from comfy.form.check import labelled_errors
from comfy.form.seeds import CountUp, next_seed
from comfy.launch.start import FieldErrors, Starter
from comfy.library.private import MARK
from comfy.records.lineage import Lineage
from comfy.records.record import KeptInput, Record
from comfy.runs.interface import Origin

_SHARE_FIRST = message("Add it to the shared workflows first.")
_MOST_RUNS = 20  # runs that become a chain: the closest to the result


@dataclass(frozen=True, slots=True)
class AddedChain:
    """Chain that was added to the folder as `name`. `files` are the user's own files, by the keys
    of the chain's fields."""

    name: str
    files: Mapping[str, KeptInput]


@dataclass(frozen=True, slots=True)
class ChainForms:
    """Plans and forms of the chains in a folder, with the owner that all users without a cookie
    share."""

    folder: ChainFolder
    starter: Starter
    nobody: str = ""

    def form(self, name: str, owner: str, values: Mapping[str, object] | None = None) -> ChainForm:
        """Return the form of the chain `name` with values by the text of their keys. Raises the
        errors of `plan`."""
        return chain_form(self.plan(name, owner, parse_values(values or {})))

    def plan(
        self, name: str, owner: str, values: ChainValues, before: ChainPlan | None = None
    ) -> ChainPlan:
        """Plan the chain `name` with these values; values without a field are ignored.

        `before` is a plan of the same press with other values: a step whose fields stay the same
        keeps its form. Raises WorkflowError, ChainErrors, ServerUnreachable, ServerError.
        """
        chain = self.folder.get(name)
        forms = dict(before.forms) if before else {}
        wrong = wrong_choices(chain, values)
        good = {key: value for key, value in values.items() if key not in wrong}
        switches, without = switch_values(chain, good), left_out(chain, good)

        def planned(runs: Chain) -> tuple[FormStep, ...]:
            for step in runs.steps:
                settings = step_values(values, step.name)
                forms[step.name] = self._step_form(step, owner, settings, forms.get(step.name))
            folder = self.folder.folder_of(name)
            return StepPlanner(self.starter, owner).steps(runs, forms, folder)

        problem = ""
        try:
            steps = planned(chosen(chain, switches, without))
        except (ChainErrors, WorkflowError) as error:
            if not switches and not without:
                raise
            # The user needs a form to choose something else.
            problem = str(error)
            try:
                steps = planned(chosen(chain, switches))
            except (ChainErrors, WorkflowError):
                steps = planned(chosen(chain, {}))
                problem = cannot_run(chain, switches, problem)
        return ChainPlan(name, owner, chain, values, steps, without, forms, problem, wrong)

    def with_seeds(self, plan: ChainPlan) -> ChainPlan:
        """Return the plan with a number for each seed of its form."""
        drawn = dict(plan.values)
        for item in chain_form(plan).form.fields:
            key = StepKey.parse(item.key)
            seed = plan.values.get(key)
            if item.is_seed and (seed is None or isinstance(seed, CountUp)):
                drawn[key] = next_seed(item, seed, self.starter.rng)
        return self.plan(plan.name, plan.owner, drawn, plan)

    def check(
        self, plan: ChainPlan, sent: Collection[StepKey] = (), payer: Origin | None = None
    ) -> None:
        """Raise FieldErrors with all errors of a plan: in its values, in what the server lacks, and
        in the `sent` keys without a field. Raises ChainErrors if the chain can't run with its
        choices, and like `Payment.check` if the `payer` can't pay it."""
        plan.check_choices()
        form = chain_form(plan).form
        errors = {str(key): error for key, error in {**plan.unknown(sent), **plan.wrong}.items()}
        labelled = labelled_errors(form, errors)
        for step in plan.steps:
            for problem in StepPlanner(self.starter, plan.owner).problems(step):
                key = str(StepKey(step.name, problem.key or str(len(errors))))
                errors[key], labelled[key] = problem.error, problem.labelled
        if errors:
            raise FieldErrors(form, errors, labelled)
        if payer is not None:
            paid_work = self.starter.paid_work
            works = [
                paid_work(step.step.workflow, step.form.prompt, step.form.titles, len(step.rows))
                for step in plan.steps
            ]
            self.starter.payment.check(works, payer)

    def add(self, record: Record, title: str, workflows: Collection[str]) -> AddedChain:
        """Make a chain from a run and its source runs, and add it to the folder.

        `workflows` are the names of the workflows in the folder. Raises WorkflowError, ChainErrors,
        ServerUnreachable, ServerError.
        """
        plain = " ".join(title.split())
        if not plain:
            raise ChainErrors([message("A chain needs a title.")])
        recorded_chain = self._made_of(record, plain, workflows)
        name = self.folder.add(plain, chain_text(recorded_chain.chain))
        files = {str(StepKey(step.name, key)): kept for step, key, kept in recorded_chain.files}
        return AddedChain(name, files)

    def check_add(self, record: Record, workflows: Collection[str]) -> None:
        """Raise the error that `add` would raise with a valid title."""
        self._made_of(record, "", workflows)

    def lineage(self, record: Record) -> Lineage:
        """Return the runs that a finished run was made from, and the runs made from it. Runs of
        users without a cookie have no lineage, because these users share one owner."""
        history = self.starter.runs.history
        if history is None or record.owner == self.nobody:
            return Lineage()
        return history.lineage(record)

    def _made_of(self, record: Record, title: str, workflows: Collection[str]) -> RecordedChain:
        self.starter.forms.permissions.check_keep(record.owner)
        recorded_chain = chain_of_runs(title, self._recorded(record, workflows))
        planner = StepPlanner(self.starter, record.owner)
        forms = {step.name: planner.step_form(step, {}) for step in recorded_chain.chain.steps}
        planner.steps(
            recorded_chain.chain, forms, self.folder.path
        )  # raises if the chain can't be opened
        return recorded_chain

    def _recorded(self, record: Record, workflows: Collection[str]) -> tuple[RecordedStep, ...]:
        """Return a run and its direct and indirect source runs, nearest first."""
        recorded: dict[str, RecordedStep] = {}
        left = deque([record])
        while left and len(recorded) < _MOST_RUNS:
            run = left.popleft()
            if run.id in recorded:
                continue
            job = run.job
            if job.workflow not in workflows:
                raise WorkflowError(
                    message(
                        "Chains can only use shared workflows. “{title}” isn't shared.",
                        title=job.title,
                    ),
                    _SHARE_FIRST if job.workflow.startswith(MARK) else "",
                )
            values = {**job.values, **job.inputs}
            workflow, form = self.starter.forms.form(job.workflow, run.owner, values)
            made_from = self.lineage(run).made_from
            sources = tuple(source.id for source in made_from)
            _, plain = self.starter.forms.form(job.workflow, run.owner)
            recorded[run.id] = RecordedStep(run, form, workflow.names, sources, plain)
            left += made_from
        return tuple(recorded.values())

    def _step_form(
        self, step: Step, owner: str, settings: Mapping[str, object], before: StepForm | None
    ) -> StepForm:
        """Return a step's form with the settings for which it has fields."""
        step_form = before and before.with_settings(step, settings)
        step_form = step_form or StepPlanner(self.starter, owner).step_form(step, settings)
        items = {item.key: item for item in step_form.form.fields}

        def counts(key: str) -> bool:
            # An empty field doesn't remove the author's own file.
            is_authors = key in items and items[key].is_media and key in step_form.step.values
            return key in items and not (is_authors and settings[key] is None)

        return replace(step_form, settings={key: settings[key] for key in settings if counts(key)})
