"""`python -m comfy batch WORKFLOW`: run a workflow once for each row of values, save what it makes;
go on where it was stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from comfy.batches.rows import Axis, combined
from comfy.batches.table import Row, TableErrors, find_field, read_table
from comfy.batches.values import values_of
from comfy.cli.files import is_file, upload_of, uploads_in
from comfy.cli.forms import OWNER, WORKFLOW, forms_of
from comfy.cli.progress import BatchLine
from comfy.cli.results_table import write_results
from comfy.cli.save import save_copies
from comfy.cli.server import add_login_arguments, address_of
from comfy.cli.stopping import (
    FAILED,
    OK,
    UNUSABLE,
    Signalled,
    UsageError,
    complain,
    stopped_by_signals,
)
from comfy.client.client import Client
from comfy.discovery import ChosenServer, choose_server
from comfy.errors import ComfyError
from comfy.form.model import Form
from comfy.prompt.value_types import BadValue
from comfy.protocol.run_state import Phase
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.records.store import HistoryLimits, RunStore
from comfy.runs.limits import RunLimits
from comfy.runs.registry import LocalRunRegistry
from comfy.services.batches import BatchGaveUp, BatchRunner, RowBatch, RowErrors
from comfy.services.forms import Forms
from comfy.services.start import Starter
from comfy.services.uploads import Upload, UploadLimits
from comfy.workflow.model import read_workflow

RESULTS = "results.csv"
_NAMESPACE = uuid.UUID("4b8f2f0e-4d0c-5c0b-9a7e-5d2f6f3f1a10")  # of the ids of batches
_AHEAD = 2  # handed to the server: it goes on at once
_NO_LIMITS = RunLimits(*[sys.maxsize] * 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflow", type=Path, metavar="WORKFLOW", help="workflow file, or media that holds one"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help=(
            "a row a run: CSV with a header, or JSON lines (.jsonl); columns are named as fields"
            " are, by label or NODE.INPUT; an empty cell leaves the workflow's value; files by"
            " their names, seen from the table"
        ),
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUES",
        dest="settings",
        help=(
            "several values of a field: numbers as in 1..10:3 or 20,30; choices as in euler,lcm;"
            " texts one a line, or @FILE with such lines, {red|green} for one each; for images and"
            " other media a file, a folder or a ZIP; may be repeated"
        ),
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="the first values together, then the second ones, instead of every combination",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder for the files and results.csv (default: here)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a batch that was begun in this folder"
    )
    parser.add_argument(
        "--check", action="store_true", help="only check the values and say how many rows there are"
    )
    parser.add_argument(
        "--server", metavar="URL", help="ComfyUI server (default: the one found, else the stand-in)"
    )
    add_login_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the batch. 0: all rows are done and saved; 1: some failed; 2: nothing could be started.

    SIGINT and SIGTERM stop it, with 128 + the signal's number; --resume goes on.
    """
    try:
        with stopped_by_signals():
            return _run(args)
    except (RowErrors, TableErrors) as error:
        complain("\n".join(error.problems))
        complain(error.hint or f"python -m comfy form {args.workflow} lists the fields.")
        return UNUSABLE
    except ComfyError as error:
        complain(str(error), error.hint)
        return UNUSABLE
    except Signalled as stop:
        complain("Stopped.", "Go on with --resume.")
        return stop.status


def _run(args: argparse.Namespace) -> int:
    workflow = read_workflow(args.workflow)
    with (
        choose_server(address_of(args)) as server,
        Client(server.address) as client,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_of(workflow, client.object_info)
        _, form = forms.form(OWNER, WORKFLOW)
        batch = _batch(args, form, Path(scratch))
        with _runner(Path(scratch) / "check", client, forms) as (runner, _):
            runner.check(batch)
        _say_what(batch, form, server)
        if args.check:
            return OK
        with _runner(_records_folder(args, batch), client, forms) as (runner, files):
            runner.resume()
            return _carry_out(batch, runner, files, form, args.out)


def _records_folder(args: argparse.Namespace, batch: RowBatch) -> Path:
    """Where what became of a batch is remembered. UsageError if it is not to be used."""
    folder: Path = args.out / f".batch-{batch.id.hex[:12]}"
    if folder.exists() and not args.resume:
        raise UsageError(
            "This batch was begun in this folder before.",
            "Add --resume to go on with it, or name another folder with --out.",
        )
    if not folder.exists() and (args.out / RESULTS).exists():
        raise UsageError(
            f"{args.out} has the results of another batch.", "Name another folder with --out."
        )
    return folder


@contextmanager
def _runner(folder: Path, client: Client, forms: Forms) -> Iterator[tuple[BatchRunner, BlobStore]]:
    """What runs batches with all that is remembered of them in a folder."""
    files = BlobStore(folder)
    url = f"sqlite:///{folder.resolve() / 'history.db'}"
    with closing(RunStore(url, files, HistoryLimits(math.inf, sys.maxsize))) as history:
        if not files.ours:
            raise UsageError("Another program works on this batch.", "Wait until it has ended.")
        runs = LocalRunRegistry(client, history=history, ahead=_AHEAD, limits=_NO_LIMITS)
        try:
            starter = Starter(runs, forms, files, UploadLimits(file=None, run=math.inf))
            yield BatchRunner(starter, OWNER), files
        finally:
            runs.close()


# What is to be run


def _batch(args: argparse.Namespace, form: Form, scratch: Path) -> RowBatch:
    table = _table(args.csv, form) if args.csv else ()
    axes = [_axis(form, text, scratch) for text in args.settings]
    if not table and not axes:
        raise UsageError("There are no values.", "Name some with --csv or --set.")
    try:
        rows = combined(axes, table, paired=args.pairs)
    except BadValue as error:
        raise UsageError(str(error)) from error
    seeds = {field.key: field.default for field in form.fields if field.widget == "seed"}
    rows = tuple(replace(row, values={**seeds, **row.values}) for row in rows)
    return RowBatch(_identity(args.workflow, rows), WORKFLOW, rows)


def _table(path: Path, form: Form) -> tuple[Row, ...]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    media = {field.key for field in form.fields if field.is_media}

    def value_of(key: str, value: object) -> object:
        file = path.parent / str(value)
        return upload_of(file) if key in media and is_file(file) else value

    return tuple(
        replace(row, values={key: value_of(key, value) for key, value in row.values.items()})
        for row in read_table(path.name, data, form)
    )


def _axis(form: Form, text: str, scratch: Path) -> Axis:
    name, equals, values = text.partition("=")
    if not equals:
        raise UsageError(
            f"--set {text!r} is not FIELD=VALUES.", "Write it as in --set steps=10..30:10."
        )
    field = find_field(form, name)
    if field.is_media and values:
        return Axis(field, uploads_in(Path(values), scratch))
    if field.type == "STRING" and values.startswith("@") and is_file(Path(values[1:])):
        values = Path(values[1:]).read_text(encoding="utf-8-sig", errors="replace")
    try:
        return Axis(field, values_of(form, field, values))
    except BadValue as error:
        raise UsageError(f"{field.label}: {error}") from error


def _identity(workflow: Path, rows: tuple[Row, ...]) -> uuid.UUID:
    """The same for the same workflow and the same rows, so that a batch finds itself again."""
    content = hashlib.sha256(workflow.read_bytes())
    for row in rows:
        content.update(json.dumps(dict(row.values), default=_file_identity).encode())
    return uuid.uuid5(_NAMESPACE, content.hexdigest())


def _file_identity(value: object) -> object:
    return [value.name, value.size] if isinstance(value, Upload) else str(value)


def _say_what(batch: RowBatch, form: Form, server: ChosenServer) -> None:
    count = len(batch.rows)
    print(f"{form.title} on {server}: {count} {'row' if count == 1 else 'rows'}", file=sys.stderr)


# What has become of it


def _carry_out(
    batch: RowBatch, runner: BatchRunner, files: BlobStore, form: Form, out: Path
) -> int:
    results = runner.done(batch)
    for index, record in results.items():  # those of a program that was killed before it saved them
        save_copies(files, record, out, batch.prefix(index))
    line = BatchLine(sys.stderr, len(batch.rows), len(results))
    line.show(0)
    try:
        for index, record in runner.run(batch, set(results)):
            results[index] = record
            paths = save_copies(files, record, out, batch.prefix(index))
            line.ended()
            for path in paths:
                print(path)
            _complain_of(batch.rows[index], record)
            line.show(sum(one.state.phase is not Phase.DONE for one in results.values()))
    except BatchGaveUp as error:
        complain(str(error), f"{error.hint.rstrip('.')}: --resume.")
    finally:
        line.clear()
        write_results(out / RESULTS, batch, results, form)
    done = sum(record.state.phase is Phase.DONE for record in results.values())
    print(f"{done} of {len(batch.rows)} done", file=sys.stderr)
    return OK if done == len(batch.rows) else FAILED


def _complain_of(row: Row, record: Record) -> None:
    if (error := record.state.error) is not None:
        where = f"{error.node_title}: " if error.node_title else ""
        complain(f"Row {row.number}: {where}{error.message}", error.hint)
