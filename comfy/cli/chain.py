"""`python -m comfy chain CHAIN`: run workflows one after another and save their results; resume
after a stop."""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.wording import short
from comfy.chains.folder import SUFFIX, ChainFolder, read_chain
from comfy.chains.forms import ChainForms, ChainPlan
from comfy.chains.model import (
    Chain,
    ChainErrors,
    StepKey,
    check_steps,
    choices_that_cannot_run,
    chosen,
    held_up,
    wrong_switches,
)
from comfy.chains.queue import ChainQueue
from comfy.chains.runner import RunStates, StepEnd
from comfy.chains.steps import PlannedStep, StepPlanner
from comfy.cli.files import is_file, save_copies, with_uploads
from comfy.cli.kept_runs import NO_CHAIN_LIMITS, check_new, closed_after, starter_in
from comfy.cli.options import (
    OWNER,
    add_server_arguments,
    addresses_of,
    forms_by_name,
    split_settings,
)
from comfy.cli.outcome import (
    FAILED,
    OK,
    StopSignals,
    complain,
    complain_of,
    complain_of_error,
    exit_status,
)
from comfy.cli.progress import ChainLine
from comfy.comfyui.discovery import choose_servers, opened_servers
from comfy.launch.start import Starter
from comfy.library.catalog import CatalogCache
from comfy.library.wildcard_files import FOLDER, WildcardFiles
from comfy.records.blobs import BlobStore
from comfy.runs.interface import Origin
from comfy.workflow.model import Workflow, read_workflow, title_from_name

# Namespace of chain ids, which derive from names.
_NAMESPACE = uuid.UUID("0d1b6c0a-41d5-5b39-9c3a-6f1b7c2e8d44")


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
            "value for a step's field, by label or NODE.INPUT, such as base.prompt='a boat'; for"
            " images and other media the name of a local file; or SWITCH=CHOICE; can be repeated"
        ),
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="STEP",
        help="skip an optional step; its input goes to the next step",
    )
    parser.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="STEP",
        help="with --resume, run a step again even if it is done",
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
            "resume a chain that was started in this folder; finished steps run again only if"
            " their values have changed"
        ),
    )
    parser.add_argument(
        "--check", action="store_true", help="only check the values and list the steps"
    )
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the chain and return the exit status: 0 if all steps are done and saved, 1 if some
    failed, 2 if nothing could start.

    After SIGINT or SIGTERM it is 128 + the signal's number.
    """
    return exit_status(
        partial(_run, args),
        hint=f"python -m comfy chain {args.chain} --check lists the steps and their fields.",
        stopped="Continue with --resume.",
    )


def _run(args: argparse.Namespace, signals: StopSignals) -> int:
    try:
        whole = read_chain(args.chain)
    except ChainErrors as error:
        raise ChainErrors(error.problems, "docs/chains.md describes the format.") from error
    problems: list[str] = []
    chain, settings = _chosen(whole, args, problems)
    name = args.chain.name.removesuffix(".toml").removesuffix(".chain")
    chain = replace(chain, title=chain.title or title_from_name(name))
    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_by_name(_workflows(args.chain.parent), CatalogCache.of(servers))
        wildcards = WildcardFiles(args.chain.parent / FOLDER).lines
        with starter_in(Path(scratch), servers, forms, signals, wildcards) as starter:
            planner = StepPlanner(starter, OWNER)
            steps, values = _planned(planner, chain, settings, args.chain.parent, problems)
            _check(planner, steps, problems)
        count = f"{len(steps)} {'step' if len(steps) == 1 else 'steps'}"
        print(f"{chain.title} on {named}: {count}", file=sys.stderr)
        for step in steps:
            for note in step.form.notes_on({**step.values, **step.rows[0]}):
                complain(f"{step.name}: {note}")
        if args.check:
            print("\n".join(_listed(steps)))
            for problem in choices_that_cannot_run(whole):
                complain(problem)
            return OK
        folder = args.out / f".chain-{name}"
        check_new(folder, "chain", resume=args.resume)
        plan = ChainPlan(name, OWNER, chain, values, steps)
        with starter_in(folder, servers, forms, signals) as starter:
            starter.runs.resume()
            return _carry_out(starter, plan, args, signals)


# Planning


def _settings(texts: Sequence[str]) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
    """Return the settings of switches, and the settings of each step by the names of its fields."""
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
    """Return the chain that runs, and the settings of its steps. `problems` collects the errors of
    other names and of switches. Raises ChainErrors with them if the chain can't run."""
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
        f"Step “{name}” isn't part of this run. Remove its --set and --again."
        for name in named
        if name in known and name not in runs
    )
    return chain, {name: fields for name, fields in settings.items() if name in runs}


def _planned(
    planner: StepPlanner,
    chain: Chain,
    settings: Mapping[str, Mapping[str, object]],
    folder: Path,
    problems: list[str],
) -> tuple[tuple[PlannedStep, ...], dict[StepKey, object]]:
    """Return the steps with the user's values, and these values by key. The author's files are
    beside the chain, and the user's files are in the current folder."""
    forms = {
        step.name: planner.step_form(step, settings.get(step.name, {})) for step in chain.steps
    }
    steps, values = [], dict[StepKey, object]()
    for step in planner.steps(chain, forms, folder, problems):
        keys = {field.key for field in step.form.fields}
        settings_by_key = forms[step.name].settings
        given = {key: value for key, value in settings_by_key.items() if key in keys}
        own = with_uploads(step.form, given, Path())
        steps.append(replace(step, values={**step.values, **own}))
        values |= {StepKey(step.name, key): value for key, value in own.items()}
    return tuple(steps), values


def _check(planner: StepPlanner, steps: Sequence[PlannedStep], problems: list[str]) -> None:
    """Raise ChainErrors with `problems` and all errors in the steps' values."""
    if problems:
        with _gathered(problems):
            planner.check(steps)
        raise ChainErrors(dict.fromkeys(problems))
    planner.check(steps)


@contextmanager
def _gathered(problems: list[str]) -> Iterator[None]:
    """Add the errors of the block to `problems`."""
    try:
        yield
    except ChainErrors as error:
        problems += error.problems


def _workflows(folder: Path) -> Callable[[str], Workflow]:
    """Return a function that returns the workflow with a given name and reads each file once."""

    @cache
    def workflow(name: str) -> Workflow:
        for file in (folder / f"{name.removesuffix('.json')}.json", folder / name):
            if is_file(file):
                return read_workflow(file)
        raise WorkflowError(
            f"There is no workflow “{short(name)}” in {folder}.", "Put it next to the chain file."
        )

    return workflow


def _listed(steps: Iterable[PlannedStep]) -> Iterable[str]:
    for step in steps:
        runs = f", {len(step.rows)} times" if len(step.rows) > 1 else ""
        sources = dict.fromkeys(source.step for source in step.inputs.values())
        after = f", after {', '.join(sources)}" if sources else ""
        yield f"{step.step.number} {step.name}: {step.title}{after}{runs}"
        for field in step.shown:
            value = step.values.get(field.key, field.default)
            yield f"  {step.name}.{field.label} = {'' if value is None else short(value)}"


# Running


def _carry_out(
    starter: Starter, plan: ChainPlan, args: argparse.Namespace, signals: StopSignals
) -> int:
    """Run the plan in the app's queue, and save the results of each run when it ends."""
    events: SimpleQueue[StepEnd | RunStates | None] = SimpleQueue()
    queue = ChainQueue(ChainForms(ChainFolder(args.chain.parent), starter), NO_CHAIN_LIMITS)
    chain_id = str(uuid.uuid5(_NAMESPACE, plan.name))
    progress = _Progress(plan, starter.blobs, args.out)
    with closed_after(starter, queue):
        queue.start_checked(plan, Origin(OWNER), chain_id, again=args.again, watch=events.put)
        try:
            for event in signals.checked(iter(events.get, None)):
                match event:
                    case StepEnd():
                        progress.end(event)
                    case Mapping() as states:
                        progress.line.show(states)
        finally:
            progress.line.clear()
        if why := queue.get(chain_id, OWNER).why:
            raise ComfyError(why)
    return progress.status()


class _Progress:
    """Progress of a chain: saves and reports the results of its runs, and tracks which steps are
    done."""

    def __init__(self, plan: ChainPlan, files: BlobStore, out: Path) -> None:
        self._steps = [step.step for step in plan.steps]
        width = len(str(max(step.number for step in self._steps)))
        self._prefixes = {step.name: f"{step.number:0{width}}-{step.name}" for step in self._steps}
        self._forms = {step.name: step.form for step in plan.steps}
        self._files, self._out = files, out
        self._failed: set[str] = set()
        self._done: set[str] = set()
        self._left: dict[str, int] = {}
        self.line = ChainLine(sys.stderr, {step.name: step.title for step in plan.steps})

    def end(self, end: StepEnd) -> None:
        self.line.ended(end.step, end.runs)
        is_saved = self._save(end)
        self._left[end.step] = self._left.get(end.step, end.runs) - 1
        if not end.is_done or not is_saved:
            self._failed.add(end.step)
        elif not self._left[end.step] and end.step not in self._failed:
            self._done.add(end.step)

    def status(self) -> int:
        """Report the steps that didn't run, and return the exit status."""
        for step in held_up(self._steps, self._failed):
            complain(f"Step “{step.name}” was not run because a step it needs failed.")
        print(f"{len(self._done)} of {len(self._steps)} steps done", file=sys.stderr)
        return OK if len(self._done) == len(self._steps) else FAILED

    def _save(self, end: StepEnd) -> bool:
        """Save a run's results and print their names, or report why not. Return whether all of
        them are saved."""
        number = f"-{end.number:0{len(str(end.runs))}}" if end.runs > 1 else ""
        where = f"Step “{end.step}”{f', run {end.number}' if end.runs > 1 else ''}: "
        match end.outcome:
            case ComfyError() as error:
                complain_of_error(error, what=where)
            case record:
                try:
                    prefix = f"{self._prefixes[end.step]}{number}-"
                    saved = save_copies(self._files, record, self._out, prefix)
                except ComfyError as error:
                    complain(f"{where}{error}", error.hint)
                    return False
                for line in (*saved, *(text.text for text in record.state.texts)):
                    print(line, flush=True)
                complain_of(record.state, self._forms[end.step], where)
        return True
