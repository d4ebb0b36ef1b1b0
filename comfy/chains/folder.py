"""Files of chains, `<name>.chain.toml`: read them, write them for recorded runs, and list them.
docs/chains.md describes them."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit

from comfy.base.errors import WorkflowError, words_of
from comfy.base.files import is_beside
from comfy.base.messages import listed, message, sentences
from comfy.base.wording import did_you_mean, quoted, short
from comfy.batches.values import UnknownField, find_field
from comfy.chains.model import Chain, ChainErrors, Condition, Source, Step, Switch, chosen, circle
from comfy.chains.runner import Given, fitting
from comfy.chains.steps import in_step, lacks_workflow, takes_from
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.form.fill import drawn_texts, is_drawn, literal_texts
from comfy.form.model import Field, Form
from comfy.library.folder import (
    MOST,
    FolderEntry,
    State,
    files_below,
    listed_by_name,
    names_like,
    not_found,
    state_of,
    write_new,
)
from comfy.prompt.model import with_inputs
from comfy.prompt.text_replacements import PrefixNames, prefix_names, replace_prefixes
from comfy.prompt.wildcards import every_text, resolve_wildcards
from comfy.records.record import KeptInput, Record
from comfy.workflow.config import (
    FORM_KEYS,
    SettingReaders,
    as_flag,
    as_scalar,
    as_table,
    as_texts,
    filled_text,
    load_toml,
    readable_settings,
)
from comfy.workflow.cover import cover_problem
from comfy.workflow.model import title_from_name

SUFFIX = ".chain.toml"
_NAME = re.compile(r"\w[\w-]{0,59}")
_SOURCE = re.compile(
    r"(?P<step>\w[\w-]*)(?:@(?P<node>.+?))?(?P<text>\.text)?(?:\[(?P<pick>each|all|[1-9]\d{0,5})\])?"
)
_MOST_STEPS = 100
_FLAGS = {True: ("true", "false"), False: ("false", "true")}  # the default comes first
_ENDING = ".chain"  # in the names of chains; workflow names may have it too
_MOST_TEXTS = 1000  # compared texts of a default with alternatives
_SECONDS = 5  # maximum time between the dates in a prompt and the run's start
_LONGEST_NAME = 50  # characters in a step's name
_WORD = re.compile(r"\w+")


def read_chain(path: Path) -> Chain:
    """Return the chain in a file. Raises ChainErrors with all problems."""
    data, problem = load_toml(path)
    if problem:
        raise ChainErrors([problem])
    return parse_chain(path.name, data)


def parse_chain(source: str, data: Mapping[str, Any]) -> Chain:
    """Return parsed TOML as a chain. `source` is the file's name in error messages. Raises
    ChainErrors with all problems."""
    problems: list[str] = []
    top = readable_settings(data, CHAIN_KEYS, source, problems)
    switches = tuple(_switches(top.pop("switches", {}), source, problems))
    tables = top.pop("steps", [])
    steps = [_step(source, number, table, problems) for number, table in enumerate(tables, 1)]
    chain = Chain(steps=tuple(steps), switches=switches, **top)
    if "steps" not in data:
        problems.append(f"{source} has no steps.")
    problems += _structural(chain, source)
    if problems:
        raise ChainErrors(dict.fromkeys(problems))
    return chain


def _step(source: str, number: int, table: Mapping[str, Any], problems: list[str]) -> Step:
    """Return a step without its unreadable settings; its name may be ""."""
    name = table.get("name")
    is_name = isinstance(name, str) and _NAME.fullmatch(name)
    where = f"{source}, step {name if is_name else number}"
    read = readable_settings(table, STEP_KEYS, where, problems)
    for key in ("name", "workflow"):
        if key not in table:
            problems.append(f"{where}: “{key}” is missing.")
    inputs = _inputs(read.pop("inputs", {}), where, problems)
    return Step(
        name=read.pop("name", ""),
        number=number,
        workflow=read.pop("workflow", ""),
        inputs=inputs,
        **read,
    )


def _inputs(
    table: Mapping[str, Any], where: str, problems: list[str]
) -> dict[str, tuple[Source, ...]]:
    read: dict[str, tuple[Source, ...]] = {}
    for name, value in table.items():
        sources = [_source(text) for text in (value if isinstance(value, list) else [value])]
        if sources and None not in sources:
            read[name] = tuple(filter(None, sources))
        else:
            problems.append(
                f"{where}: the input “{short(name)}” must be a step, such as “base”, "
                "“base[2]”, “base[each]”, “base[all]”, “base@9” or “base.text”."
            )
    return read


def _source(value: object) -> Source | None:
    parts = _SOURCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        return None
    match parts["pick"]:
        case "each" | "all" as pick:
            pass
        case number:
            pick = int(number or 1)
    return Source(parts["step"], pick, bool(parts["text"]), (parts["node"] or "").strip())


def _switches(table: Mapping[str, Any], where: str, problems: list[str]) -> Iterator[Switch]:
    for name, value in table.items():
        choices = _FLAGS[value] if isinstance(value, bool) else as_texts(value)
        if _NAME.fullmatch(name) and choices and len(set(choices)) == len(choices) > 1:
            yield Switch(name, choices)
        else:
            problems.append(
                f"{where}: the switch “{short(name)}” must be true, false or a list of "
                "several choices."
            )


def _structural(chain: Chain, source: str) -> Iterator[str]:
    """Yield the problems of the connections between steps."""
    names = [step.name for step in chain.steps if step.name]
    for name in (name for name, count in Counter(names).items() if count > 1):
        yield f"{source}: several steps are called “{name}”."
    for step in chain.steps:
        where = f"{source}, step {step.name or step.number}"
        sources = (source.step for several in step.inputs.values() for source in several)
        for name in dict.fromkeys(sources):
            if name == step.name:
                yield f"{where}: it can't use its own results."
            elif name not in names:
                yield sentences(
                    f"{where}: there is no step “{short(name)}”.",
                    did_you_mean(name, names),
                )
        for name in step.show:
            if name in step.inputs or name in step.repeat:
                yield f"{where}: “{short(name)}” can't be in “show”: the chain sets it."
        if step.when is not None:
            yield from _unknown_choice(step.when, chain.switches, where)
    if round_ := circle(chain.steps):
        yield f"{source}: these steps wait for each other: {listed(map(quoted, round_))}."


def _unknown_choice(when: Condition, switches: Iterable[Switch], where: str) -> Iterator[str]:
    known = {switch.name: switch for switch in switches}
    if when.switch not in known:
        yield sentences(
            f"{where}: there is no switch “{short(when.switch)}”.",
            did_you_mean(when.switch, known),
        )
    elif when.choice not in known[when.switch].choices:
        yield f"{where}: the switch “{when.switch}” has no choice “{short(when.choice)}”."


def _step_name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _workflow_name(value: object) -> str | None:
    name = filled_text(value)
    return name if name and is_beside(name) else None


def _steps(value: object) -> list[dict[str, Any]] | None:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_STEPS:
        return None
    return value if all(isinstance(one, dict) for one in value) else None


def _scalars(value: object) -> dict[str, Any] | None:
    table = as_table(value)
    return None if table is None or None in map(as_scalar, table.values()) else table


def _repeat(value: object) -> dict[str, str | tuple[object, ...] | None] | None:
    lists = {name: _several(one) for name, one in (as_table(value) or {"": None}).items()}
    return None if None in lists.values() else lists


def _several(value: object) -> str | tuple[object, ...] | None:
    if not isinstance(value, list):
        return filled_text(value)
    return tuple(value) if value and None not in map(as_scalar, value) else None


def _condition(value: object) -> Condition | None:
    text = filled_text(value)
    if text is None:
        return None
    switch, _, choice = text.partition("=")
    return Condition(switch.strip(), choice.strip() or "true")


CHAIN_KEYS: SettingReaders = {
    "title": FORM_KEYS["title"],
    "description": FORM_KEYS["description"],
    "cover": FORM_KEYS["cover"],
    "switches": (as_table, "a table"),
    "steps": (_steps, f"at most {_MOST_STEPS} tables, each written as [[steps]]"),
}
STEP_KEYS: SettingReaders = {
    "name": (_step_name, "a word of letters, digits, “-” and “_”"),
    "workflow": (_workflow_name, "the name of a workflow beside the chain"),
    "title": (filled_text, "a string"),
    "values": (_scalars, "a table of strings, numbers, true or false"),
    "show": (as_texts, "a list of fields"),
    "inputs": (as_table, "a table"),
    "repeat": (_repeat, "a table of lists, or of strings such as “1..4”"),
    "optional": (as_flag, "true or false"),
    "when": (_condition, "a string"),
}


class ChainFolder:
    """Chains by name: the file's path in the folder without ".toml", such as
    "portraits/soft-light.chain". A missing folder is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, tuple[State, Chain | ChainErrors]] = {}
        self._reading = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name.endswith(_ENDING) and name in _files(self.path)

    def entries(self) -> tuple[FolderEntry, ...]:
        """Return all chains by title, unreadable ones last."""
        entries = [self._entry(name, file) for name, file in _files(self.path).items()]
        return tuple(sorted(entries, key=lambda one: (bool(one.problem), one.title.casefold())))

    def problems(self, workflows: Mapping[str, str]) -> Mapping[str, str]:
        """Return why each chain can't be used, by name; "" if it can. `workflows` has the same for
        the workflows in the folder."""
        files = _files(self.path)
        return {name: _problem(self._current(name, files[name]), workflows) for name in files}

    def workflows_of(self, name: str) -> tuple[str, ...]:
        """Return the names of a chain's workflows; () if it isn't a chain or can't be read."""
        file = _files(self.path).get(name) if name.endswith(_ENDING) else None
        chain = self._current(name, file) if file else None
        return tuple(one.workflow for one in chain.steps) if isinstance(chain, Chain) else ()

    def stamps(self) -> Mapping[str, State]:
        """Return the state of each chain's file, by name."""
        return {name: state_of(file) for name, file in _files(self.path).items()}

    def get(self, name: str) -> Chain:
        """Return the chain called `name`, with a title, and its workflows by their names in the
        folder. Raises WorkflowError if it doesn't exist, ChainErrors if it can't be used."""
        # The name comes from the browser's address, so it must not become a path.
        file = _files(self.path).get(name)
        if file is None:
            raise WorkflowError(
                not_found(name),
                message("Choose another workflow."),
            )
        match self._current(name, file):
            case Chain() as chain:
                return chain
            case problem:
                raise problem

    def add(self, title: str, text: str) -> str:
        """Write a chain's text to a new file, and return the chain's name. Raises WorkflowError."""
        if len(_files(self.path)) >= MOST:
            raise WorkflowError(
                message("The server has no room for more."),
                message("Ask the administrator."),
            )
        # A workflow may have the same name, and then the TOML file configures that workflow.
        free = (
            name
            for name in names_like(title, "chain")
            if not any(self.path.glob(f"{name}{_ENDING}.*"))
        )
        name = next(free)
        try:
            write_new({self.path / f"{name}{SUFFIX}": text.encode(errors="replace")})
        except OSError as error:
            raise WorkflowError(
                message("A file couldn't be saved: {why}.", why=words_of(error)),
                message("Ask the administrator."),
            ) from error
        return f"{name}{_ENDING}"

    def folder_of(self, name: str) -> Path:
        return _files(self.path)[name].parent

    def _entry(self, name: str, file: Path) -> FolderEntry:
        match self._current(name, file):
            case Chain(title=title, description=description, cover=cover):
                image = file.with_name(cover) if cover else None
                return FolderEntry(name, title, description, image)
            case problem:
                return FolderEntry(name, _title_of(name), problem=str(problem))

    def _current(self, name: str, file: Path) -> Chain | ChainErrors:
        state = state_of(file)
        with self._reading:
            known = self._read.get(name)
            if known is None or known[0] != state:
                known = self._read[name] = (state, _chain(file, name))
            return known[1]


def _problem(chain: Chain | ChainErrors, workflows: Mapping[str, str]) -> str:
    """Return why a chain can't run with its defaults, or ""."""
    if isinstance(chain, ChainErrors):
        return str(chain)
    try:
        steps = chosen(chain, {}).steps
    except ChainErrors as problem:
        return str(problem)
    return next(filter(None, (_problem_of_step(step, workflows) for step in steps)), "")


def _problem_of_step(step: Step, workflows: Mapping[str, str]) -> str:
    if step.workflow not in workflows:
        return lacks_workflow(step)
    problem = workflows[step.workflow]
    return in_step(step, problem) if problem else ""


def _title_of(name: str) -> str:
    """Return the title of a chain whose file has none."""
    return title_from_name(name.removesuffix(_ENDING))


def _files(folder: Path) -> dict[str, Path]:
    return listed_by_name(
        folder, (file for file in files_below(folder) if file.name.endswith(SUFFIX))
    )


def _chain(file: Path, name: str) -> Chain | ChainErrors:
    try:
        chain = read_chain(file)
    except ChainErrors as problem:
        return problem
    beside = PurePosixPath(name).parent
    steps = tuple(
        replace(step, workflow=(beside / step.workflow.removesuffix(".json")).as_posix())
        for step in chain.steps
    )
    cover = chain.cover if chain.cover and not cover_problem(file.with_name(chain.cover)) else ""
    return replace(chain, title=chain.title or _title_of(name), cover=cover, steps=steps)


def _is_untouched(record: Record, form: Form, names: PrefixNames, field: Field) -> bool:
    """Return whether a field of the run has its default, or a text that the default stands for.

    A default may have alternatives, or be a file prefix with names and dates. If it has too many
    alternatives to compare, the value counts as set.
    """
    value, default = record.job.values.get(field.key), field.default
    if value == default or not isinstance(default, str):
        return bool(value == default)
    return any(value == text for text in (*_prefixes(record, names, field), *_texts(form, field)))


def _texts(form: Form, field: Field) -> Iterator[str]:
    """Yield the texts that a default with alternatives stands for."""
    texts = every_text(field.default, _MOST_TEXTS) if is_drawn(form, field) else ()
    return (resolve_wildcards(text, random.Random(0)) for text in texts)


def _prefixes(record: Record, names: PrefixNames, field: Field) -> Iterator[str]:
    """Yield the default as filled in when the run started."""
    prompt = dict(record.job.prompt)
    inputs = names.places.intersection(field.targets)
    for node, name in (one for one in inputs if one.node in prompt):
        prompt[node] = with_inputs(prompt[node], {**prompt[node]["inputs"], name: field.default})
        for seconds in range(_SECONDS):
            date = datetime.fromtimestamp(record.submitted_at - seconds)
            _, changed = replace_prefixes(prompt, names, date)
            yield from changed.values()


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """Run that becomes a step.

    `form` is the form with the run's values, `plain` the form without them. `names` are the names
    in the workflow's file prefixes, and `made_from` the ids of the run's source runs.
    """

    record: Record
    form: Form
    names: PrefixNames | None
    made_from: tuple[str, ...] = ()
    plain: Form | None = None


@dataclass(frozen=True, slots=True)
class RecordedChain:
    """Chain made from runs. `files` are the user's own files, which the chain's form requests, each
    with its step and the key of its field."""

    chain: Chain
    files: tuple[tuple[Step, str, KeptInput], ...] = ()


def chain_of_runs(title: str, runs: Sequence[RecordedStep]) -> RecordedChain:
    """Return a chain that repeats the first of these runs and its source runs, ignoring the other
    `runs`.

    Values that the user set become fixed, and main fields can be changed. Seeds aren't fixed: a
    chain should make new results. Raises ChainErrors if the chain would have only one step.
    """
    known = {run.record.id: run for run in runs}
    # By run and field; the `step` of a source is a run id here.
    given: dict[str, dict[str, Source]] = {}
    left = [runs[0].record.id]
    while left:
        run = left.pop()
        if run not in given:
            given[run] = dict(_given(known[run], known))
            left += [source.step for source in given[run].values()]
    if len(given) == 1:
        raise ChainErrors(
            [message("This result was created in one step. A chain needs several.")],
            message("Use a result in another workflow first."),
        )
    order = sorted(given, key=lambda run: known[run].record.submitted_at)
    workflows = [known[run].record.job.workflow for run in order]
    names = dict(zip(order, _step_names(workflows), strict=True))
    steps = tuple(
        _step_of_run(number, known[run], given[run], names)
        for number, run in enumerate(order, start=1)
    )
    files = (
        (step, field.key, kept)
        for run, step in zip(order, steps, strict=True)
        for field in _free(known[run], given[run])
        if (kept := known[run].record.job.inputs.get(field.key))
    )
    return RecordedChain(Chain(steps, title=title), tuple(files))


def chain_text(chain: Chain) -> str:
    """Return the TOML of a chain from `chain_of_runs`: it has no switches, no optional and no
    repeated steps."""
    steps = [
        {
            "name": step.name,
            "title": step.title,
            "workflow": step.workflow,
            "show": list(step.show),
            "values": dict(step.values),
            "inputs": {name: _source_text(source) for name, (source,) in step.inputs.items()},
        }
        for step in chain.steps
    ]
    filled = [{key: value for key, value in step.items() if value} for step in steps]
    return tomlkit.dumps({"title": chain.title, "steps": filled})


def _given(run: RecordedStep, known: Mapping[str, RecordedStep]) -> Iterator[tuple[str, Source]]:
    """Yield the keys of the fields that got results of other runs, each with its source."""
    records = [known[run_id].record for run_id in run.made_from if run_id in known]
    for field in run.form.fields:
        sources = (_source_of_run(run.record, field, record) for record in records)
        if source := next(filter(None, sources), None):
            yield field.key, source


def _source_of_run(run: Record, field: Field, source: Record) -> Source | None:
    """Return the result of the run `source` that went into a field of another run, or None."""
    kept = run.job.inputs.get(field.key)
    if kept is not None:
        files = [Given(file, (source.id,)) for file in source.state.files]
        digests = [
            given.result.digest
            for given in fitting(field, Source(source.id), files)
            if isinstance(given.result, OutputFile)
        ]
        numbers = (n for n, digest in enumerate(digests, 1) if digest == kept.digest)
        return next((Source(source.id, n) for n in numbers), None)
    value = run.job.values.get(field.key)
    takes_text = takes_from(field, Source(source.id, text=True), "text")
    # A run that isn't a parent has the same text by coincidence.
    if not value or not takes_text or source.id not in run.parents:
        return None
    texts = [output.text for output in source.state.texts]
    if value == "\n".join(texts) and len(texts) > 1:
        return Source(source.id, "all", text=True)
    numbers = (n for n, text in enumerate(texts, 1) if text == value)
    return next((Source(source.id, n, text=True) for n in numbers), None)


def _free(run: RecordedStep, given: Mapping[str, Source]) -> list[Field]:
    """Return the visible fields that got no result of another run."""
    return [item for item in run.form.fields if item.group != "hidden" and item.key not in given]


def _step_of_run(
    number: int, run: RecordedStep, given: Mapping[str, Source], names: Mapping[str, str]
) -> Step:
    form, job, free = run.form, run.record.job, _free(run, given)
    typed = literal_texts(drawn_texts(form), job.values)
    inputs = {
        _name(form, form.field(key)): (Source(names[source.step], source.pick, source.text),)
        for key, source in given.items()
    }
    return Step(
        name=names[run.record.id],
        number=number,
        workflow=job.workflow,
        title=str(form.title).strip(),
        values={_name(form, item): typed[item.key] for item in free if _is_fixed(run, item)},
        show=tuple(
            _name(form, item)
            for item in free
            # Without a visible field, the chain would always use the workflow's seed.
            if item.group == "main" or item.is_seed or item.key in job.inputs
        ),
        inputs=inputs,
    )


def _is_fixed(run: RecordedStep, field: Field) -> bool:
    """Return whether the user set the field to a value that a chain can have."""
    value = run.record.job.values.get(field.key)
    if field.is_media or field.is_seed or as_scalar(value) is None:
        return False
    if field.redraws and run.plain:  # the run's own form has its choice as the default
        return all(value != item.default for item in run.plain.fields if item.key == field.key)
    names = run.names or prefix_names(run.form.prompt)
    return not _is_untouched(run.record, run.form, names, field)


def _name(form: Form, field: Field) -> str:
    """Return the field's name in a chain: its label, or its key if another field has the same
    label. The number of an added file may belong to another field, so the key names such a file."""
    if field.is_media and "." in field.node:
        return field.key
    label = str(field.label)
    try:
        return label if find_field(form, label) is field else field.key
    except UnknownField:
        return field.key


def _step_names(workflows: Iterable[str]) -> Iterator[str]:
    """Yield a name for each step, based on its workflow's name."""
    taken: set[str] = set()
    for workflow in workflows:
        words = "-".join(_WORD.findall(workflow.rpartition("/")[2]))
        plain = words[:_LONGEST_NAME].strip("-") or "step"
        names = (plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 2)))
        name = next(candidate for candidate in names if candidate not in taken)
        taken.add(name)
        yield name


def _source_text(source: Source) -> str:
    kind = ".text" if source.text else ""
    pick = "" if source.pick == 1 else f"[{source.pick}]"
    return f"{source.step}{kind}{pick}"
