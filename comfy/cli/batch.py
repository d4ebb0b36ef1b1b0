"""`python -m comfy batch WORKFLOW`: run a workflow once for each row of values, save what it makes;
go on where it was stopped."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from comfy.base.errors import ComfyError, ManyProblems
from comfy.batches.check import estimate
from comfy.batches.content import BatchContent, Column
from comfy.batches.find_field import find_field
from comfy.batches.rows import Axis, combined
from comfy.batches.runner import BatchGaveUp, BatchRunner, RowBatch
from comfy.batches.spec import with_drawn_texts
from comfy.batches.table import Row, Table, read_cells, read_table
from comfy.batches.values import values_of
from comfy.cli.batch_form import form_of_batch
from comfy.cli.files import other_kinds, read_text_file, table_rows, uploads_in
from comfy.cli.forms import OWNER, WORKFLOW, forms_of
from comfy.cli.kept_runs import check_new, starter_in
from comfy.cli.outcome import (
    FAILED,
    OK,
    UsageError,
    complain,
    complain_of,
    exit_status,
)
from comfy.cli.progress import BatchLine, duration_words, size_words
from comfy.cli.results_table import write_results
from comfy.cli.save import save_copies
from comfy.cli.server import add_server_arguments, addresses_of
from comfy.cli.stop_signals import StopSignals
from comfy.comfyui.discovery import ChosenServers, choose_servers, opened_servers
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.model import Form
from comfy.launch.once import NOT_FETCHED
from comfy.launch.start import Starter
from comfy.launch.uploads import content_of, distinctly_named
from comfy.library.wildcard_files import FOLDER, WildcardFiles
from comfy.prompt.model import Prompt
from comfy.prompt.value_types import BadValue
from comfy.prompt.wildcards import LinesOf
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfy.workflow.model import read_workflow

_RESULTS = "results.csv"
_RECORDS = ".batch-"  # and the id, in the folder of the results
_LOOKED_INTO = 5  # earlier batches
_NAMED = 5  # files that were left out
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
            " are, by label or NODE.INPUT; an empty cell leaves the workflow's value; of"
            " {red|green} in a cell one is drawn, and __NAME__ stays as it is; files by their"
            " names, in the table's folder"
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
            " texts one a line, {red|green} for one each, __NAME__ for each line of"
            " wildcards/NAME.txt beside the workflow, or @FILE with such lines (@@ for a text that"
            " begins with @); for images and other media a file, or a folder or a ZIP with"
            " all folders in it; may be repeated"
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
        "--check",
        action="store_true",
        help=(
            "only check the values and say how many rows there are, and about how long they take"
            " and how large their results are, going by earlier batches of the workflow in the"
            " folder of --out and in those beside it"
        ),
    )
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the batch. 0: all rows are done and saved; 1: some failed; 2: nothing could be started.

    SIGINT and SIGTERM stop it, with 128 + the signal's number; --resume goes on.
    """
    hint = f"python -m comfy form {args.workflow} lists the fields."
    return exit_status(partial(_run, args), hint=hint, stopped="Go on with --resume.")


def _run(args: argparse.Namespace, signals: StopSignals) -> int:
    workflow = read_workflow(args.workflow)
    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_of(workflow, servers.object_info)
        form = form_of_batch(forms, args.settings, _cells(args.csv) if args.csv else ())
        batch, wrong = _read(args, form, Path(scratch))
        with starter_in(Path(scratch) / "check", servers, forms, signals) as starter:
            BatchRunner(starter, Origin(OWNER)).check(batch, wrong)
        if args.check:
            earlier = _earlier_batches(args.out)
            opened = (starter_in(one, servers, forms, signals) for one in earlier)
            told = (_estimate(one, form, batch) for one in opened)
            _say_what(batch, form, named, next(filter(None, told), ""))
            return OK
        _say_what(batch, form, named)
        folder = args.out / f"{_RECORDS}{batch.id.hex[:12]}"
        check_new(folder, "batch", resume=args.resume)
        _check_alone(args.out, folder)
        with starter_in(folder, servers, forms, signals) as starter:
            runner = BatchRunner(starter, Origin(OWNER))
            runner.resume()
            known = runner.last(batch) if args.resume else {}
            results = _Results(batch, form, args.out, starter.blobs, known)
            return _carry_out(results, runner, signals)


def _check_alone(out: Path, folder: Path) -> None:
    """UsageError where there are results of another batch than the one that is remembered in
    `folder`."""
    others = [one for one in out.glob(f"{_RECORDS}*") if one != folder]
    if others or (not folder.exists() and (out / _RESULTS).exists()):
        raise UsageError(
            f"{out} has the results of another batch.", "Name another folder with --out."
        )


# What is to be run


def _read(args: argparse.Namespace, form: Form, scratch: Path) -> tuple[RowBatch, list[str]]:
    """The batch as far as the options can be read, and all that is wrong with the rest;
    ManyProblems with that where there is none."""
    wildcards = WildcardFiles(args.workflow.parent / FOLDER).lines
    table, axes, wrong = Table(), list[Axis](), list[str]()
    if args.csv:
        with _noting(wrong):
            table = _table(args.csv, form)
    wrong += table.problems
    for text in args.settings:
        with _noting(wrong):
            axes.append(_axis(form, text, args.out, scratch, wildcards))
    wrong += _wrong_files(form, axes)
    with _noting(wrong):
        return _batch(args, form, table.rows, axes), wrong
    raise ManyProblems(wrong, "Nothing was started.")


@contextmanager
def _noting(wrong: list[str]) -> Iterator[None]:
    """An error in the block is added to what is wrong."""
    try:
        yield
    except ManyProblems as error:
        wrong += error.problems
    except ComfyError as error:
        wrong.append(f"{error} {error.hint}".strip())


def _batch(
    args: argparse.Namespace, form: Form, table: tuple[Row, ...], axes: list[Axis]
) -> RowBatch:
    if not args.csv and not args.settings:
        raise UsageError("There are no values.", "Name some with --csv or --set.")
    columns = {key for row in table for key in row.values}
    for key, count in Counter([*columns, *(axis.key for axis in axes)]).items():
        if count > 1:
            raise UsageError(f"{form.field(key).label} is given twice.", "Leave one of them out.")
    try:
        rows = combined(axes, table, paired=args.pairs)
    except BadValue as error:
        raise UsageError(str(error)) from error
    seeds = {field.key: field.default for field in form.fields if field.widget == "seed"}
    content = BatchContent(seeds, axes=tuple(Column(axis.key, axis.key) for axis in axes))
    # As seeds are: the same in all rows, and whenever the batch is begun.
    same = with_drawn_texts(form, content, random.Random(args.workflow.read_bytes())).base
    rows = tuple(replace(row, values={**same, **row.values}) for row in rows)
    redraws = any(field.redraws for field in form.fields)
    of_options = frozenset(same) - columns if redraws else frozenset[str]()
    return RowBatch(_identity(args.workflow, rows), WORKFLOW, rows, of_options)


def _cells(path: Path) -> tuple[Mapping[str, object], ...]:
    """What a table has in its rows, by the names of its columns; none where it is not read: that is
    told where its values are."""
    with suppress(ComfyError):
        return tuple(row.values for row in read_cells(path.name, read_text_file(path)))
    return ()


def _table(path: Path, form: Form) -> Table:
    table = read_table(path.name, read_text_file(path), form)
    return replace(table, rows=table_rows(form, table.rows, path.parent))


def _axis(form: Form, text: str, out: Path, scratch: Path, lines_of: LinesOf) -> Axis:
    name, equals, values = text.partition("=")
    if not equals:
        raise UsageError(
            f"--set {text!r} is not FIELD=VALUES.", "Write it as in --set steps=10..30:10."
        )
    field = find_field(form, name)
    if field.is_media and values:
        if Path(values).resolve() == out.resolve():
            raise UsageError(
                f"{values} is the folder of the results, too.", "Name another one with --out."
            )
        uploads, left_out = uploads_in(Path(values), field, scratch, out)
        if left_out:
            _say_left_out(f"{field.label}: {len(uploads)} of {values}", left_out)
        return Axis(field.key, distinctly_named(uploads))
    if field.type == "STRING" and values.startswith("@"):
        values = values[1:] if values.startswith("@@") else read_text_file(Path(values[1:]))
    try:
        return Axis(field.key, values_of(form, field, values, lines_of))
    except BadValue as error:
        raise UsageError(f"{field.label}: {error}") from error


def _say_left_out(what: str, names: list[str]) -> None:
    more = len(names) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    print(f"{what}. Left out: {', '.join(names[:_NAMED])}{others}.", file=sys.stderr)


def _wrong_files(form: Form, axes: list[Axis]) -> Iterator[str]:
    for axis in axes:
        field = form.field(axis.key)
        for said in other_kinds(field, axis.values):
            yield f"{field.label}: {said}"


def _identity(workflow: Path, rows: tuple[Row, ...]) -> uuid.UUID:
    """The same for the same workflow and the same rows, so that a batch finds itself again."""
    content = hashlib.sha256(workflow.read_bytes())
    told = cache(content_of)  # a file may be in every row
    for row in rows:
        content.update(json.dumps(dict(row.values), default=told).encode())
    return uuid.uuid5(_NAMESPACE, content.hexdigest())


def _earlier_batches(out: Path) -> list[Path]:
    """Folders with the records of batches, the newest first."""
    found = {*out.resolve().glob(f"{_RECORDS}*"), *out.resolve().parent.glob(f"*/{_RECORDS}*")}
    return sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True)[:_LOOKED_INTO]


def _estimate(earlier: AbstractContextManager[Starter], form: Form, batch: RowBatch) -> str:
    """About how long a batch takes and how large its results are, by the runs of an earlier one;
    "" where that was of another workflow, none of it is done, or another program is at it."""
    try:
        with earlier as starter:
            history = starter.runs.history
            last = history.of(OWNER, limit=1) if history is not None else ()
            if not any(_classes(record.job.prompt) <= _classes(form.prompt) for record in last):
                return ""
            seconds, size = estimate(starter, form, WORKFLOW, batch.rows, OWNER)
    except ComfyError:
        return ""
    time = "" if seconds is None else f", about {duration_words(seconds)}"
    return time + ("" if size is None else f", about {size_words(size)}")


def _classes(prompt: Prompt) -> Set[tuple[str, str]]:
    return {(node, values["class_type"]) for node, values in prompt.items()}


def _say_what(batch: RowBatch, form: Form, servers: ChosenServers, more: str = "") -> None:
    count = len(batch.rows)
    rows = f"{count} {'row' if count == 1 else 'rows'}"
    print(f"{form.title} on {servers}: {rows}{more}", file=sys.stderr)


# What has become of it


@dataclass(slots=True)
class _Results:
    """What has come of the rows, by their places: the records of their last runs, the files that
    were saved, and which are done."""

    batch: RowBatch
    form: Form
    out: Path
    files: BlobStore
    records: dict[int, Record]
    saved: dict[int, list[Path]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def save(self, index: int, *, is_done: bool) -> list[Path]:
        """Put what a row has made into the folder, and say on stderr what went wrong."""
        where, record = f"Row {self.batch.rows[index].number}: ", self.records[index]
        complain_of(record.state, self.form, where)
        if record.state.phase is Phase.DONE and not is_done and not record.state.error:
            complain(f"{where}{NOT_FETCHED}")
        try:
            prefix = self.batch.prefix(index)
            self.saved[index] = save_copies(self.files, record, self.out, prefix)
        except ComfyError as error:
            complain(f"{where}{error}", error.hint)
            return []
        if is_done:
            self.done.add(index)
        return self.saved[index]

    def write(self) -> bool:
        """Write the table of them; whether it could be."""
        try:
            write_results(self.out / _RESULTS, self.batch, self.records, self.saved, self.form)
        except ComfyError as error:
            complain(str(error), error.hint)
            return False
        return True


def _carry_out(results: _Results, runner: BatchRunner, signals: StopSignals) -> int:
    batch = results.batch
    for index, record in results.records.items():
        if runner.is_done(record):  # a program that was killed may not have saved it
            results.save(index, is_done=True)
    results.write()
    line = BatchLine(sys.stderr, len(batch.rows), len(results.done))
    line.show(0)
    failed = 0
    try:
        for index, record in signals.checked(runner.run(batch, frozenset(results.done))):
            results.records[index] = record
            line.ended()
            for path in results.save(index, is_done=runner.is_done(record)):
                print(path, flush=True)
            failed += index not in results.done
            line.show(failed)
    except BatchGaveUp as error:
        complain(f"{error} {error.hint}", "Add --resume for that.")
    finally:
        line.clear()
        is_written = results.write()
    print(f"{len(results.done)} of {len(batch.rows)} done", file=sys.stderr)
    return OK if is_written and len(results.done) == len(batch.rows) else FAILED
