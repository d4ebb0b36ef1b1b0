"""Endpoints of Gradio's API for runs, for `gradio_client` and plain HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import anyio.from_thread
import gradio as gr

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.comfyui.protocol.run_state import RunState
from comfy.launch.start import FieldErrors, Starter
from comfy.library.folder import WorkflowFolder
from comfy.runs.interface import Origin, Run, RunPolicy
from ui.documents.run_doc import run_doc
from ui.files.references import inline_file
from ui.gradio.internals import api, forget_session_of
from ui.web.identity import Identity
from ui.web.shares import where
from ui.web.urls import file_address

_DEADLINE = 3600.0  # seconds after which a run stops if its caller may have vanished
# Properties of a run's document that scripts get. Its files have URLs of their own here.
_PROPERTIES = ("phase", "queue_place", "step", "steps", "started_at", "finished_at")
_NO_OBJECT = (
    'The values must be a JSON object of field keys and values, like {"6.text": "a lighthouse"}.'
)
# Seconds without news. Gradio notices a lost caller only when it passes on an answer.
_LONGEST_WAIT = 3.0
MOST_AT_ONCE = 100  # each call holds a thread, and the page's own handlers need some, too


def add_api(starter: Starter, folder: WorkflowFolder, identity: Identity) -> None:
    """Add the endpoints `/run` and `/workflows`; called inside the Blocks."""

    def run(workflow: str, values: dict[str, Any], request: gr.Request) -> Iterator[dict[str, Any]]:
        """Run a workflow and yield its progress; the last answer has the results.

        workflow: its name, from /workflows. values: field keys ("6.text") and their values.
        Omitted fields keep the author's value, omitted seeds are random, and files are
        data:…;base64,… URLs.
        """
        with releases_session(request):
            owner = identity.person(request)
            wanted = values_of_script(values)
            with run_of_script(starter, workflow, wanted, owner, where(request, owner)) as started:
                del wanted  # may contain files, and the run may take an hour
                for state in started.watch():
                    yield script_run(started, state)

    def workflows(request: gr.Request) -> list[dict[str, str]]:
        """List the workflows: name, title, and the reason if it can't be used (else empty)."""
        with releases_session(request):
            entries = folder.entries()
            return [
                {"name": entry.name, "title": entry.title, "problem": entry.problem}
                for entry in entries
            ]

    api(run, api_name="run", concurrency_limit=MOST_AT_ONCE)
    api(workflows, api_name="workflows", concurrency_limit=None)


@contextlib.contextmanager
def run_of_script(
    starter: Starter, workflow: str, values: dict[str, Any], owner: str, address: str
) -> Iterator[Run]:
    """Start a run that stops when the block ends or its caller leaves. Raises gr.Error if it can't
    start."""
    with as_gradio_errors():
        policy = RunPolicy(_DEADLINE, watched=False)
        started = starter.start(workflow, values, Origin(owner, address), policy)
    del values
    try:
        yield started
    finally:
        started.cancel()


def script_run(run: Run, state: RunState) -> dict[str, Any]:
    """Return the part of a run's document that Gradio's clients get in this state."""
    doc = run_doc(replace(run.record, state=state))
    return {name: getattr(doc, name) for name in _PROPERTIES} | {
        "run": doc.id,
        "values": dict(run.job.values),
        **results_of(run.id, state),
        "error": doc.error.message if doc.error else None,
    }


def results_of(run_id: str, state: RunState) -> dict[str, list[str]]:
    """Return a run's results for scripts: URLs of its files, and its texts."""
    files = enumerate(state.files)
    return {
        "files": [file_address(run_id, index, file) for index, file in files],
        "texts": [text.text for text in state.texts],
    }


def values_of_script(values: object) -> dict[str, object]:
    """Return a script's values, with its files."""
    if not isinstance(values, dict):
        raise gr.Error(_NO_OBJECT, print_exception=False)
    return {key: inline_file(value) for key, value in values.items()}


@contextlib.contextmanager
def followed(
    subscribe: Callable[[Callable[[str], None]], Callable[[], None]], owner: str
) -> Iterator[Callable[[], None]]:
    """Return a function that waits for news about this owner's groups, at most a few seconds.
    `subscribe`: a queue's method, which takes the owner and returns a function to unsubscribe."""
    changed = threading.Event()

    def wait() -> None:
        changed.wait(_LONGEST_WAIT)
        changed.clear()

    leave = subscribe(lambda whose: changed.set() if whose == owner else None)
    try:
        yield wait
    finally:
        leave()


@contextlib.contextmanager
def as_gradio_errors() -> Iterator[None]:
    """Turn errors into Gradio's errors for scripts."""
    try:
        yield
    except FieldErrors as problem:
        raise gr.Error(sentences(*problem.labelled.values()), print_exception=False) from problem
    except ComfyError as problem:
        raise gr.Error(sentences(str(problem), problem.hint), print_exception=False) from problem


@contextlib.contextmanager
def releases_session(request: gr.Request) -> Iterator[None]:
    """Remove the session that Gradio opens for a script's call. Gradio would keep the last 10,000,
    about 60 kB each."""
    try:
        yield
    finally:
        # Runs on the event loop, where Gradio looks sessions up. When Gradio ends a call midway,
        # this code already runs there.
        try:
            anyio.from_thread.run_sync(forget_session_of, request)
        except RuntimeError:
            forget_session_of(request)
