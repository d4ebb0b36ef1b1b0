"""`python -m comfy run WORKFLOW`: run a workflow, show its progress, and save its results."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from comfy.base.errors import ComfyError
from comfy.base.json_values import parse_sent
from comfy.cli.files import check_folder, save_file, with_uploads
from comfy.cli.kept_runs import starter_in
from comfy.cli.options import (
    OWNER,
    WORKFLOW,
    add_server_arguments,
    addresses_of,
    forms_of,
    split_settings,
)
from comfy.cli.outcome import (
    FAILED,
    OK,
    StopSignals,
    UsageError,
    complain,
    complain_of,
    exit_status,
)
from comfy.cli.progress import ProgressLine
from comfy.comfyui.discovery import choose_servers, opened_servers
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.model import Form
from comfy.form.server_errors import place_errors
from comfy.launch.start import FieldErrors, Starter
from comfy.library.catalog import CatalogCache
from comfy.records.record import Job
from comfy.records.serialization import state_to_json
from comfy.runs.interface import UNWATCHED, Origin, Run
from comfy.workflow.model import read_workflow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflow",
        type=Path,
        metavar="WORKFLOW",
        help="workflow file, or a media file that contains one",
    )
    add_server_arguments(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        dest="settings",
        help=(
            "value to use instead of the workflow's, such as 6.text='a lighthouse'; for images"
            " and other media the name of a local file, which is uploaded to the server; an empty"
            " seed is random; an empty image is left out if the workflow can do without it; can be"
            " repeated"
        ),
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder for the files (default: here)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def main(args: argparse.Namespace) -> int:
    """Run the workflow and return the exit status: 0 if it is done and saved, 1 if it was refused,
    failed or lost, or lacks results, 2 if it couldn't start.

    SIGINT and SIGTERM cancel the run at the server; the status is then 128 + the signal's number,
    as in shells.
    """
    return exit_status(partial(_run, args))


def _run(args: argparse.Namespace, signals: StopSignals) -> int:
    workflow = read_workflow(args.workflow)
    settings = _settings(args.settings)
    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        forms = forms_of(workflow, CatalogCache.of(servers))
        _, form = forms.form(WORKFLOW, OWNER, settings)
        values = _values(form, settings)
        with starter_in(Path(folder), servers, forms, signals) as starter:
            run = _start(starter, form, values, args.out)
            print(f"{form.title} on {named}", file=sys.stderr)
            notes = form.notes_on(values)
            for note in notes:
                complain(note)
            state = _watch(run)
        view, saved, trouble = partial(servers.view, at=run.record.server), list[Path](), None
        try:
            for file in state.files:
                saved.append(save_file(view, file, args.out))
        except ComfyError as error:
            trouble = error
    _report(state, form, run.job, saved, notes, as_json=args.json)
    if trouble:
        complain(str(trouble), trouble.hint)
    is_whole = state.phase is Phase.DONE and not state.node_errors
    return OK if is_whole and not trouble else FAILED


def _start(starter: Starter, form: Form, values: Mapping[str, object], out: Path) -> Run:
    try:
        run = starter.prepare(WORKFLOW, values, Origin(OWNER))
        run.raise_errors()
        if any(output.kind != "text" for output in form.outputs):
            check_folder(out)
        return starter.submit(run, UNWATCHED)
    except FieldErrors as error:
        known = ", ".join(sorted(_keys(form)))
        raise UsageError(
            " ".join(error.labelled.values()), f"Inputs that can be set: {known}."
        ) from error


def _watch(run: Run) -> RunState:
    """Show the run's progress and return its final state."""
    progress = ProgressLine(sys.stderr)
    try:
        for state in run.watch():
            progress.show(state)
        return state
    finally:
        progress.end()


# The request


def _settings(texts: Sequence[str]) -> dict[str, str]:
    return dict(
        split_settings(texts, "NODE.INPUT=VALUE", "6.text='a lighthouse'", lambda name: "." in name)
    )


def _keys(form: Form) -> dict[str, str]:
    """Return the keys of the fields by the input that they set, as NODE.INPUT."""
    return {target.key: field.key for field in form.fields for target in field.targets}


def _values(form: Form, settings: Mapping[str, str]) -> dict[str, object]:
    """Return values by field key: the user's, and the workflow's own seeds."""
    keys = _keys(form)
    values: dict[str, object] = {field.key: field.default for field in form.fields if field.is_seed}
    values |= {keys.get(key, key): _value(value) for key, value in settings.items()}
    return with_uploads(form, values, Path())


def _value(text: str) -> object:
    """Parse JSON strings, booleans and null; any other text stays unchanged.

    Numbers stay text: the form reads them by their field's type, integers exactly.
    """
    try:
        value = parse_sent(text)  # not `parse_json`, which reads the word NaN as null
    except ValueError:
        return text
    return value if isinstance(value, str | bool) or value is None else text


# The result


def _report(
    state: RunState,
    form: Form,
    job: Job,
    saved: list[Path],
    notes: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    if as_json:
        by_field, general = place_errors(form, state.node_errors)
        outcome = _outcome(state, job, saved, by_field, general) | {"notes": list(notes)}
        print(json.dumps(outcome, ensure_ascii=False, indent=2))
        return
    for path in saved:
        print(path)
    for text in state.texts:
        print(text.text)
    complain_of(state, form)
    if state.error is not None and state.error.detail:
        complain(state.error.detail)


def _outcome(
    state: RunState,
    job: Job,
    saved: list[Path],
    refusals: Mapping[str, str],
    general: tuple[str, ...],
) -> dict[str, Any]:
    state_doc = state_to_json(state)
    seconds = (
        state.finished_at - state.started_at if state.finished_at and state.started_at else None
    )
    return state_doc | {
        "state": state_doc["phase"],
        "seconds": None if seconds is None else round(seconds, 3),
        "values": dict(job.values),
        "files": [
            {"path": str(path)} | file
            for file, path in zip(state_doc["files"], saved, strict=False)
        ],
        "field_errors": dict(refusals),
        "other_errors": list(general),
    }
