"""The forms of chains: the fields that each step shows, as one form; and runs made into a chain."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from comfy.base.errors import WorkflowError
from comfy.base.filenames import is_beside
from comfy.base.messages import message
from comfy.chains.chosen import cannot_run, chosen
from comfy.chains.fields import FormStep
from comfy.chains.folder import ChainFolder
from comfy.chains.keys import (
    left_out,
    option_key,
    step_key,
    step_values,
    switch_key,
    switched,
    wrong_choices,
)
from comfy.chains.model import Chain, ChainErrors, Pick, Step
from comfy.chains.runner import ChainRunner, form_of_step
from comfy.chains.write import RecordedChain, RecordedStep, chain_of_runs, chain_text
from comfy.form.check import labelled_errors, unknown_fields
from comfy.form.kinds.registry import KINDS
from comfy.form.missing_items import Missing, MissingChoice
from comfy.form.model import Field, Form
from comfy.launch.start import FieldErrors, Starter
from comfy.launch.uploads import Upload
from comfy.library.private import MARK
from comfy.records.lineage import Lineage
from comfy.records.record import KeptInput, Record
from comfy.runs.interface import Origin

_SHARE_FIRST = message("Add it to the shared workflows first.")
_MOST_RUNS = 20  # that a chain is made of: those nearest to the result


@dataclass(frozen=True, slots=True)
class Feed:
    """A field that is given something by another step: `title` is that step's, `pick` as in
    `Source`."""

    field: Field
    title: str
    pick: Pick


@dataclass(frozen=True, slots=True)
class ChainStep:
    """A step of a chain on its form. `fields`: what it shows, none where it is left out; `option`:
    the field by which it is left out, None where it has to run; `given`: the fields that other
    steps give it, with the titles of these; `runs`: how often it runs with each that it is
    given."""

    step: Step
    title: str
    fields: tuple[Field, ...] = ()
    option: Field | None = None
    given: tuple[Feed, ...] = ()
    runs: int = 1


@dataclass(frozen=True, slots=True)
class ChainForm:
    """The form of a chain with some values: `form` has all that can be set, by keys that say of
    which step each is. `runs`: the steps as they run with these values. `problem`: why it cannot
    run with these choices and these steps left out, or ""; `runs` are those of other choices then.
    `wrong`: what is said of values of switches and options that count for nothing, by their
    keys."""

    chain: Chain
    switches: tuple[Field, ...]
    steps: tuple[ChainStep, ...]
    runs: tuple[FormStep, ...]
    form: Form
    problem: str = ""
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def seeds(self) -> Iterator[tuple[str, str]]:
        """The seeds by which results differ, as their step's title and their key: those that people
        set or that the chain repeats a step with. Others are always the same."""
        for one in self.runs:
            varied = (*one.shown, *map(one.form.field, one.rows[0]))
            for it in varied:
                if it.widget == "seed":
                    yield one.title, step_key(one.step.name, it.key)

    def check_choices(self) -> None:
        """ChainErrors where it cannot run with these choices and these steps left out."""
        if self.problem:
            raise ChainErrors([self.problem], message("Nothing was started."))

    def settable(self, values: Mapping[str, object]) -> dict[str, object]:
        """Those of these values, by the chain's keys, that the chain does not give itself."""
        given = {
            step_key(one.step.name, key) for one in self.runs for key in (*one.inputs, *one.rows[0])
        }
        return {key: value for key, value in values.items() if key not in given}


@dataclass(frozen=True, slots=True)
class ChainValues:
    """What a run of a chain was made with, by the chain's keys. `values`: for all fields of its
    `form`, as typed, files as they are kept; `own`: what was sent to it and its sources."""

    form: ChainForm
    values: Mapping[str, object]
    own: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AddedChain:
    """A chain that was added to the folder under `name`. `files`: those that the person who made
    it had given, by the keys of its form's fields."""

    name: str
    files: Mapping[str, KeptInput]


@dataclass(frozen=True, slots=True)
class ChainForms:
    """The forms of the chains of a folder. `nobody`: the owner whom strangers share."""

    folder: ChainFolder
    starter: Starter
    nobody: str = ""

    def form(self, name: str, owner: str, values: Mapping[str, object] | None = None) -> ChainForm:
        """The form of the chain that goes by `name`, as it is with these values by key; values that
        it has no fields for count for nothing.

        Raises WorkflowError, ChainErrors, ServerUnreachable, ServerError.
        """
        values = values or {}
        whole = self.folder.get(name)
        wrong = wrong_choices(whole, values)
        good = {key: one for key, one in values.items() if key not in wrong}
        switches, without = switched(whole, good), left_out(whole, good)
        problem = ""
        try:
            runs = self._runs(chosen(whole, switches, without), name, owner, values)
        except (ChainErrors, WorkflowError) as error:
            if not switches and not without:
                raise
            # There has to be a form on which another choice can be made.
            problem = str(error)
            try:
                runs = self._runs(chosen(whole, switches), name, owner, values)
            except (ChainErrors, WorkflowError):
                runs = self._runs(chosen(whole, {}), name, owner, values)
                problem = cannot_run(whole, switches, problem)
        running = {one.step.name: one for one in runs}
        titles = {step.name: step.title for step in whole.steps}
        titles |= {one.step.name: one.title for one in runs}
        steps = tuple(
            _shown(step, running.get(step.name), titles)
            for step in whole.steps
            if step.name in running or step.name in without
        )
        fields = tuple(_switch(switch.name, switch.choices) for switch in whole.switches)
        form = _form(whole, fields, steps, runs, problem)
        return ChainForm(whole, fields, steps, runs, form, problem, wrong)

    def check_keys(
        self,
        name: str,
        owner: str,
        values: Mapping[str, object],
        form_values: Mapping[str, object] | None = None,
    ) -> None:
        """FieldErrors with the values that the chain `name` has no field for, as it is with them or
        with `form_values`; raises as `form` and `ChainForm.check_choices`."""
        form = self.form(name, owner, values if form_values is None else form_values)
        form.check_choices()
        keys = {field.key for field in form.form.fields}
        keys |= {
            step_key(one.step.name, field.key) for one in form.runs for field in one.form.fields
        }
        if errors := unknown_fields(values, keys):
            raise FieldErrors(form.form, errors, errors)

    def check_sent(self, name: str, owner: str, values: Mapping[str, object]) -> None:
        """As `check_keys`, with all else that `check` says of these values once seeds are drawn."""
        try:
            self.check_keys(name, owner, values)
        except FieldErrors as unknown:
            form = self.form(name, owner, values)
            seeds = {field.key for field in form.form.fields if field.widget == "seed"}
            drawn = {key: one for key, one in values.items() if key not in seeds or one is not None}
            try:
                self.check(self.form(name, owner, drawn), owner)
            except FieldErrors as more:
                labelled = unknown.labelled | more.labelled
                raise FieldErrors(form.form, unknown.errors | more.errors, labelled) from None
            raise

    def check(self, form: ChainForm, owner: str) -> None:
        """FieldErrors with all that is wrong with its values and those that its steps have, by its
        keys, and what the server lacks; raises as `ChainForm.check_choices`."""
        form.check_choices()
        errors = dict(form.wrong)
        labelled = labelled_errors(form.form, errors)
        for one in form.runs:
            for key, said, away in ChainRunner(self.starter, Origin(owner)).problems(one):
                place = step_key(one.step.name, key or str(len(errors)))
                errors[place], labelled[place] = said, away
        if errors:
            raise FieldErrors(form.form, errors, labelled)

    def add(self, record: Record, title: str, workflows: Collection[str]) -> AddedChain:
        """Make a chain of a run and of all that it was made from, and add it to the folder, for
        everybody. `workflows`: the names of those in the folder.

        Raises WorkflowError, ChainErrors, ServerUnreachable, ServerError.
        """
        plain = " ".join(title.split())
        if not plain:
            raise ChainErrors([message("A chain needs a title.")])
        made = self._made_of(record, plain, workflows)
        name = self.folder.add(plain, chain_text(made.chain))
        return AddedChain(name, {step_key(step.name, key): kept for step, key, kept in made.files})

    def check_add(self, record: Record, workflows: Collection[str]) -> None:
        """Raises as `add`, whatever its title is."""
        self._made_of(record, "", workflows)

    def lineage(self, record: Record) -> Lineage:
        """What a finished run was made from and used for. Nothing where `nobody` owns it: of those
        runs each may be another stranger's."""
        history = self.starter.runs.history
        if history is None or record.owner == self.nobody:
            return Lineage()
        return history.lineage(record)

    def _made_of(self, record: Record, title: str, workflows: Collection[str]) -> RecordedChain:
        self.starter.forms.permissions.check_keep(record.owner)
        made = chain_of_runs(title, self._recorded(record, workflows))
        ChainRunner(self.starter, Origin(record.owner)).steps(made.chain, {})  # it can be opened
        return made

    def _recorded(self, record: Record, workflows: Collection[str]) -> tuple[RecordedStep, ...]:
        """A run, and those that it was made from, near or far."""
        found: dict[str, RecordedStep] = {}
        left = deque([record])
        while left and len(found) < _MOST_RUNS:
            run = left.popleft()
            if run.id in found:
                continue
            job = run.job
            if job.workflow not in workflows:
                raise WorkflowError(
                    message(
                        "A chain can only use shared workflows, and “{title}” isn't one.",
                        title=job.title,
                    ),
                    _SHARE_FIRST if job.workflow.startswith(MARK) else "",
                )
            values = {**job.values, **job.inputs}
            workflow, form = self.starter.forms.form(job.workflow, run.owner, values)
            made_from = self.lineage(run).made_from
            sources = tuple(one.id for one in made_from)
            _, plain = self.starter.forms.form(job.workflow, run.owner)
            found[run.id] = RecordedStep(run, form, workflow.names, sources, plain)
            left += made_from
        return tuple(found.values())

    def _runs(
        self, chain: Chain, name: str, owner: str, values: Mapping[str, object]
    ) -> tuple[FormStep, ...]:
        """The steps of the chain `name` as they run where these are all."""
        settings = {step.name: self._settings(step, owner, values) for step in chain.steps}
        steps = ChainRunner(self.starter, Origin(owner)).steps(chain, settings)
        return tuple(_with_files(one, self.folder.folder_of(name)) for one in steps)

    def _settings(self, step: Step, owner: str, values: Mapping[str, object]) -> dict[str, object]:
        """What people set in a step, as far as its form has the fields."""
        own = step_values(step.name, values)
        found = form_of_step(self.starter, step, owner, own)
        keys = {field.key for field in found.form.fields}
        files = {one.key for one in found.form.fields if one.is_media} & found.step.values.keys()
        return {
            key: value
            for key, value in own.items()
            if key in keys and not (key in files and value is None)
        }


def _shown(step: Step, runs: FormStep | None, titles: Mapping[str, str]) -> ChainStep:
    option = _option(step, titles[step.name]) if step.optional else None
    if runs is None:
        return ChainStep(step, titles[step.name] or step.name, option=option)
    given = tuple(
        Feed(runs.form.field(key), titles[source.step], source.pick)
        for key, source in runs.inputs.items()
    )
    fields = tuple(_field(runs.step, one) for one in runs.shown)
    return ChainStep(step, runs.title, fields, option, given, len(runs.rows))


def _field(step: Step, field: Field) -> Field:
    """A step's field as the chain has it: with the value that its author gave it there. A file
    that lies beside the chain is what counts where nobody gives another, and is not shown."""
    is_file = field.is_media and field.key in step.values
    return replace(
        field,
        key=step_key(step.name, field.key),
        grows=step_key(step.name, field.grows) if field.grows else None,
        group="main",
        section=None,
        default=None if is_file else step.values.get(field.key, field.default),
        default_offered=field.default_offered and not is_file,
        optional=field.optional or is_file,
    )


def _form(
    chain: Chain,
    switches: tuple[Field, ...],
    steps: tuple[ChainStep, ...],
    runs: tuple[FormStep, ...],
    problem: str,
) -> Form:
    fields = [*switches]
    for one in steps:
        fields += [one.option] if one.option else []
        fields += one.fields
    return Form(
        title=chain.title,
        description=chain.description,
        fields=tuple(fields),
        outputs=runs[-1].form.outputs,
        problems=tuple(
            dict.fromkeys(filter(None, (problem, *(p for one in runs for p in one.form.problems))))
        ),
        missing=tuple(dict.fromkeys(said for one in runs for said in _missing(one))),
        notes=tuple(
            replace(note, key=step_key(one.step.name, note.key))
            for one in runs
            for note in one.form.notes
        ),
    )


def _missing(runs: FormStep) -> Iterator[Missing]:
    """What the server lacks for a step; a choice that its author has replaced here is not
    missing, and one that nobody can replace here has none that is like it."""
    shown = {field.key for field in runs.shown}
    fixed = runs.values.keys() | runs.inputs.keys() | runs.rows[0].keys()
    for one in runs.form.missing:
        if not isinstance(one, MissingChoice):
            yield one
        elif one.key not in fixed:
            key = step_key(runs.step.name, one.key)
            yield replace(one, key=key, close=one.close if one.key in shown else None)


def _option(step: Step, title: str) -> Field:
    label = message("Run “{step}”", step=title or step.name)
    return _choice(option_key(step.name), label, "checkbox", default=True)


def _switch(name: str, choices: tuple[str, ...]) -> Field:
    words = name.replace("_", " ").replace("-", " ")
    label, key = words[:1].upper() + words[1:], switch_key(name)
    if set(choices) == {"true", "false"}:
        return _choice(key, label, "checkbox", default=choices[0] == "true")
    pairs = tuple((one, one) for one in choices)
    return replace(_choice(key, label, "dropdown", default=choices[0]), choices=pairs)


def _choice(key: str, label: str, widget: str, *, default: object) -> Field:
    """A field of the chain's own, by which its form becomes another one."""
    kind = "BOOLEAN" if widget == "checkbox" else "COMBO"
    node, _, name = key.partition(".")
    return Field(key, node, name, label, kind, KINDS[widget], "main", default, redraws=True)


def _with_files(step: FormStep, folder: Path) -> FormStep:
    """The step with its author's own files, which lie beside the chain."""

    def given(values: Mapping[str, object]) -> dict[str, object]:
        return {key: _file(step.form, key, value, folder) for key, value in values.items()}

    authors = given({key: step.values[key] for key in step.step.values})
    return replace(step, values={**step.values, **authors}, rows=tuple(map(given, step.rows)))


def _file(form: Form, key: str, value: object, folder: Path) -> object:
    if not form.field(key).is_media or not isinstance(value, str) or not is_beside(value):
        return value
    file = folder / value
    return Upload(file.name, file) if file.is_file() else value
