"""Batches for scripts: an endpoint of Gradio's API."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, replace
from typing import Any

import gradio as gr

from comfy.base.errors import BatchNotFound
from comfy.batches.open_batch import BatchSummary
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import parse_spec
from comfy.records.store import RunStore
from comfy.runs.interface import Origin
from ui.documents.batch_doc import batch_doc
from ui.documents.browser_values import value_text
from ui.doors.gradio.api import (
    MOST_AT_ONCE,
    as_gradio_errors,
    followed,
    releases_session,
    results_of,
    values_of_script,
)
from ui.files.references import inline_file
from ui.gradio.internals import api
from ui.web.identity import NOBODY, Identity
from ui.web.shares import where

_NOTHING: Mapping[str, list[str]] = {"files": [], "texts": []}


def add_batch_api(batches: BatchQueue, history: RunStore | None, identity: Identity) -> None:
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
            base = values_of_script(values)
            wanted = parse_spec(spec, lambda _, value: inline_file(value))
            origin = Origin(owner, where(request, owner))
            started = batches.start(workflow, base, wanted, origin, attended=True)
            del base, wanted  # may contain files, and the batch may take long
            try:
                with closing(_told(batches, started.id, owner)) as updates:
                    last = yield from updates
                yield asdict(batch_doc(last)) | {
                    "results": list(_results(batches, history, started.id, owner))
                }
            finally:
                if owner == NOBODY:
                    with suppress(BatchNotFound):
                        batches.delete(started.id, owner)

    api(batch, api_name="batch", concurrency_limit=MOST_AT_ONCE)


def _told(
    batches: BatchQueue, batch_id: str, owner: str
) -> Generator[dict[str, Any], None, BatchSummary]:
    """Yield a batch's progress at each change, then its end. Stop the batch when the caller leaves
    or when it has paused itself."""
    try:
        with followed(batches.subscribe, owner) as wait:
            while (summary := batches.get(batch_id, owner)).state == "running":
                yield asdict(batch_doc(summary))
                wait()
    except GeneratorExit:
        with suppress(BatchNotFound):
            batches.leave(batch_id, owner)
        raise
    if summary.gave_up:
        batches.stop(batch_id, owner)
        return replace(batches.get(batch_id, owner), why=summary.why)
    return summary


def _results(
    batches: BatchQueue, history: RunStore | None, batch_id: str, owner: str
) -> Iterator[dict[str, Any]]:
    table = batches.table(batch_id, owner)
    assert history is not None  # batches need a history
    places = range(len(table.rows))
    records = history.get_many([table.states.run(index) for index in places], owner)
    for index in places:
        record = records.get(table.states.run(index))
        error = record.state.error if record is not None else None
        yield {
            "number": table.rows.number(index),
            "values": {key: value_text(one) for key, one in table.rows.varied(index).items()},
            "state": table.states[index],
            "run": record.id if record is not None else "",
            **(results_of(record.id, record.state) if record is not None else _NOTHING),
            "error": table.states.error(index) or (error.message if error is not None else None),
        }
