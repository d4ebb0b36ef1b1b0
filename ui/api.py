"""The same runs for scripts: one endpoint of Gradio's API, for `gradio_client` and plain HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import anyio.from_thread
import gradio as gr
from gradio.events import api
from gradio.routes import App

from comfy.errors import ComfyError
from ui.backend import Backend, FieldErrors
from ui.files import file_address
from ui.gradio_internals import forget
from ui.identity import Identity
from ui.media import from_data_url
from ui.shares import where

DEADLINE = 3600.0  # seconds after which a run whose caller may have vanished is ended
AT_ONCE = 100  # each call holds a thread; the page's own handlers need some of them too


def add_api(backend: Backend, identity: Identity) -> None:
    """Add the endpoints `/run` and `/workflows`; called inside the Blocks."""

    def run(workflow: str, values: dict[str, Any], request: gr.Request) -> Iterator[dict[str, Any]]:
        """Run a workflow and report its progress; the last answer holds the results.

        workflow: its name, as /workflows lists it. values: field keys ("6.text") and their values; fields left out
        keep the author's value, seeds left out are random, files are sent as data:…;base64,… addresses.
        """
        with passing(request):
            owner = identity.person(request)
            yield from progress(workflow, values, owner, where(request, owner))

    def progress(workflow: str, values: dict[str, Any], owner: str, address: str) -> Iterator[dict[str, Any]]:
        read = {
            key: (from_data_url(value) or value) if isinstance(value, str) else value for key, value in values.items()
        }
        try:
            started = backend.start(workflow, read, owner, address=address, deadline=DEADLINE)
            del read  # files may be among it, and the run may take an hour
        except FieldErrors as problem:
            raise gr.Error(" ".join(problem.errors.values()), print_exception=False) from problem
        except ComfyError as problem:
            raise gr.Error(f"{problem} {problem.hint}".strip(), print_exception=False) from problem
        try:
            for state in started.watch():
                yield {
                    "run": started.id,
                    "phase": state.phase.value,
                    "step": state.step,
                    "steps": state.steps,
                    "values": dict(started.job.values),
                    "files": [file_address(started.id, index, file) for index, file in enumerate(state.files)],
                    "texts": [text.text for text in state.texts],
                    "error": state.error.message if state.error else None,
                }
        finally:
            started.cancel()

    def workflows(request: gr.Request) -> list[dict[str, str]]:
        """The workflows on offer: name, title, and why one cannot be used (else empty)."""
        with passing(request):
            entries = backend.folder.entries()
            return [{"name": entry.name, "title": entry.title, "problem": entry.problem} for entry in entries]

    api(run, api_name="run", concurrency_limit=AT_ONCE)
    api(workflows, api_name="workflows", concurrency_limit=None)


@contextlib.contextmanager
def passing(request: gr.Request) -> Iterator[None]:
    """Let go of the session that Gradio opens for a script's call; it would keep the last 10,000, some 60 kB each."""

    def let_go() -> None:
        app = request.request.app if request.request else None
        if isinstance(app, App) and request.session_hash:
            forget(app, request.session_hash)

    try:
        yield
    finally:
        # On the event loop, where Gradio looks sessions up; it is there already when it ends a call midway.
        try:
            anyio.from_thread.run_sync(let_go)
        except RuntimeError:
            let_go()
