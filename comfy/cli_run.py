"""``python -m comfy run WORKFLOW``: run a workflow, show how far it is, save what it makes."""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from comfy.cli_progress import Progress
from comfy.cli_server import add_login_arguments, address_of
from comfy.client import Client
from comfy.errors import ComfyError
from comfy.form import Form, build_form, check, fill, place_errors
from comfy.from_graph import on_server
from comfy.job import Job
from comfy.object_info import Catalogue
from comfy.run_state import Phase, RunState
from comfy.runs import Runs
from comfy.saving import save_file
from comfy.server import choose_server
from comfy.workflow import Workflow, read_workflow

__all__ = ["add_arguments", "main"]

_OK, _FAILED, _UNUSABLE = 0, 1, 2


class _Usage(ComfyError):
    """What was asked for cannot be done; nothing was run."""


class _Signal(BaseException):
    """A signal that ends the program, raised where the main thread waits."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW", help="workflow file, or media that holds one")
    parser.add_argument("--server", metavar="URL", help="ComfyUI server (default: the one found, else the stand-in)")
    add_login_arguments(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        dest="settings",
        help="a value in place of the workflow's, as in 6.text='a lighthouse'; for pictures and other media the name "
        "of a file here, which is sent to the server; an empty seed is drawn at random, an empty picture is left out "
        "where the workflow can do without it; may be repeated",
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for the files (default: here)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def main(args: argparse.Namespace) -> int:
    """Run the workflow. 0: done and saved; 1: refused, failed or lost; 2: could not be started at all.

    SIGINT and SIGTERM cancel the run at the server and end with 128 + the signal's number, as shells have it.
    """
    try:
        with _signals():
            return _run(args)
    except ComfyError as error:
        _complain(str(error), error.hint)
        return _UNUSABLE
    except _Signal as stop:
        _complain("Stopped.")
        return 128 + stop.number


def _run(args: argparse.Namespace) -> int:
    workflow = read_workflow(args.workflow)
    settings = dict(map(_setting, args.settings))
    with choose_server(address_of(args)) as server, Client(server.address) as client:
        catalogue = Catalogue(client.object_info())
        workflow = on_server(workflow, catalogue)
        form = build_form(workflow, catalogue, settings)
        job = _job(workflow, form, settings, client)
        print(f"{form.title} on {server}", file=sys.stderr)
        state = _watch(client, job)
        try:
            saved = [save_file(client, file, args.out) for file in state.files]
            trouble = None
        except ComfyError as error:
            saved, trouble = [], error
    _report(state, form, job, saved, as_json=args.json)
    if trouble:
        _complain(str(trouble), trouble.hint)
    return _OK if state.phase is Phase.DONE and not trouble else _FAILED


def _watch(client: Client, job: Job) -> RunState:
    """The finished state. Whatever ends the wait also ends the run at the server."""
    progress = Progress(sys.stderr)
    runs = Runs(client)
    try:
        for state in runs.submit(job, owner="shell", watched=False).watch():
            progress.show(state)
        return state
    finally:
        progress.end()
        runs.close()


# What is to be run


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise _Usage(f"--set {text!r} is not NODE.INPUT=VALUE.", "Write it as in --set 6.text='a lighthouse'.")
    return key, value


def _job(workflow: Workflow, form: Form, settings: Mapping[str, str], client: Client) -> Job:
    names = {f"{node}.{name}": field.key for field in form.fields for node, name in field.targets}
    values: dict[str, object] = {names.get(key, key): _value(value) for key, value in settings.items()}
    for field in form.fields:
        value = values.get(field.key)
        if field.is_media and isinstance(value, str) and Path(value).is_file():
            values[field.key] = _upload(client, Path(value))
    clean, errors = check(form, values)
    if errors:
        known = ", ".join(sorted(names))
        raise _Usage(" ".join(errors.values()), f"Inputs that can be set: {known}.")
    prompt, used = fill(workflow, form, clean, random.Random())
    outputs = frozenset(output.node for output in form.outputs) or None
    return Job(prompt, workflow.name, outputs, used, form.title)


def _value(text: str) -> object:
    """JSON strings, numbers, booleans and null are meant as such; all other text as it stands.

    Numbers stay text: the form reads them by the type of their field, integers exactly.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | bool) or value is None else text


def _upload(client: Client, path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _Usage(f"{path} cannot be read: {error.strerror or error}.", "Check its name and permissions.") from error
    # Everybody who uses the server sees the names of uploads; a folder nobody can guess keeps them apart.
    return client.upload(data, path.name, subfolder=f"comfyforms/{uuid.uuid4().hex}")


# What has become of it


def _report(state: RunState, form: Form, job: Job, saved: list[Path], *, as_json: bool) -> None:
    by_field, general = place_errors(form, state.node_errors)
    refusals = {**by_field}
    if as_json:
        print(json.dumps(_outcome(state, job, saved, refusals, general), ensure_ascii=False, indent=2))
        return
    for path in saved:
        print(path)
    for text in state.texts:
        print(text.text)
    if state.error is not None:
        where = f"{state.error.node_title}: " if state.error.node_title else ""
        _complain(f"{where}{state.error.message}", state.error.hint)
        if state.error.detail:
            _complain(state.error.detail)
    for sentence in (*(f"{key}: {told}" for key, told in refusals.items()), *general):
        _complain(sentence)


def _outcome(
    state: RunState, job: Job, saved: list[Path], refusals: Mapping[str, str], general: tuple[str, ...]
) -> dict[str, Any]:
    error = state.error
    seconds = state.finished_at - state.started_at if state.finished_at and state.started_at else None
    return {
        "prompt_id": state.prompt_id,
        "state": state.phase.value,
        "seconds": None if seconds is None else round(seconds, 3),
        "values": dict(job.values),
        "files": [
            {"path": str(path), "filename": one.filename, "subfolder": one.subfolder, "type": one.type}
            | {"kind": one.kind, "node": one.node}
            for one, path in zip(state.files, saved, strict=False)
        ],
        "texts": [{"node": text.node, "text": text.text} for text in state.texts],
        "error": error and {"message": error.message, "hint": error.hint, "node": error.node, "detail": error.detail},
        "field_errors": dict(refusals),
        "other_errors": list(general),
    }


def _complain(sentence: str, hint: str = "") -> None:
    print(" ".join(filter(None, (sentence, hint))), file=sys.stderr)


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM as an exception in the main thread, once: the clean-up is not to be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in before:
            signal.signal(one, signal.SIG_IGN)
        raise _Signal(number)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
