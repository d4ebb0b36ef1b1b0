"""`python -m comfy batch WORKFLOW`: run a workflow once for each row of values, save what it makes;
go on where it was stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path

from comfy.batches.rows import Axis, combined
from comfy.batches.table import Row, find_field, read_table
from comfy.batches.values import values_of
from comfy.cli.files import is_file, uploads_in, with_uploads
from comfy.cli.forms import OWNER, WORKFLOW, forms_of
from comfy.cli.kept_runs import check_new, starter_in
from comfy.cli.progress import BatchLine
from comfy.cli.results_table import write_results
from comfy.cli.save import save_copies
from comfy.cli.server import add_login_arguments, address_of
from comfy.cli.stopping import (
    FAILED,
    OK,
    UsageError,
    complain,
    complain_of,
    exit_status,
)
from comfy.client.client import Client
from comfy.discovery import ChosenServer, choose_server
from comfy.form.model import Form
from comfy.prompt.value_types import BadValue
from comfy.protocol.run_state import Phase
from comfy.records.blobs import BlobStore
from comfy.services.batches import BatchGaveUp, BatchRunner, RowBatch
from comfy.services.uploads import Upload
from comfy.workflow.model import read_workflow

RESULTS = "results.csv"
_NAMESPACE = uuid.UUID("4b8f2f0e-4d0c-5c0b-9a7e-5d2f6f3f1a10")  # of the ids of batches


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
    hint = f"python -m comfy form {args.workflow} lists the fields."
    return exit_status(lambda: _run(args), hint=hint, stopped="Go on with --resume.")


def _run(args: argparse.Namespace) -> int:
    workflow = read_workflow(args.workflow)
    with (
        choose_server(address_of(args)) as server,
        Client(server.address) as client,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_of(workflow, client.object_info)
        _, form = forms.form(WORKFLOW, OWNER)
        batch = _batch(args, form, Path(scratch))
        with starter_in(Path(scratch) / "check", client, forms) as starter:
            BatchRunner(starter, OWNER).check(batch)
        _say_what(batch, form, server)
        if args.check:
            return OK
        folder = args.out / f".batch-{batch.id.hex[:12]}"
        check_new(folder, "batch", resume=args.resume)
        if not folder.exists() and (args.out / RESULTS).exists():
            raise UsageError(
                f"{args.out} has the results of another batch.", "Name another folder with --out."
            )
        with starter_in(folder, client, forms) as starter:
            runner = BatchRunner(starter, OWNER)
            runner.resume()
            return _carry_out(batch, runner, starter.blobs, form, args.out)


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
    return tuple(
        replace(row, values=with_uploads(form, row.values, path.parent))
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
    saved = {  # also what a program that was killed has not saved
        index: save_copies(files, record, out, batch.prefix(index))
        for index, record in results.items()
    }
    line = BatchLine(sys.stderr, len(batch.rows), len(results))
    line.show(0)
    try:
        for index, record in runner.run(batch, set(results)):
            results[index] = record
            saved[index] = save_copies(files, record, out, batch.prefix(index))
            line.ended()
            for path in saved[index]:
                print(path)
            complain_of(record.state, f"Row {batch.rows[index].number}: ")
            line.show(sum(one.state.phase is not Phase.DONE for one in results.values()))
    except BatchGaveUp as error:
        complain(str(error), f"{error.hint.rstrip('.')}: --resume.")
    finally:
        line.clear()
        write_results(out / RESULTS, batch, results, saved, form)
    done = sum(record.state.phase is Phase.DONE for record in results.values())
    print(f"{done} of {len(batch.rows)} done", file=sys.stderr)
    return OK if done == len(batch.rows) else FAILED
