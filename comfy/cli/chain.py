"""`python -m comfy chain CHAIN`: run workflows one after another, save what each makes; go on where
it was stopped."""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.filenames import is_beside
from comfy.base.wording import short
from comfy.batches.find_field import UnknownField, find_field
from comfy.chains.chosen import check_steps, chosen, never_run, wrong_switches
from comfy.chains.fields import FormStep
from comfy.chains.model import Chain, ChainErrors
from comfy.chains.order import held_up
from comfy.chains.read import SUFFIX, read_chain
from comfy.chains.runner import ChainRunner, StepEnd, StepProblem
from comfy.cli.files import is_file, with_uploads
from comfy.cli.forms import OWNER, forms_by_name
from comfy.cli.kept_runs import check_new, starter_in
from comfy.cli.outcome import (
    FAILED,
    OK,
    complain,
    complain_of,
    complain_of_error,
    exit_status,
)
from comfy.cli.progress import ChainLine
from comfy.cli.save import save_copies
from comfy.cli.server import add_server_arguments, addresses_of
from comfy.cli.settings import split_settings
from comfy.cli.stop_signals import StopSignals
from comfy.comfyui.discovery import choose_servers, opened_servers
from comfy.form.model import Form
from comfy.library.wildcard_files import FOLDER, WildcardFiles
from comfy.records.blobs import BlobStore
from comfy.runs.interface import Origin
from comfy.workflow.model import Workflow, read_workflow, title_from_name

_NAMESPACE = uuid.UUID("0d1b6c0a-41d5-5b39-9c3a-6f1b7c2e8d44")  # of the groups of chains' runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("chain", type=Path, metavar="CHAIN", help=f"chain file, NAME{SUFFIX}")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="STEP.FIELD=VALUE",
        dest="settings",
        help=(
            "a value of a field of a step, by its label or NODE.INPUT, as in base.prompt='a boat';"
            " for images and other media the name of a file here; or SWITCH=CHOICE; may be repeated"
        ),
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="STEP",
        help="leave out an optional step: what it would have been given goes to the next",
    )
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="STEP",
        help="run a step even if it is done, with --resume",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder for the files (default: here)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help=(
            "go on with a chain that was begun in this folder; steps that are done are not run"
            " again, unless their values have changed"
        ),
    )
    parser.add_argument(
        "--check", action="store_true", help="only check the values and list the steps"
    )
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the chain. 0: all steps are done and saved; 1: some failed; 2: nothing could be started.

    SIGINT and SIGTERM stop it, with 128 + the signal's number; --resume goes on.
    """
    return exit_status(
        partial(_run, args),
        hint=f"python -m comfy chain {args.chain} --check lists the steps and their fields.",
        stopped="Go on with --resume.",
    )


def _run(args: argparse.Namespace, signals: StopSignals) -> int:
    try:
        whole = read_chain(args.chain)
    except ChainErrors as error:
        raise ChainErrors(error.problems, "docs/chains.md says how one is written.") from error
    problems: list[str] = []
    chain, settings = _chosen(whole, args, problems)
    name = args.chain.name.removesuffix(".toml").removesuffix(".chain")
    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_by_name(_workflows(args.chain.parent), servers.object_info)
        wildcards = WildcardFiles(args.chain.parent / FOLDER).lines
        with starter_in(Path(scratch), servers, forms, signals, wildcards) as starter:
            runner = ChainRunner(starter, Origin(OWNER))
            found = runner.steps(chain, settings, problems)
            steps = [
                _with_files(one, settings.get(one.step.name, {}), args.chain.parent)
                for one in found
            ]
            _check(runner, steps, problems)
        count = f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}"
        print(f"{chain.title or title_from_name(name)} on {named}: {count}", file=sys.stderr)
        if args.check:
            print("\n".join(_listed(steps)))
            for said in never_run(whole):
                complain(said)
            return OK
        folder = args.out / f".chain-{name}"
        check_new(folder, "chain", resume=args.resume)
        with starter_in(folder, servers, forms, signals) as starter:
            runner = ChainRunner(starter, Origin(OWNER))
            runner.resume()
            group = str(uuid.uuid5(_NAMESPACE, name))
            line = ChainLine(sys.stderr, {one.step.name: one.title for one in steps})
            watch = line.show if sys.stderr.isatty() else None
            ends = runner.run(group, steps, again=dict.fromkeys(args.again, ()), watch=watch)
            return _carry_out(steps, signals.checked(ends), line, starter.blobs, args.out)


# What is to be run


def _settings(texts: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
    """What was set: the switches, and the fields of each step by what they were called."""
    switches: dict[str, str] = {}
    fields: dict[str, dict[str, object]] = {}
    for name, value in split_settings(texts, "STEP.FIELD=VALUE", "base.prompt='a boat'"):
        step, dot, field = name.strip().partition(".")
        if dot:
            fields.setdefault(step, {})[field] = value
        else:
            switches[step] = value
    return switches, fields


def _chosen(
    whole: Chain, args: argparse.Namespace, problems: list[str]
) -> tuple[Chain, dict[str, dict[str, object]]]:
    """The chain that is to run, and what was set in its steps; `problems` gets what is said of all
    other names, and of switches. ChainErrors, with these, where it cannot run so."""
    switches, settings = _settings(args.settings)
    named = dict.fromkeys((*settings, *args.again))
    known = [step.name for step in whole.steps]
    wrong = wrong_switches(whole, switches)
    problems += wrong.values()
    with _gathered(problems):
        check_steps(named, known)
    good = {name: choice for name, choice in switches.items() if name not in wrong}
    try:
        chain = chosen(whole, good, args.without)
    except ChainErrors as error:
        raise ChainErrors([*problems, *error.problems]) from error
    runs = {step.name for step in chain.steps}
    problems += (
        f"Step “{name}” does not run. Leave out its --set and --again."
        for name in named
        if name in known and name not in runs
    )
    return chain, {name: fields for name, fields in settings.items() if name in runs}


def _check(runner: ChainRunner, steps: Sequence[FormStep], problems: list[str]) -> None:
    """ChainErrors with these problems, and all that is wrong with the steps' values."""
    if problems:
        with _gathered(problems):
            runner.check(steps)
        raise ChainErrors(dict.fromkeys(problems))
    runner.check(steps)


@contextmanager
def _gathered(problems: list[str]) -> Iterator[None]:
    """What is said of names and values is put to `problems`."""
    try:
        yield
    except ChainErrors as error:
        problems += error.problems


def _workflows(folder: Path) -> Callable[[str], Workflow]:
    """What gives the workflows beside a chain by their names, each read once."""

    @cache
    def workflow(name: str) -> Workflow:
        for file in (folder / f"{name.removesuffix('.json')}.json", folder / name):
            if is_file(file):
                return read_workflow(file)
        raise WorkflowError(
            f"There is no workflow “{short(name)}” in {folder}.", "Put it beside the chain."
        )

    return workflow


def _with_files(step: FormStep, settings: Mapping[str, object], folder: Path) -> FormStep:
    """The step with the files that it names: those of people seen from here, its author's from the
    chain."""
    here = set()
    for name in settings:
        with suppress(UnknownField):  # told with all else
            here.add(find_field(step.form, name).key)
    given = {key: step.values[key] for key in here}

    def authors(values: Mapping[str, object]) -> dict[str, object]:
        beside = {key: value for key, value in values.items() if is_beside(str(value))}
        return {**values, **with_uploads(step.form, beside, folder)}

    values = authors(step.values) | with_uploads(step.form, given, Path())
    return replace(step, values=values, rows=tuple(map(authors, step.rows)))


def _listed(steps: Iterable[FormStep]) -> Iterable[str]:
    for one in steps:
        runs = f", {len(one.rows)} times" if len(one.rows) > 1 else ""
        sources = dict.fromkeys(source.step for source in one.inputs.values())
        after = f", after {', '.join(sources)}" if sources else ""
        yield f"{one.step.number} {one.step.name}: {one.title}{after}{runs}"
        for field in one.shown:
            value = one.values.get(field.key, field.default)
            yield f"  {one.step.name}.{field.label} = {'' if value is None else short(value)}"


# What has become of it


def _carry_out(
    steps: Sequence[FormStep], ends: Iterable[StepEnd], line: ChainLine, files: BlobStore, out: Path
) -> int:
    width = len(str(max(one.step.number for one in steps)))
    numbers = {one.step.name: f"{one.step.number:0{width}}" for one in steps}
    forms = {one.step.name: one.form for one in steps}
    undone = {*forms}
    failed: set[str] = set()
    left: dict[str, int] = {}
    try:
        for end in ends:
            line.ended(end.step, end.runs)
            is_saved = _tell(end, forms[end.step], f"{numbers[end.step]}-{end.step}-", files, out)
            left[end.step] = left.get(end.step, end.runs) - 1
            if not end.is_done or not is_saved:
                failed.add(end.step)
            elif not left[end.step] and end.step not in failed:
                undone.discard(end.step)
    finally:
        line.clear()
    for step in held_up([one.step for one in steps], failed):
        complain(f"Step “{step.name}” was not run: it needs what failed.")
    print(f"{len(steps) - len(undone)} of {len(steps)} steps done", file=sys.stderr)
    return FAILED if undone else OK


def _tell(end: StepEnd, form: Form, prefix: str, files: BlobStore, out: Path) -> bool:
    """Save and name what a run has made, or say why not; whether all of it was saved."""
    number = f"{end.run:0{len(str(end.runs))}}-" if end.runs > 1 else ""
    where = f"Step “{end.step}”{f', run {end.run}' if end.runs > 1 else ''}: "
    match end.outcome:
        case StepProblem(error):
            complain_of_error(error, what=where)
        case record:
            try:
                saved = save_copies(files, record, out, f"{prefix}{number}")
            except ComfyError as error:
                complain(f"{where}{error}", error.hint)
                return False
            for told in (*saved, *(text.text for text in record.state.texts)):
                print(told, flush=True)
            complain_of(record.state, form, where)
    return True
