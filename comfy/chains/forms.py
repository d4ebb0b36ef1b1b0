"""Plans and forms of the chains in a folder, and chains made from runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from comfy.base.errors import WorkflowError
from comfy.base.messages import as_message, message
from comfy.chains.folder import ChainFolder, RecordedChain, RecordedStep, chain_of_runs, chain_text
from comfy.chains.model import (
    Chain,
    ChainErrors,
    ChainValues,
    Pick,
    Step,
    StepKey,
    Switch,
    cannot_run,
    chosen,
    left_out,
    parse_values,
    step_values,
    switch_values,
    wrong_choices,
)
from comfy.chains.steps import PlannedStep, StepForm, StepPlanner
from comfy.form.check import labelled_errors, unknown_fields
from comfy.form.kinds.registry import KINDS
from comfy.form.missing_items import Missing, MissingChoice
from comfy.form.model import Field, Form
from comfy.form.seeds import CountUp, next_seed
from comfy.launch.start import FieldErrors, Starter
from comfy.library.folder import names_like
from comfy.library.private import MARK
from comfy.records.lineage import Lineage
from comfy.records.record import KeptInput, Record
from comfy.runs.interface import Origin

_SHARE_FIRST = message("Add it to the shared workflows first.")
_MOST_RUNS = 20  # runs that become a chain: the closest to the result


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
    steps: tuple[PlannedStep, ...]
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
        def step_with_files(step: PlannedStep) -> PlannedStep:
            mine = {key.field: file for key, file in files.items() if key.step == step.name}
            given = {key: file for key, file in mine.items() if key in step.values}
            return replace(step, values={**step.values, **given}) if given else step

        steps = tuple(map(step_with_files, self.steps))
        return replace(self, values={**self.values, **files}, steps=steps)


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


def _section(step: Step, planned: PlannedStep | None, titles: Mapping[str, str]) -> StepSection:
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
    """Return a step's field with its key and default in the chain. It is folded as in the
    workflow's own form, and always in a step that isn't required. The author's own file isn't
    shown, and is used unless the user adds another."""
    is_file = item.is_media and item.key in step.values
    default = None if is_file else step.values.get(item.key, item.default)
    return replace(
        item,
        key=str(StepKey(step.name, item.key)),
        grows=str(StepKey(step.name, item.grows)) if item.grows else None,
        group="advanced" if step.optional else item.group,
        section=None,
        default=default,
        example=item.example and as_message(default),
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
        flaws=tuple(flaw for step in plan.steps for flaw in step.form.flaws),
        missing=tuple(dict.fromkeys(item for step in plan.steps for item in _missing(step))),
        notes=tuple(
            replace(note, key=str(StepKey(step.name, note.key)))
            for step in plan.steps
            for note in step.form.notes
        ),
    )


def _missing(step: PlannedStep) -> Iterator[Missing]:
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


@dataclass(frozen=True, slots=True)
class ChainForms:
    """Plans and forms of the chains in a folder, with the owner that all users without a cookie
    share."""

    folder: ChainFolder
    starter: Starter
    nobody: str = ""

    def sees_of(self, owner: str) -> Callable[[str], bool]:
        """Return a function that tells whether a workflow or chain of the folder exists for this
        user. A chain needs the workflows of all its steps."""
        group = self.starter.forms.permissions.group(owner)
        if group is None:
            return lambda _: True
        return lambda name: all(map(group.sees, (name, *self.folder.workflows_of(name))))

    def has(self, name: str, owner: str) -> bool:
        """Return whether there is a chain of this name for this user."""
        return name in self.folder and self.sees_of(owner)(name)

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
        if not self.sees_of(owner)(name):
            raise self.starter.forms.permissions.not_in_groups(owner, name)
        chain = self.folder.get(name)
        forms = dict(before.forms) if before else {}
        wrong = wrong_choices(chain, values)
        good = {key: value for key, value in values.items() if key not in wrong}
        switches, without = switch_values(chain, good), left_out(chain, good)

        def planned(runs: Chain) -> tuple[PlannedStep, ...]:
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

    def add(
        self, record: Record, title: str, workflows: Collection[str]
    ) -> tuple[str, dict[str, KeptInput]]:
        """Make a chain from a run and its source runs, and add it to the folder. Return its name,
        and the user's own files by the keys of its fields.

        `workflows` are the names of the workflows in the folder. Raises WorkflowError, ChainErrors,
        ServerUnreachable, ServerError.
        """
        plain = " ".join(title.split())
        if not plain:
            raise ChainErrors([message("A chain needs a title.")])
        recorded_chain = self._made_of(record, plain, workflows)
        # A chain names its workflows from its own folder, which is the top one here.
        first = f"{next(names_like(plain, 'chain'))}.chain"
        self.starter.forms.permissions.check_adds(record.owner, first)
        name = self.folder.add(plain, chain_text(recorded_chain.chain))
        files = {str(StepKey(step.name, key)): kept for step, key, kept in recorded_chain.files}
        return name, files

    def check_add(self, record: Record, workflows: Collection[str]) -> None:
        """Raise the error that `add` would raise with a valid title."""
        self._made_of(record, "", workflows)

    def lineage(self, record: Record) -> Lineage:
        """Return the runs that a finished run was made from, and the runs made from it. Runs of
        users without a cookie have no lineage, because these users share one owner."""
        if record.owner == self.nobody:
            return Lineage()
        return self.starter.runs.history.lineage(record)

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
