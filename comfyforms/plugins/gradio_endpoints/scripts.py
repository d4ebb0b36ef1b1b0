"""Endpoints of Gradio's API for runs, batches and chains, for `gradio_client` and plain HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from typing import Any, TypeVar

import anyio.from_thread
import gradio as gr

from comfy.base.errors import BatchNotFound, ChainNotFound, ComfyError, ShuttingDown
from comfy.base.messages import sentences
from comfy.batches.open_batch import BatchSummary
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import parse_spec
from comfy.chains.open_chain import ChainSummary
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import RunState
from comfy.groups.queue import GroupQueue
from comfy.launch.start import FieldErrors, Starter
from comfy.library.folder import WorkflowFolder
from comfy.records.store import RunStore
from comfy.runs.interface import Origin, Run, RunPolicy, RunRegistry
from ui.documents.browser_values import value_text
from ui.documents.group_docs import BatchDoc, ChainDoc, batch_doc, chain_doc
from ui.documents.run_doc import problem_of, run_doc
from ui.files.references import inline_file
from ui.gradio.internals import api, forget_session_of
from ui.web.identity import NOBODY, Identity
from ui.web.shares import where
from ui.web.urls import file_address

_DEADLINE = 3600.0  # seconds after which a run stops if its caller may have vanished
# Properties of a run's document that scripts get. Its files have URLs of their own here.
RUN_PROPERTIES = ("phase", "queue_place", "step", "steps", "started_at", "finished_at")
_NO_OBJECT = (
    'The values must be a JSON object of field keys and values, like {"6.text": "a lighthouse"}.'
)
# Seconds without news. Gradio notices a lost caller only when it passes on an answer.
_LONGEST_WAIT = 3.0
WITH_FILES = ("run", "batch", "chain")  # endpoints whose values may contain files
MOST_AT_ONCE = 100  # each call holds a thread, and the page's own handlers need some, too

_Summary = TypeVar("_Summary", BatchSummary, ChainSummary)
_NOTHING: Mapping[str, list[str]] = {"files": [], "texts": []}


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
            wanted = _values_of_script(values)
            with run_of_script(starter, workflow, wanted, owner, where(request, owner)) as started:
                del wanted  # may contain files, and the run may take an hour
                for state in started.watch():
                    yield script_run(started, state)

    def workflows(request: gr.Request) -> list[dict[str, str]]:
        """List the workflows: name, title, and the reason if it can't be used (else empty)."""
        with releases_session(request):
            owner, sees = identity.person(request), starter.forms.permissions.sees
            return [
                {"name": entry.name, "title": entry.title, "problem": entry.problem}
                for entry in folder.entries()
                if sees(owner, entry.name)
            ]

    api(run, api_name="run", concurrency_limit=MOST_AT_ONCE)
    api(workflows, api_name="workflows", concurrency_limit=None)


@contextlib.contextmanager
def run_of_script(
    starter: Starter, workflow: str, values: dict[str, Any], owner: str, address: str
) -> Iterator[Run]:
    """Start a run that stops when its caller leaves. Raises gr.Error if it can't start, or if the
    app ends first."""
    with as_gradio_errors():
        policy = RunPolicy(_DEADLINE, watched=False)
        started = starter.start(workflow, values, Origin(owner, address), policy)
    del values
    try:
        yield started
        with as_gradio_errors():
            if not started.state.phase.finished:
                raise ShuttingDown
    finally:
        started.cancel()


def script_run(run: Run, state: RunState) -> dict[str, Any]:
    """Return a run's state with its results, as the endpoint `/run` sends it."""
    return run_state(run, state) | results_of(run.id, state)


def run_state(run: Run, state: RunState) -> dict[str, Any]:
    """Return the part of a run's document that Gradio's clients get in this state."""
    doc = run_doc(replace(run.record, state=state))
    return {name: getattr(doc, name) for name in RUN_PROPERTIES} | {
        "run": doc.id,
        "values": dict(run.job.values),
        "error": doc.error.message if doc.error else None,
    }


def results_of(run_id: str, state: RunState) -> dict[str, list[str]]:
    """Return a run's results for scripts: URLs of its files, and its texts."""
    files = enumerate(state.files)
    return {
        "files": [file_address(run_id, index, file) for index, file in files],
        "texts": [text.text for text in state.texts],
    }


def _values_of_script(values: object) -> dict[str, object]:
    if not isinstance(values, dict):
        raise gr.Error(_NO_OBJECT, print_exception=False)
    return {key: inline_file(value) for key, value in values.items()}


def _states_of(
    groups: GroupQueue[Any, _Summary],
    group_id: str,
    owner: str,
    doc: Callable[[_Summary], BatchDoc | ChainDoc],
) -> Generator[dict[str, Any], None, _Summary]:
    """Yield the progress of a batch or chain at each change, and return its end. Stop it when the
    caller leaves."""
    changed = threading.Event()
    unsubscribe = groups.subscribe(lambda whose: changed.set() if whose == owner else None)
    try:
        while (summary := groups.get(group_id, owner)).state == "running":
            yield asdict(doc(summary))
            changed.wait(_LONGEST_WAIT)
            changed.clear()
    except GeneratorExit:
        with suppress(BatchNotFound, ChainNotFound):
            groups.stop(group_id, owner)
        raise
    finally:
        unsubscribe()
    return summary


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


def add_batch_api(batches: BatchQueue, history: RunStore, identity: Identity) -> None:
    """Add the endpoint `/batch`; called inside the Blocks."""

    def batch(
        workflow: str, values: dict[str, Any], spec: dict[str, Any], request: gr.Request
    ) -> Iterator[dict[str, Any]]:
        """Run a workflow for each row of values and yield the progress; the last answer has all
        rows with their results. The batch stops when its caller leaves, and when it pauses itself;
        `why` has the reason.

        workflow, values: as for /run; every row has these values. spec: the varied fields, as
        {"axes": [{"field": "5.steps", "text": "10..30:10"}]} for all combinations, with
        "paired": true to combine the first values, then the second ones; or as
        {"table": {"name": "values.csv", "text": "Steps,Prompt…"}}, where
        "files": {"a.png": "data:…"} has the files that its cells name.
        """
        with releases_session(request), as_gradio_errors():
            owner = identity.person(request)
            base = _values_of_script(values)
            wanted = parse_spec(spec, lambda _, value: inline_file(value))
            origin = Origin(owner, where(request, owner))
            started = batches.start(workflow, base, wanted, origin, attended=True)
            del base, wanted  # may contain files, and the batch may take long
            try:
                with closing(_states_of(batches, started.id, owner, batch_doc)) as updates:
                    last = yield from updates
                if last.gave_up:
                    batches.change(started.id, owner, "stop")
                    last = replace(batches.get(started.id, owner), why=last.why)
                yield asdict(batch_doc(last)) | {
                    "results": list(_batch_results(batches, history, started.id, owner))
                }
            finally:
                if owner == NOBODY:
                    with suppress(BatchNotFound):
                        batches.delete(started.id, owner)

    api(batch, api_name="batch", concurrency_limit=MOST_AT_ONCE)


def _batch_results(
    batches: BatchQueue, history: RunStore, batch_id: str, owner: str
) -> Iterator[dict[str, Any]]:
    table = batches.table(batch_id, owner)
    runs = ((index, table.states.run(index)) for index in range(len(table.content)))
    for index, record in history.each(runs, owner):
        error = problem_of(record) if record is not None else None
        yield {
            "number": table.content.number(index),
            "values": {key: value_text(one) for key, one in table.content.varied(index).items()},
            "state": table.states[index],
            "run": record.id if record is not None else "",
            **(results_of(record.id, record.state) if record is not None else _NOTHING),
            "error": table.states.error(index) or (error.message if error is not None else None),
        }


def add_chain_api(chains: ChainQueue, runs: RunRegistry, identity: Identity) -> None:
    """Add the endpoint `/chain`; called inside the Blocks."""

    def chain(name: str, values: dict[str, Any], request: gr.Request) -> Iterator[dict[str, Any]]:
        """Run a chain and yield the progress of its steps; the last answer has the results of all
        steps. The chain stops when its caller leaves.

        name: as in the page's address. values: the form's values, by step and field key
        ("base.6.text"); "detail.runs": false skips an optional step, a switch is set by its name
        ("switches:.large": true). Values that are left out keep the author's, seeds are random,
        and files are data:…;base64,… URLs.
        """
        with releases_session(request):
            owner = identity.person(request)
            yield from chain_of_script(
                chains, runs, name, _values_of_script(values), owner, where(request, owner)
            )

    api(chain, api_name="chain", concurrency_limit=MOST_AT_ONCE)


def chain_of_script(
    chains: ChainQueue,
    runs: RunRegistry,
    name: str,
    values: dict[str, Any],
    owner: str,
    address: str,
) -> Iterator[dict[str, Any]]:
    """Yield a chain's progress at each change, then its last state with its steps' results. The
    chain stops when its caller leaves. Raises gr.Error if it can't start."""
    with as_gradio_errors():
        started = chains.start(name, values, Origin(owner, address), attended=True)
        del values  # may contain files, and the chain may take long
        try:
            with closing(_states_of(chains, started.id, owner, chain_doc)) as updates:
                last = yield from updates
            yield asdict(chain_doc(last)) | {"results": list(_chain_results(runs, last))}
        finally:
            if owner == NOBODY:
                with suppress(ChainNotFound):
                    chains.delete(started.id, owner)


def _chain_results(runs: RunRegistry, chain: ChainSummary) -> Iterator[dict[str, Any]]:
    """Return each run's results, in the order of the steps."""
    ended = ((step.name, run) for step in chain.steps for run in step.ended)
    for step, record in runs.history.each(ended, chain.owner):
        if record is not None:
            yield {"step": step, "run": record.id, **results_of(record.id, record.state)}
