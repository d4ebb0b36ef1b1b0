"""`python -m comfy batch WORKFLOW`: run a workflow for each row of values, save the results, and
resume after an interruption.

Form of a batch in the shell, with the fields that its values add.

Results of a batch in the shell: copies of the files, and a table of the rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from comfy.base.errors import BatchNotFound, ComfyError, ManyProblems
from comfy.base.wording import bytes_words
from comfy.batches.check import check_rows, estimate, problems_of_batch
from comfy.batches.content import BatchContent, drawn_content
from comfy.batches.open_batch import BatchSummary
from comfy.batches.queue import BatchQueue, BatchTable
from comfy.batches.spec import AxisSpec, BatchProblem, BatchSpec, TableSpec
from comfy.batches.values import (
    ENCODING,
    Row,
    RowOutcome,
    choices_as_shown,
    find_field,
    read_cells,
    table_head,
    table_line,
    values_of,
)
from comfy.cli.files import other_kinds, read_text_file, save_copies, table_files, uploads_in
from comfy.cli.kept_runs import check_new, closed_after, starter_in
from comfy.cli.options import OWNER, WORKFLOW, add_server_arguments, addresses_of, forms_of
from comfy.cli.outcome import (
    FAILED,
    OK,
    StopSignals,
    UsageError,
    complain,
    complain_of,
    exit_status,
    problems_of,
)
from comfy.cli.progress import BatchLine, duration_words
from comfy.comfyui.discovery import ChosenServers, choose_servers, opened_servers
from comfy.form.fill import drawn_texts
from comfy.form.model import Field, Form
from comfy.launch.start import Starter
from comfy.launch.uploads import Upload, content_of
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.wildcard_files import FOLDER, WildcardFiles
from comfy.prompt.model import Prompt
from comfy.prompt.value_types import BadValue
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfy.workflow.model import read_workflow

_COMBINATIONS = 200  # checked option combinations; more would take too long
RESULTS = "results.csv"  # in the results folder
_RECORDS = ".batch-"  # prefix of record folders, followed by the batch id
_LOOKED_INTO = 5  # earlier batches
_NAMED = 5  # ignored files that a message lists
_NAMESPACE = uuid.UUID("4b8f2f0e-4d0c-5c0b-9a7e-5d2f6f3f1a10")  # namespace of batch ids


def _form_of_batch(
    forms: Forms, settings: Sequence[str], rows: Sequence[Mapping[str, object]]
) -> Form:
    """Return the form with the fields of the first option in each --set, in any order, and of all
    options in a table's rows. Includes files that are added by key. `rows` has cells by column
    name."""
    named = dict(text.partition("=")[::2] for text in settings)
    given: dict[str, object] = dict.fromkeys((*named, *(name for row in rows for name in row)))
    _, form = forms.form(WORKFLOW, OWNER, given)
    for _ in named:
        for name, values in named.items():
            with suppress(ComfyError, BadValue):  # reported when all values are read
                field = find_field(form, name)
                if field.redraws:
                    given[field.key] = values_of(form, field, values)[0]
        _, form = forms.form(WORKFLOW, OWNER, given)
    return _with_options(forms, form, given, rows)


def _with_options(
    forms: Forms, form: Form, given: Mapping[str, object], rows: Sequence[Mapping[str, object]]
) -> Form:
    """Return the form with the added fields of the options in these rows, including nested
    options."""
    looked_at: set[str] = set()
    while new := {name for row in rows for name in row if _chooses(form, name)} - looked_at:
        looked_at |= new
        for chosen in _combinations(form, looked_at, rows):
            _, other = forms.form(WORKFLOW, OWNER, {**given, **chosen})
            known = {field.key for field in form.fields}
            more = (field for field in other.fields if field.key not in known)
            form = replace(form, fields=(*form.fields, *more))
    return form


def _chooses(form: Form, name: str) -> bool:
    """Tell if a column selects an option with its own fields, as far as is known."""
    with suppress(ComfyError):
        return find_field(form, name).redraws
    return False


def _combinations(
    form: Form, names: Iterable[str], rows: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """Return the rows' combinations in these columns, by field key."""
    fields = {name: find_field(form, name) for name in names}
    meant = {name: choices_as_shown(field) for name, field in fields.items()}
    combinations = {
        tuple((name, str(row[name])) for name in fields if name in row): None for row in rows
    }
    return [
        {fields[name].key: meant[name].get(cell, cell) for name, cell in cells}
        for cells in list(combinations)[:_COMBINATIONS]
    ]


@dataclass(slots=True)
class SavedResults:
    """Results of the rows, in the folder `out`. The records and saved files are by row index."""

    batches: BatchQueue
    batch_id: str
    form: Form
    out: Path
    starter: Starter
    records: dict[int, Record] = field(default_factory=dict)
    saved: dict[int, list[Path]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    since: float = field(default_factory=time.time)

    def save_ended(self) -> Iterator[tuple[int, list[Path]]]:
        """Save the results of rows that have ended since the last call, and print errors on stderr.
        Yield the index and files of each row that has ended since the command started."""
        table = self.batches.table(self.batch_id, OWNER)
        new = set(table.states.places("done", "failed", "stopped")) - self.ended
        history = self.starter.runs.history
        for index in sorted(new):
            self.ended.add(index)
            record = history.get(table.states.run(index), OWNER)
            files = self._save(table, index, record)
            if record is None or (record.state.finished_at or 0.0) >= self.since:
                yield index, files

    def _save(self, table: BatchTable, at: int, record: Record | None) -> list[Path]:
        where = f"Row {table.content.number(at)}: "
        if problem := table.states.error(at):
            complain(f"{where}{problem}")
        if record is None:
            return []
        self.records[at] = record
        complain_of(record.state, self.form, where)
        prefix = f"{at + 1:0{len(str(len(table.content)))}}-"
        try:
            self.saved[at] = save_copies(self.starter.blobs, record, self.out, prefix)
        except ComfyError as error:
            complain(f"{where}{error}", error.hint)
            return []
        if table.states[at] == "done":
            self.done.add(at)
        return self.saved[at]

    def write(self) -> bool:
        """Write the table of results. Return False if it can't be written."""
        table = self.batches.table(self.batch_id, OWNER)
        try:
            _write_table(self.out / RESULTS, table, self.records, self.saved, self.form)
        except ComfyError as error:
            complain(str(error), error.hint)
            return False
        return True


def _write_table(
    path: Path,
    table: BatchTable,
    results: Mapping[int, Record],
    saved: Mapping[int, Sequence[Path]],
    form: Form,
) -> None:
    """Write the table of results. `results` and `saved` have the records and files by row index.
    Raises ComfyError and keeps the old table if it can't be written."""
    keys = list(dict.fromkeys(key for row in table.content for key in row.values))
    labels = {field.key: field.label for field in form.fields}
    drawn = drawn_texts(form)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding=ENCODING, newline="") as file:
            file.write(table_head(labels.get(key, key) for key in keys))
            for index, row in enumerate(table.content):
                record, error = results.get(index), table.states.error(index)
                names = [one.name for one in saved.get(index, ())]
                problems = problems_of(record.state, form) if record and not error else [error]
                outcome = RowOutcome(names, [*problems], bool(error))
                file.write(table_line(row, record, outcome, keys, drawn))
        part.replace(path)
    except OSError as error:
        raise ComfyError(
            f"{path} cannot be written: {error.strerror or error}.",
            "If another program has it open, close it there.",
        ) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflow",
        type=Path,
        metavar="WORKFLOW",
        help="workflow file, or a media file that contains one",
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help=(
            "table with one run per row: CSV with a header, or JSON Lines (.jsonl); columns are"
            " named after fields, by label or NODE.INPUT; an empty cell keeps the workflow's"
            " value; {red|green} in a cell picks one at random, __NAME__ isn't replaced; files"
            " are named relative to the table's folder"
        ),
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUES",
        dest="settings",
        help=(
            "several values for a field: numbers such as 1..10:3 or 20,30; choices such as"
            " euler,lcm; texts, one per line, where {red|green} makes one text per option and"
            " __NAME__ one per line of wildcards/NAME.txt beside the workflow; @FILE reads such"
            " lines from a file (@@ for a text that begins with @); for images and other media"
            " a file, a folder with its subfolders, or a ZIP; can be repeated"
        ),
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="combine the first values of all fields, then the second ones, and so on, instead of"
        " running every combination",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder for the files and results.csv (default: here)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="resume a batch that was started in this folder"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help=(
            "only check the values, and print the number of rows and estimates of the time and"
            " the size of the results, based on earlier batches of the workflow in the --out"
            " folder and the folders next to it"
        ),
    )
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Run the batch and return the exit status: 0 if all rows are done and saved, 1 if some failed,
    2 if nothing could be started.

    SIGINT and SIGTERM stop it, with 128 + the signal's number; --resume continues it.
    """
    hint = f"python -m comfy form {args.workflow} lists the fields."
    return exit_status(partial(_run, args), hint=hint, stopped="Continue with --resume.")


def _run(args: argparse.Namespace, signals: StopSignals) -> int:
    workflow = read_workflow(args.workflow)
    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
        tempfile.TemporaryDirectory() as scratch,
    ):
        forms = forms_of(workflow, CatalogCache.of(servers))
        form = _form_of_batch(forms, args.settings, _cells(args.csv) if args.csv else ())
        wildcards = WildcardFiles(args.workflow.parent / FOLDER).lines
        check_in = Path(scratch) / "check"
        with starter_in(check_in, servers, forms, signals, wildcards) as starter:
            content = _checked(args, form, starter, Path(scratch))
        if args.check:
            earlier = _earlier_batches(args.out)
            opened = (starter_in(one, servers, forms, signals) for one in earlier)
            estimates = (_estimate(one, form, content) for one in opened)
            _say_what(content, form, named, next(filter(None, estimates), ""))
            return OK
        _say_what(content, form, named)
        batch_id = _identity(args.workflow, content)
        folder = args.out / f"{_RECORDS}{batch_id.hex[:12]}"
        check_new(folder, "batch", resume=args.resume)
        _check_alone(args.out, folder)
        with starter_in(folder, servers, forms, signals) as starter:
            batches = BatchQueue(starter)
            with closed_after(starter, batches):
                _begin_or_resume(batches, starter, form, content, str(batch_id))
                results = SavedResults(batches, str(batch_id), form, args.out, starter)
                return _carry_out(results, signals)


def _check_alone(out: Path, folder: Path) -> None:
    """Raise UsageError if `out` has results of a batch other than the one recorded in `folder`."""
    others = [one for one in out.glob(f"{_RECORDS}*") if one != folder]
    if others or (not folder.exists() and (out / RESULTS).exists()):
        raise UsageError(
            f"{out} contains the results of another batch.", "Choose another folder with --out."
        )


def _checked(args: argparse.Namespace, form: Form, starter: Starter, scratch: Path) -> BatchContent:
    """Return the content that the options describe. Raises ManyProblems with all errors."""
    wrong: list[str] = []
    spec = _spec(args, form, scratch, wrong)
    if wrong and spec == BatchSpec(paired=spec.paired):
        raise ManyProblems(wrong, "Nothing was started.")
    seeds = {field.key: field.default for field in form.fields if field.is_seed}
    checked = problems_of_batch(starter, WORKFLOW, form, spec, seeds, OWNER)
    wrong += _wrong_files(form, checked.content)
    wrong += _guesses(form, checked.content)
    checked.raise_errors(wrong)
    check_rows(starter, WORKFLOW, form, checked.content, OWNER)
    return checked.content


def _spec(args: argparse.Namespace, form: Form, scratch: Path, wrong: list[str]) -> BatchSpec:
    """Read the options as far as possible, and add a sentence for each error to `wrong`."""
    if not args.csv and not args.settings:
        raise UsageError("There are no values.", "Give some with --csv or --set.")
    table, axes = None, list[AxisSpec]()
    if args.csv:
        with _noting(wrong):
            text = read_text_file(args.csv)
            table = TableSpec(args.csv.name, text, table_files(form, args.csv, text))
    for setting in args.settings:
        with _noting(wrong):
            axis = _axis(form, setting, args.out, scratch)
            if any(one.field == axis.field for one in axes):
                label = form.field(axis.field).label
                raise UsageError(f"{label} is given twice.", "Leave one of them out.")
            axes.append(axis)
    return BatchSpec(tuple(axes), table, paired=args.pairs)


@contextmanager
def _noting(wrong: list[str]) -> Iterator[None]:
    """Add an error in the block to `wrong`."""
    try:
        yield
    except ManyProblems as error:
        wrong += error.problems
    except ComfyError as error:
        wrong.append(f"{error} {error.hint}".strip())


def _cells(path: Path) -> tuple[Mapping[str, object], ...]:
    """Return the cells of a table's rows, by column name. Empty if it is unreadable, which the
    value check reports."""
    with suppress(ComfyError):
        return tuple(row.values for row in read_cells(path.name, read_text_file(path)))
    return ()


def _axis(form: Form, text: str, out: Path, scratch: Path) -> AxisSpec:
    name, equals, values = text.partition("=")
    if not equals:
        raise UsageError(
            f"--set {text!r} is not FIELD=VALUES.", "Write it like --set steps=10..30:10."
        )
    field = find_field(form, name)
    if field.is_media:
        return AxisSpec(field.key, files=_files(field, values, out, scratch) if values else ("",))
    if field.type == "STRING" and values.startswith("@"):
        values = values[1:] if values.startswith("@@") else read_text_file(Path(values[1:]))
    return AxisSpec(field.key, values)


def _files(field: Field, path: str, out: Path, scratch: Path) -> tuple[Upload, ...]:
    if Path(path).resolve() == out.resolve():
        raise UsageError(
            f"{path} is also the folder for the results.", "Choose another one with --out."
        )
    uploads, left_out = uploads_in(Path(path), field, scratch, out)
    if left_out:
        _say_left_out(f"{field.label}: {len(uploads)} of {path}", left_out)
    return tuple(uploads)


def _say_left_out(what: str, names: list[str]) -> None:
    more = len(names) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    print(f"{what}. Left out: {', '.join(names[:_NAMED])}{others}.", file=sys.stderr)


def _wrong_files(form: Form, content: BatchContent) -> Iterator[str]:
    """Yield a sentence for each file that its field doesn't take."""
    fields = {field.key: field for field in form.fields}
    for row in content.table:
        for key, value in row.values.items():
            for sentence in other_kinds(fields[key], [value]):
                yield BatchProblem("", line=row.number).with_place(
                    f"{fields[key].label}: {sentence}"
                )
    for axis in content.axes:
        for sentence in other_kinds(fields[axis.key], axis.values):
            yield f"{axis.label}: {sentence}"


def _guesses(form: Form, content: BatchContent) -> Iterator[str]:
    """Yield a sentence for each value of every row that is only a guess: an unattended batch
    doesn't start with another sampler than the author's."""
    varied = {column.key for column in content.shown}
    for note in form.notes:
        if note.is_guess and note.key not in varied:
            yield f"{note.said} To accept it, add --set {note.key}={note.value}."


def _identity(workflow: Path, rows: Sequence[Row]) -> uuid.UUID:
    """Return an id that depends only on the workflow and rows, so that --resume finds the batch."""
    content = hashlib.sha256(workflow.read_bytes())
    cached_content_of = cache(content_of)  # cached, since a file may be in every row
    for row in rows:
        content.update(json.dumps(dict(row.values), default=cached_content_of).encode())
    return uuid.uuid5(_NAMESPACE, content.hexdigest())


def _earlier_batches(out: Path) -> list[Path]:
    """Return the folders with the records of batches, newest first."""
    folders = {*out.resolve().glob(f"{_RECORDS}*"), *out.resolve().parent.glob(f"*/{_RECORDS}*")}
    return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)[:_LOOKED_INTO]


def _estimate(earlier: AbstractContextManager[Starter], form: Form, rows: Sequence[Row]) -> str:
    """Estimate the time and the size of the results from an earlier batch. Return "" if that batch
    has another workflow, no finished runs, or is in use by another program."""
    try:
        with earlier as starter:
            history = starter.runs.history
            last = history.of(OWNER, limit=1)
            if not any(_classes(record.job.prompt) <= _classes(form.prompt) for record in last):
                return ""
            seconds, size = estimate(starter, form, WORKFLOW, rows, OWNER)
    except ComfyError:
        return ""
    time = "" if seconds is None else f", about {duration_words(seconds)}"
    return time + ("" if size is None else f", about {bytes_words(size)}")


def _classes(prompt: Prompt) -> Set[tuple[str, str]]:
    return {(node, values["class_type"]) for node, values in prompt.items()}


def _say_what(rows: Sequence[Row], form: Form, servers: ChosenServers, more: str = "") -> None:
    count = f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}"
    print(f"{form.title} on {servers}: {count}{more}", file=sys.stderr)


def _begin_or_resume(
    batches: BatchQueue, starter: Starter, form: Form, content: BatchContent, batch_id: str
) -> None:
    starter.runs.resume()
    batches.resume()
    try:
        batches.change(batch_id, OWNER, "retry")
    except BatchNotFound:
        drawn = drawn_content(form, content, "form", starter.rng)
        batches.start_checked(form.title, WORKFLOW, drawn, Origin(OWNER), batch_id)


def _batch_progress(queue: BatchQueue, batch_id: str) -> Iterator[BatchSummary]:
    """Yield the batch's progress, now and after each change, until it no longer runs."""
    changed = threading.Event()
    leave = queue.subscribe(lambda _: changed.set())
    try:
        while True:
            changed.clear()
            summary = queue.get(batch_id, OWNER)
            yield summary
            if summary.state != "running" or queue.is_closing:
                return
            changed.wait()
    finally:
        leave()


def _carry_out(results: SavedResults, signals: StopSignals) -> int:
    line: BatchLine | None = None
    rows, failed, why = 0, 0, ""
    try:
        for summary in signals.checked(_batch_progress(results.batches, results.batch_id)):
            rows = summary.rows
            if line is not None:
                line.clear()  # before errors are printed
            ended = list(results.save_ended())
            if line is None:
                results.write()
                line = BatchLine(sys.stderr, rows, len(results.ended) - len(ended))
            for index, files in ended:
                line.ended()
                for path in files:
                    print(path, flush=True)
                failed += index not in results.done
            if summary.why and summary.why != why:
                complain(summary.why, "Add --resume to continue." if summary.gave_up else "")
            why = summary.why
            line.show(failed)
    finally:
        if line is not None:
            line.clear()
        is_written = results.write()
    print(f"{len(results.done)} of {rows} done", file=sys.stderr)
    return OK if is_written and len(results.done) == rows else FAILED
