"""Gradio endpoints below `/endpoints`, one per workflow, where Gradio's clients find an app with
only named endpoints.

One endpoint of the page's Gradio answers them all and gets the workflow's name. Blocks with an
endpoint per workflow would have to be rebuilt after each change, and Gradio never frees old ones: 8
MB each time with a hundred workflows. Calls go through the allowlist, with all its checks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.check import unknown_fields
from comfy.form.model import Field
from comfy.runs.interface import Run, RunRegistry
from comfyforms.plugins.gradio_endpoints.scripts import (
    MOST_AT_ONCE,
    as_gradio_errors,
    chain_of_script,
    releases_session,
    run_of_script,
    script_run,
)
from ui.api.named_workflows import (
    NamedForm,
    argument_names,
    named_form,
    named_forms,
    named_workflows,
)
from ui.api.start import RunStart
from ui.api.values import SentValues
from ui.api.workflows import is_required, schema_of
from ui.documents.group_docs import ChainDoc, StepDoc
from ui.documents.run_doc import run_doc
from ui.files.components import place_in, shown_file
from ui.files.copies import FileCopies
from ui.files.references import UploadReference
from ui.files.result_files import saved_places
from ui.gradio.allowlist import GradioAllowlist, replay
from ui.gradio.internals import (
    CALL,
    CONFIG,
    ENDINGS,
    FILE_SCHEMA,
    INFO,
    JOIN,
    STREAM,
    NamedEndpoint,
    api,
    call_by_number,
    config_of,
    info_of,
    json_schema_to_python_type,
    refusal,
    root_address,
    whole_root_of,
)
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.page.form.kinds.registry import VIEWS
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.limits import WebLimits, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Work, where
from ui.web.urls import ENDPOINTS

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_FILES = {"type": "array", "items": FILE_SCHEMA}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _list_of(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(**properties)}


def _any_of(document: type[ChainDoc | StepDoc]) -> dict[str, Mapping[str, Any]]:
    """Return the properties of a document without their types, which Gradio shows as Any."""
    return {field.name: {} for field in fields(document)}


_OF_RUN = _object(files=_FILES, texts=_TEXTS, run=_TEXT, phase=_TEXT, values={"type": "object"})
_OF_CHAIN = _object(
    **{
        "files": _FILES,
        "results": _list_of(step=_TEXT, run=_TEXT, files=_FILES, texts=_TEXTS),
        **_any_of(ChainDoc),
        **dict.fromkeys(("id", "title", "state", "why"), _TEXT),
        "steps": _list_of(
            **_any_of(StepDoc)
            | {"name": _TEXT, "title": _TEXT, "state": _TEXT, "runs": _NUMBER, "done": _NUMBER}
        ),
    }
)
_CHANGED = "The fields of this workflow have changed. Connect again, then repeat the call."


def _endpoint_of(named: NamedForm) -> NamedEndpoint:
    """Return the endpoint's description for clients."""
    form = named.form
    title, about = translated(form.title), translated(form.description)
    names = argument_names(form).items()
    answer = _OF_CHAIN if named.is_chain else _OF_RUN
    info = {
        "description": f"{title}. {about}" if about else title,
        "parameters": [_parameter(name, form.field(key)) for key, name in names],
        "returns": [_value_info("result", answer | {"$defs": FILE_SCHEMA["$defs"]}, "", "JSON")],
    }
    return NamedEndpoint(_endpoint_number(named), named.name, info)


def _endpoint_number(named: NamedForm) -> int:
    """Return an endpoint's number: the workflow's, then one for its parameters. It changes with
    them, because calls by number send values in their order."""
    names = " ".join(argument_names(named.form).values())
    return _digest(named.workflow, 4) << 16 | _digest(names, 2)


def _is_number_of(number: int, workflow: str) -> bool:
    """Return whether this is, or was, the number of this workflow's endpoint."""
    return number >> 16 == _digest(workflow, 4)


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest())


def values_by_key(named: NamedForm, given: object) -> dict[str, object]:
    """Return a call's values by field key. `given` has them by name, or all of them in order. None
    and the author's values are dropped, so seeds become random. Raises ComfyError."""
    names = argument_names(named.form)
    match given:
        case list() if len(given) == len(names):
            by_name = dict(zip(names.values(), given, strict=True))
        case dict():
            by_name = given
        case _:
            raise ComfyError(_CHANGED)
    if wrong := unknown_fields(by_name, [*names.values()]):
        raise ComfyError(sentences(*wrong.values()))
    wanted = {key: by_name.get(name) for key, name in names.items()}
    return {
        key: _file(value) if named.form.field(key).is_media else value
        for key, value in wanted.items()
        if value is not None and value != _default(named.form.field(key))
    }


def _parameter(name: str, field: Field) -> dict[str, Any]:
    about = translated(field.tooltip or field.label)
    component, default = VIEWS[field.widget].component, _default(field)
    return _value_info(translated(field.label), _schema(field), about, component) | {
        "parameter_name": name,
        "parameter_has_default": not is_required(field),
        "parameter_default": default,
        "example_input": default,
    }


def _value_info(
    label: str, schema: Mapping[str, Any], about: str, component: str
) -> dict[str, Any]:
    kind = json_schema_to_python_type(schema)
    return {
        "label": label,
        "type": dict(schema),
        "python_type": {"type": kind, "description": about},
        "component": component,
    }


def _default(field: Field) -> object:
    """Return the documented default of a parameter; None for files and for seeds,
    which are random."""
    return None if field.is_media or field.is_seed else field.default


def _schema(field: Field) -> Mapping[str, Any]:
    choices = [value for _, value in field.choices or ()]
    if field.is_media:
        return FILE_SCHEMA
    if choices and all(isinstance(one, str) for one in choices):
        return {"type": "string", "enum": choices}
    return schema_of(field)


def _file(value: object) -> object:
    """Convert Gradio's JSON of an uploaded file to a reference, with the layers of an
    `ImageEditor`. Other values stay unchanged."""
    match value:
        case {"background": background, "layers": list(layers)} if file_id := place_in(background):
            return UploadReference(file_id, tuple(filter(None, map(place_in, layers))))
    return place_in(value) or value


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
                yield from _run_states(run, answers)

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
            likely = [one for one in known if _is_number_of(called, one[1])]
        case _:
            likely = []
    for name, workflow in likely:
        endpoint = named_form(library, name, workflow, owner)
        if endpoint is not None and called in (name, _endpoint_number(endpoint)):
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


def _run_states(run: Run, answers: ClientFiles) -> Iterator[dict[str, Any]]:
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


_ANSWERED = f"{CALL}{ANSWERING}"


class EndpointRoutes:
    """Routes of the named endpoints. `root_path`: see the web server."""

    def __init__(
        self, library: WorkflowLibrary, limits: WebLimits, identity: Identity, root_path: str
    ) -> None:
        self._library = library
        self._limits = limits
        self._identity = identity
        self._root_path = root_path

    def routes(self) -> GuardedRoutes:
        """Return the routes. Uploads and results use the page's routes, below the same path."""
        routes = GuardedRoutes(ENDPOINTS)
        routes.plain(CONFIG, self._config, Access.SIGNED_IN, "GET", work=Work.CATALOG)
        routes.plain(INFO, self._info, Access.SIGNED_IN, "GET", work=Work.CATALOG)
        routes.plain(JOIN, self._join, Access.SIGNED_IN, "POST")
        ways = {f"{CALL}{{name}}": self._call, f"{CALL}v2/{{name}}": self._call_by_names}
        for path, call in ways.items():
            routes.plain(path, call, Access.SIGNED_IN, "POST")
            routes.plain(f"{path}/{{call}}", self._as_of_page, Access.OWNER, "GET")
        routes.plain(STREAM, self._as_of_page, Access.OWNER, "GET")
        for path in sorted(ENDINGS):
            routes.plain(path, self._as_of_page, Access.OWNER, "POST")
        return routes

    def _config(self, request: Request) -> Response:
        """Return the endpoints, with the numbers that calls use."""
        root = root_address(request, f"{ENDPOINTS}{CONFIG}", self._root_path) + ENDPOINTS
        try:
            config = config_of(
                _allowlist_of(request).gradio, ANSWERING, self._endpoints(request), root
            )
        except ComfyError as problem:
            return refusal(sentences(str(problem), problem.hint), 503)
        return AsciiJSON(config)

    def _info(self, request: Request) -> Response:
        """Return each endpoint's parameters."""
        try:
            info = info_of(self._endpoints(request))
        except ComfyError as problem:
            return refusal(sentences(str(problem), problem.hint), 503)
        return AsciiJSON(info)

    def _endpoints(self, request: Request) -> list[NamedEndpoint]:
        owner = self._identity.owner(request) or NOBODY
        return [_endpoint_of(one) for one in named_forms(self._library, owner)]

    async def _join(self, request: Request) -> ASGIApp:
        """Handle a call that names its endpoint by number."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        body = call_by_number(_allowlist_of(request).gradio, ANSWERING, call)
        return _handed_on(request, JOIN, body)

    async def _call(self, request: Request) -> ASGIApp:
        """Handle a call by name, with all its values in order."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        return _handed_on(request, _ANSWERED, _named_call(request, call.get("data")))

    async def _call_by_names(self, request: Request) -> ASGIApp:
        """Handle a call by name, with its values by name."""
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        return _handed_on(request, _ANSWERED, _named_call(request, call))

    async def _read(self, request: Request) -> dict[str, Any] | str:
        body = await request.body()
        return await asyncio.to_thread(read_object, body, self._limits)

    async def _as_of_page(self, request: Request) -> ASGIApp:
        return _handed_on(request, request.scope["path"].removeprefix(ENDPOINTS))


def _allowlist_of(request: Request) -> GradioAllowlist:
    allowlist = request.app.state.allowlist
    assert isinstance(allowlist, GradioAllowlist)
    return allowlist


def _named_call(request: Request, values: object) -> dict[str, Any]:
    return {"data": [request.path_params["name"], values]}


def _handed_on(request: Request, path: str, call: object = None) -> ASGIApp:
    """Pass a call to the allowlist under another `path`."""
    allowlist = _allowlist_of(request)

    async def hand_on(scope: Scope, receive: Receive, send: Send) -> None:
        there = {**scope, "path": path, "raw_path": path.encode()}
        brought = replay(json.dumps(call).encode(), receive) if call is not None else receive
        await allowlist(there, brought, send)

    return hand_on
