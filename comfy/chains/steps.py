"""Steps of a chain in the forms of their workflows: read, plan and check them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import TypeVar

from comfy.base.errors import WorkflowError, WorkflowNotFound
from comfy.base.files import is_beside
from comfy.base.messages import listed, message
from comfy.base.wording import short
from comfy.batches.content import combined
from comfy.batches.values import MOST_ROWS, TooManyRows, UnknownField, find_field, values_of
from comfy.chains.model import Chain, ChainErrors, Source, Step
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.check import labelled_errors
from comfy.form.model import Field, Form, takes
from comfy.launch.once import conflicts_in, lacking, own_values
from comfy.launch.start import Starter
from comfy.launch.uploads import Upload
from comfy.prompt.arrange import further_keys
from comfy.prompt.trace import Output
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf

_Value = TypeVar("_Value")
FormOf = Callable[[Mapping[str, object]], Form]
_COMBINATIONS = 200  # of repeated choices; more would take too long


@dataclass(frozen=True, slots=True)
class PlannedStep:
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
        return self.step.name

    @property
    def of_options(self) -> frozenset[str]:
        """Return the keys that a run may lack, because the step repeats a choice and each choice
        has its own fields. Empty unless the step repeats a choice."""
        chooses = any(self.form.field(key).redraws for key in self.rows[0])
        return frozenset(one.key for one in self.form.fields) if chooses else frozenset()

    @property
    def title(self) -> str:
        return self.step.title or self.form.title

    @property
    def shown(self) -> tuple[Field, ...]:
        """Return the fields for users: those that the chain names, else the main ones, and seeds
        and steps, which forms fold."""
        if self.step.show:
            return tuple(find_field(self.form, name) for name in self.step.show)
        given = (*self.step.values, *self.step.repeat)
        taken = {find_field(self.form, name).key for name in given} | self.inputs.keys()
        return tuple(
            item
            for item in self.form.fields
            if item.key not in taken
            and (item.group == "main" or (item.group != "hidden" and item.is_seldom))
        )


def form_steps(
    chain: Chain,
    forms: Mapping[str, Form],
    settings: Mapping[str, Mapping[str, object]],
    lines_of: LinesOf | None = None,
    *,
    problems: list[str] | None = None,
) -> tuple[PlannedStep, ...]:
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
) -> PlannedStep:
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
    return PlannedStep(step, form, {**seeds, **fixed, **given}, inputs, rows)


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
    axes: dict[str, Sequence[object]] = {}
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
        axes[item.key] = values
    try:
        return tuple(row.values for row in combined(axes)) if axes else ({},)
    except TooManyRows:
        problems.append(f"It can run at most {MOST_ROWS} times. Give fewer values in “repeat”.")
        return ({},)


@dataclass(frozen=True, slots=True)
class StepForm:
    """Form of a step, with the step's and the user's values by the keys of its fields.

    Names without a field are kept unchanged. `step` lacks the author's values for fields of another
    choice than the user made, and shows the fields that come with the user's choices. If the step
    repeats a choice, the form has the fields of each choice. `source` and `given` are the original
    step and values.
    """

    form: Form
    step: Step
    settings: Mapping[str, object]
    source: Step
    given: Mapping[str, object] = field(default_factory=dict)

    def with_settings(self, step: Step, settings: Mapping[str, object]) -> StepForm | None:
        """Return this form with other values, or None if they need other fields."""
        if step != self.source or self._shape(settings) != self._shape(self.given):
            return None
        return replace(self, settings=settings, given=settings)

    def _shape(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Return the values that may change the fields: choices, added files, and names without a
        field."""
        fields = {one.key: one for one in self.form.fields}
        return {
            key: None if item and item.is_media else value
            for key, value in settings.items()
            if (item := fields.get(key)) is None or item.is_media or item.redraws
        }


def step_form(form_of: FormOf, step: Step, settings: Mapping[str, object]) -> StepForm:
    """Return the form of a step with a user's settings.

    `form_of` returns the form of the step's workflow with values by key; it ignores values without
    a field.
    """
    form_of = partial(_form_with_options, form_of, step.repeat)
    named = dict.fromkeys((*step.inputs, *step.repeat, *step.show)) | dict(step.values)
    form, keys, values = _with_fields(form_of, named, {})
    set_form, set_keys = form, dict[str, str]()
    if settings:
        set_form, set_keys, _ = _with_fields(form_of, settings, values)
    own_keys = _keys(form)
    gone = own_keys - _keys(set_form)
    brought = _keys(set_form) - own_keys

    def by_key(named: Mapping[str, _Value]) -> dict[str, _Value]:
        return {key: value for key, value in _named_by_key(keys, named).items() if key not in gone}

    keyed = replace(
        step,
        values=by_key(step.values),
        show=_with_brought(set_form, tuple(by_key(dict.fromkeys(step.show))), brought),
        inputs=by_key(step.inputs),
        repeat=by_key(step.repeat),
    )
    return StepForm(set_form, keyed, _named_by_key(set_keys, settings), step, settings)


def _form_with_options(
    form_of: FormOf, repeat: Mapping[str, str | Sequence[object]], values: Mapping[str, object]
) -> Form:
    """Return the form with these values, and the fields of all other choices that the step repeats;
    these fields may be choices themselves."""
    form, options = form_of(values), dict[str, tuple[object, ...]]()
    while new := {
        key: _repeated(form, form.field(key), text)
        for name, text in repeat.items()
        if (key := _key(form, name)) and key not in options and form.field(key).redraws
    }:
        options |= new
        for combination in islice(product(*options.values()), _COMBINATIONS):
            other = form_of({**values, **dict(zip(options, combination, strict=True))})
            known = _keys(form)
            more = (item for item in other.fields if item.key not in known)
            form = replace(form, fields=(*form.fields, *more))
    return form


def _repeated(form: Form, item: Field, values: str | Sequence[object]) -> tuple[object, ...]:
    with suppress(BadValue):  # reported when all values are read
        return values_of(form, item, values) if isinstance(values, str) else tuple(values)
    return ()


def _with_fields(
    form_of: FormOf, named: Mapping[str, object], values: Mapping[str, object]
) -> tuple[Form, dict[str, str], dict[str, object]]:
    """Return the form with `values` and all `named` values that have a field there.

    Also returns the key of each name that has a field, and all values by key, including the keys of
    the files that had to be added.
    """
    values, keys = dict(values), dict[str, str]()
    while True:
        left = {name: value for name, value in named.items() if name not in keys}
        form = form_of({**values, **left})
        if new_keys := {name: key for name in left if (key := _key(form, name))}:
            keys |= new_keys
            values |= {key: named[name] for name, key in new_keys.items()}
        elif added := tuple(_added_files(form_of, form, values, left)):
            values |= dict.fromkeys(added)
        else:
            existing = _keys(form)
            return form, {name: key for name, key in keys.items() if key in existing}, values


def _added_files(
    form_of: FormOf, form: Form, values: Mapping[str, object], names: Iterable[str]
) -> Iterator[str]:
    """Yield the keys of the files to add for names such as “Image 3”: that file and the ones
    before it."""
    names = tuple(names)
    for growing in filter(None, (item.grows for item in form.fields if names)):
        keys = further_keys(form.prompt, form.nodes, growing)
        wide = form_of({**values, **dict.fromkeys(keys)})
        meant = {_key(wide, name) for name in names}
        last = max((number for number, key in enumerate(keys, 1) if key in meant), default=0)
        yield from keys[:last]


def _with_brought(form: Form, show: tuple[str, ...], brought: Collection[str]) -> tuple[str, ...]:
    """Return the keys that a step shows, with each additional field after the field before it in
    the form."""
    shown = list(show)
    index = 0
    for item in form.fields if show else ():
        if item.key in shown:
            index = shown.index(item.key) + 1
        elif item.key in brought and item.group != "hidden" and _belongs_to(item, show):
            shown.insert(index, item.key)
            index += 1
    return tuple(shown)


def _belongs_to(item: Field, show: Collection[str]) -> bool:
    return item.is_media or any(item.key.startswith(f"{key}.") for key in show)


def _named_by_key(keys: Mapping[str, str], named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return named values by their fields' keys. A second value of a field keeps its name, so that
    it is reported."""
    values_by_key: dict[str, _Value] = {}
    for name, value in named.items():
        key = keys.get(name, name)
        values_by_key[name if key in values_by_key else key] = value
    return values_by_key


def _key(form: Form, name: str) -> str:
    try:
        return find_field(form, name).key
    except UnknownField:
        return ""


def _keys(form: Form) -> set[str]:
    return {item.key for item in form.fields}


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
    ) -> tuple[PlannedStep, ...]:
        """Return the steps of a chain in their forms, with the author's files from `folder`.

        Raises ChainErrors like `form_steps`, unless `problems` collects the errors.
        """
        keyed = replace(chain, steps=tuple(forms[step.name].step for step in chain.steps))
        by_name = {name: found.form for name, found in forms.items()}
        settings = {name: found.settings for name, found in forms.items()}
        steps = form_steps(keyed, by_name, settings, self.starter.wildcards, problems=problems)
        return tuple(_with_files(step, folder) for step in steps)

    def check(self, steps: Sequence[PlannedStep]) -> None:
        """Raise ChainErrors with the problems of all steps."""
        if problems := [problem.labelled for step in steps for problem in self.problems(step)]:
            raise ChainErrors(dict.fromkeys(problems), message("Nothing was started."))

    def problems(self, step: PlannedStep) -> Iterator[StepProblem]:
        """Yield the problems of a step: what the server lacks, values that the form refuses, and
        choices that no server has together. Results of other steps count as valid values."""
        for sentence in lacking(step.form, {**step.values, **step.rows[0]}):
            yield StepProblem("", sentence, in_step(step.step, sentence))
        given = {key: _stand_in(step.form, key) for key in step.inputs}
        rows = [self.own_values(step, {**step.values, **row, **given}) for row in step.rows]
        for values in rows:
            checked = self.starter.check(step.step.workflow, values, self.owner)
            labelled = labelled_errors(checked.form, checked.errors)
            for key, error in checked.errors.items():
                if key not in step.inputs:
                    yield StepProblem(key, error, in_step(step.step, labelled[key]))
        for _, conflict in conflicts_in(self.starter, step.step.workflow, rows, self.owner):
            for key, error in conflict.errors.items():
                yield StepProblem(key, error, in_step(step.step, conflict.labelled[key]))

    def own_values(self, step: PlannedStep, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return the values for which the form of one run has fields."""
        return own_values(self.starter, step.step.workflow, values, step.of_options, self.owner)


def _stand_in(form: Form, key: str) -> Upload | str:
    """Return a value for checking a field that other steps set."""
    return Upload("result", b"") if form.field(key).is_media else "result"


def _with_files(step: PlannedStep, folder: Path) -> PlannedStep:
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
