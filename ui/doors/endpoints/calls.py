"""The page's endpoint that answers for all named endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import Phase
from comfy.runs.interface import Run, RunRegistry
from ui.api.named_workflows import NamedForm, named_form, named_workflows
from ui.api.start import RunStart
from ui.api.values import SentValues
from ui.documents.run_doc import run_doc
from ui.doors.endpoints.values import endpoint_number, is_number_of, values_by_key
from ui.doors.gradio.api import (
    MOST_AT_ONCE,
    as_gradio_errors,
    releases_session,
    run_of_script,
    script_run,
)
from ui.doors.gradio.chains import chain_of_script
from ui.files.components import shown_file
from ui.files.copies import FileCopies
from ui.files.result_files import saved_places
from ui.gradio.internals import api, whole_root_of
from ui.library import WorkflowLibrary
from ui.web.identity import Identity
from ui.web.shares import where

ANSWERING = "endpoint"
_GONE = "This endpoint no longer exists."
_CONNECT_AGAIN = "The workflows have changed. Connect again."


def add_named_endpoints(run_start: RunStart, chains: ChainQueue, identity: Identity) -> None:
    """Add the endpoint `/endpoint`. Call this inside the Blocks."""
    reader, runs = run_start.reader, run_start.registry

    def endpoint(called: object, values: object, request: gr.Request) -> Iterator[dict[str, Any]]:
        """Run a workflow or chain and report its progress; the last answer has its files.

        called: the name or number of an endpoint. values: an object by the names of its
        parameters, or a list of all values in their order.
        """
        with releases_session(request):
            owner, root = identity.person(request), whole_root_of(request)
            with as_gradio_errors():
                wanted = _find_endpoint(reader.library, called, owner)
                sent = _sent_values(reader.of(owner), wanted, values)
            address, answers = where(request, owner), ClientFiles(runs, reader.copies, owner, root)
            if wanted.is_chain:
                for progress in chain_of_script(
                    chains, runs, wanted.workflow, sent, owner, address
                ):
                    yield answers.of_chain(progress)
                return
            with run_of_script(run_start.starter, wanted.workflow, sent, owner, address) as run:
                del sent  # it may contain files, and the run may take an hour
                yield from _told(run, answers)

    api(
        endpoint,
        api_name=ANSWERING,
        api_visibility="undocumented",
        concurrency_limit=MOST_AT_ONCE,
    )


def _find_endpoint(library: WorkflowLibrary, called: object, owner: str) -> NamedForm:
    """Return the endpoint with this name or number for this user. Raises ComfyError."""
    known = named_workflows(library, owner).items()
    match called:
        case str():
            likely = [one for one in known if one[0] == called]
        case int():
            likely = [one for one in known if is_number_of(called, one[1])]
        case _:
            likely = []
    for name, workflow in likely:
        endpoint = named_form(library, name, workflow, owner)
        if endpoint is not None and called in (name, endpoint_number(endpoint)):
            return endpoint
    raise ComfyError(_GONE, _CONNECT_AGAIN)


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Results as files that Gradio's clients download, and can pass to another call. `root`: the
    app's full URL, as the caller reaches it."""

    runs: RunRegistry
    copies: FileCopies
    owner: str
    root: str

    def of_run(self, run_id: str) -> list[dict[str, Any]]:
        """Return the files that a run has saved, except for deleted ones."""
        record = self.runs.record(run_id, self.owner)
        places = (self.copies.of_result(record, at) for at in saved_places(record))
        return [self._file(place) for place in places if place is not None]

    def of_chain(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return a chain's progress, with its last step's files at the end."""
        results = [one | {"files": self.of_run(one["run"])} for one in told.get("results", ())]
        last = [one for one in results if one["step"] == told["steps"][-1]["name"]]
        return told | {"results": results, "files": [file for one in last for file in one["files"]]}

    def _file(self, place: str) -> dict[str, Any]:
        path = self.copies.uploads.find(self.owner, place)
        return shown_file(self.root, place, path.stat().st_size if path else 0)


def _sent_values(sent: SentValues, named: NamedForm, given: object) -> dict[str, object]:
    """Return the values of a call with the files that they name."""
    fields = {field.key: field for field in named.form.fields}
    return {
        key: sent.value(fields[key], value) for key, value in values_by_key(named, given).items()
    }


def _told(run: Run, answers: ClientFiles) -> Iterator[dict[str, Any]]:
    """Yield a run's progress, and report it as Gradio's progress. The last answer has the files.
    Raises gr.Error with the reason for a failure."""
    progress = gr.Progress()  # not a parameter: `gr.api` would expose it to callers
    for state in run.watch():
        doc = run_doc(run.record, usual=run.usual_times)
        progress(doc.progress or 0.0, desc=doc.headline)
        if not state.phase.finished:
            yield script_run(run, state) | {"files": []}
        elif state.phase is Phase.DONE:
            yield script_run(run, state) | {"files": answers.of_run(run.id)}
        else:
            error = state.error
            why = sentences(error.message, error.hint) if error else doc.headline
            raise gr.Error(why, print_exception=False)
