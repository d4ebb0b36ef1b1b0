"""Named Gradio endpoints, one per workflow, at the app's own address.

One endpoint of the page's Gradio answers them all and gets the workflow's name. Blocks with an
endpoint per workflow would have to be rebuilt after each change, and Gradio never frees old ones: 8
MB each time with a hundred workflows. Calls go through the allowlist, with all its checks.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, get_type_hints

import gradio as gr
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comfy.base.errors import ComfyError
from comfy.base.messages import sentences
from comfy.chains.open_chain import StepSummary
from comfy.chains.queue import ChainQueue
from comfy.comfyui.protocol.result_types import ResultKind
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.form.check import unknown_fields
from comfy.form.model import Field
from comfy.runs.interface import Run, RunRegistry
from comfyforms.plugins.gradio_endpoints.scripts import (
    MOST_AT_ONCE,
    RUN_PROPERTIES,
    WITH_FILES,
    as_gradio_errors,
    chain_of_script,
    releases_session,
    run_of_script,
    run_state,
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
from ui.documents.group_docs import ChainDoc
from ui.documents.run_doc import RunDoc, run_doc
from ui.files.components import place_in, shown_file
from ui.files.copies import FileCopies
from ui.files.references import UploadReference
from ui.files.result_files import saved_places
from ui.gradio.allowlist import GradioAllowlist, replay
from ui.gradio.internals import (
    CALL,
    CONFIG,
    FILE_SCHEMA,
    FIRST_NUMBER,
    INFO,
    JOIN,
    NamedEndpoint,
    api,
    app_address,
    call_by_number,
    config_of,
    has_endpoint,
    info_of,
    is_named_number,
    json_schema_to_python_type,
    refusal,
    values_by_names,
    whole_root_of,
)
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.page.form.kinds.registry import VIEWS
from ui.settings.web_settings import WebSettings
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.limits import BodyLimit, WebLimits, read_object
from ui.web.responses import AsciiJSON
from ui.web.shares import Room, Work, where

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_FILES = {"type": "array", "items": FILE_SCHEMA}
_DEFINED = {"$defs": FILE_SCHEMA["$defs"]}
# The first value that an endpoint returns, by the kind of its main result: its name, and the
# component by which clients know its type.
_FIRST: Mapping[ResultKind, tuple[str, str]] = MappingProxyType(
    {
        "image": ("image", "Image"),
        "video": ("video", "Video"),
        "audio": ("audio", "Audio"),
        "3d": ("model", "Model3D"),
        "text": ("text", "Textbox"),
        "file": ("file", "File"),
    }
)
_OF_CHAIN = ("id", "workflow", "title", "state", "created_at", "why", "seconds", "finished", "url")
_OF_STEP = tuple(field.name for field in fields(StepSummary))
_CHANGED = "The fields of this workflow have changed. Connect again, then repeat the call."
# The values of an answer: the main result, all files, all texts, the state of the run or chain.
_Answer = tuple[object, list[dict[str, Any]], list[str], dict[str, Any]]
ANSWERING = "endpoint"
_GONE = "This endpoint no longer exists."
_CONNECT_AGAIN = "The workflows have changed. Connect again."


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def _typed(document: type, names: Iterable[str]) -> dict[str, Any]:
    types = get_type_hints(document)
    return {name: TypeAdapter(types[name]).json_schema() for name in names}


_RESULT = _object({"step": _TEXT, "run": _TEXT, "files": _FILES, "texts": _TEXTS})
_ABOUT_RUN = _object(
    {
        **_typed(RunDoc, RUN_PROPERTIES),
        "run": _TEXT,
        "values": {"type": "object"},
        "error": {"anyOf": [_TEXT, {"type": "null"}]},
    }
)
_ABOUT_CHAIN = _DEFINED | _object(
    {
        **_typed(ChainDoc, _OF_CHAIN),
        "steps": {"type": "array", "items": _object(_typed(StepSummary, _OF_STEP))},
        "results": {"type": "array", "items": _RESULT},
    }
)


def _endpoint_of(named: NamedForm) -> NamedEndpoint:
    form = named.form
    title, about = translated(form.title), translated(form.description)
    names = argument_names(form).items()
    info = {
        "description": f"{title}. {about}" if about else title,
        "parameters": [_parameter(name, form.field(key)) for key, name in names],
        "returns": _returns(named),
    }
    return NamedEndpoint(_endpoint_number(named), named.name, info)


def _returns(named: NamedForm) -> list[dict[str, Any]]:
    kind = _main_kind(named)
    name, component = _FIRST[kind]
    state = ("chain", _ABOUT_CHAIN) if named.is_chain else ("run", _ABOUT_RUN)
    return [
        _value_info(name, _TEXT if kind == "text" else FILE_SCHEMA, "", component),
        _value_info("files", _DEFINED | _FILES, "", "JSON"),
        _value_info("texts", _TEXTS, "", "JSON"),
        _value_info(*state, "", "JSON"),
    ]


def _main_kind(named: NamedForm) -> ResultKind:
    form = named.form
    return next((one.kind for one in form.outputs if one.node in form.needed), "file")


def _endpoint_number(named: NamedForm) -> int:
    """Return an endpoint's number: the workflow's, then one for its parameters. It changes with
    them, because calls by number send values in their order."""
    names = " ".join(argument_names(named.form).values())
    return FIRST_NUMBER | _digest(named.workflow, 4) << 16 | _digest(names, 2)


def _is_number_of(number: int, workflow: str) -> bool:
    """Return whether this is, or was, the number of this workflow's endpoint."""
    return number >> 16 == (FIRST_NUMBER >> 16 | _digest(workflow, 4))


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
        "default": default,  # the canvas of `gr.Workflow` reads this
        "example_input": default,
    }


def _value_info(
    label: str, schema: Mapping[str, Any], about: str, component: str
) -> dict[str, Any]:
    # Clients add "None" themselves to the type of a parameter whose default it is.
    kind = json_schema_to_python_type(schema).removesuffix(" | None")
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


def add_named_endpoints(run_start: RunStart, chains: ChainQueue, identity: Identity) -> None:
    """Add the endpoint `/endpoint`. Call this inside the Blocks."""
    reader, runs = run_start.reader, run_start.registry

    def endpoint(called: object, values: object, request: gr.Request) -> Iterator[_Answer]:
        """Run a workflow or chain and report its progress; the last answer has its files.

        called: the name or number of an endpoint. values: an object by the names of its
        parameters, or a list of all values in their order.
        """
        with releases_session(request):
            owner, root = identity.person(request), whole_root_of(request)
            with as_gradio_errors():
                wanted = _find_endpoint(reader.library, called, owner)
                sent = _sent_values(reader.of(owner), wanted, values)
            address = where(request, owner)
            answers = ClientAnswers(runs, reader.copies, owner, root, _main_kind(wanted))
            if wanted.is_chain:
                for progress in chain_of_script(
                    chains, runs, wanted.workflow, sent, owner, address
                ):
                    yield answers.of_chain(progress)
                return
            with run_of_script(run_start.starter, wanted.workflow, sent, owner, address) as run:
                del sent  # it may contain files, and the run may take an hour
                yield from _run_states(run, answers)

    endpoint.__annotations__["return"] = _Answer  # Gradio counts the values of the type
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
class ClientAnswers:
    """Answers for Gradio's clients, with results as files that they download, and can pass to
    another call. `root`: the app's full URL, as the caller reaches it. `kind`: of the main
    result."""

    runs: RunRegistry
    copies: FileCopies
    owner: str
    root: str
    kind: ResultKind

    def of_run(self, run: Run, state: RunState) -> _Answer:
        """Return a run's state, and the results of a run that is done."""
        done = state.phase is Phase.DONE
        texts = [text.text for text in state.texts] if done else []
        return self._answer(self._files(run.id) if done else [], texts, run_state(run, state))

    def of_chain(self, told: dict[str, Any]) -> _Answer:
        """Return a chain's state, and the results of its last step."""
        results = [one | {"files": self._files(one["run"])} for one in told.get("results", ())]
        last = [one for one in results if one["step"] == told["steps"][-1]["name"]]
        steps = [{name: step[name] for name in _OF_STEP} for step in told["steps"]]
        about = {name: told[name] for name in _OF_CHAIN} | {"steps": steps, "results": results}
        files, texts = ([one for each in last for one in each[name]] for name in ("files", "texts"))
        return self._answer(files, texts, about)

    def _answer(
        self, files: list[dict[str, Any]], texts: list[str], about: dict[str, Any]
    ) -> _Answer:
        return next(iter(texts if self.kind == "text" else files), None), files, texts, about

    def _files(self, run_id: str) -> list[dict[str, Any]]:
        """Return the files that a run has saved, except for deleted ones."""
        record = self.runs.record(run_id, self.owner)
        places = (self.copies.of_result(record, at) for at in saved_places(record))
        return [self._file(place) for place in places if place is not None]

    def _file(self, place: str) -> dict[str, Any]:
        path = self.copies.uploads.find(self.owner, place)
        return shown_file(self.root, place, path.stat().st_size if path else 0)


def _sent_values(sent: SentValues, named: NamedForm, given: object) -> dict[str, object]:
    fields = {field.key: field for field in named.form.fields}
    return {
        key: sent.value(fields[key], value) for key, value in values_by_key(named, given).items()
    }


def _run_states(run: Run, answers: ClientAnswers) -> Iterator[_Answer]:
    """Yield a run's progress, and report it as Gradio's progress. The last answer has the files.
    Raises gr.Error with the reason for a failure."""
    progress = gr.Progress()  # not a parameter: `gr.api` would expose it to callers
    for state in run.watch():
        doc = run_doc(run.record, usual=run.usual_times)
        progress(doc.progress or 0.0, desc=doc.headline)
        if state.phase.finished and state.phase is not Phase.DONE:
            error = state.error
            why = sentences(error.message, error.hint) if error else doc.headline
            raise gr.Error(why, print_exception=False)
        yield answers.of_run(run, state)


class EndpointRoutes:
    """Gradio's routes that list and call endpoints, the page's and one per workflow."""

    def __init__(
        self, library: WorkflowLibrary, limits: WebLimits, identity: Identity, settings: WebSettings
    ) -> None:
        self._library = library
        self._limits = limits
        self._identity = identity
        self._settings = settings

    def routes(self) -> GuardedRoutes:
        """Return the routes. The page itself needs none of the first two: its document has both."""
        routes = GuardedRoutes()
        for path, answer in ((CONFIG, self._config), (INFO, self._info)):
            routes.plain(path, answer, Access.SIGNED_IN, "GET", work=Work.CATALOG)
            routes.plain(f"{path}/", answer, Access.SIGNED_IN, "GET", work=Work.CATALOG)
        routes.plain(JOIN, self._join, Access.SIGNED_IN, "POST")
        for name in WITH_FILES:
            path = f"{CALL}{name}"
            large = {"body": BodyLimit.CALL, "room": Room.CALLS}
            routes.plain(path, _handed_on, Access.SIGNED_IN, "POST", **large)
        routes.plain(f"{CALL}{{api_name}}", self._call, Access.SIGNED_IN, "POST")
        routes.plain(f"{CALL}v2/{{api_name}}", self._call_by_names, Access.SIGNED_IN, "POST")
        return routes

    def _config(self, request: Request) -> Response:
        """Return the page's configuration and the endpoints, with the numbers that calls use."""
        root = app_address(request, self._settings.root_path)
        return self._listed(
            request, lambda known: config_of(_allowlist_of(request).gradio, ANSWERING, known, root)
        )

    def _info(self, request: Request) -> Response:
        """Return each endpoint's parameters and return values. Any page may read the public list of
        a Space, as the canvas of `gr.Workflow` does, but not with a user's cookies."""
        gradio = _allowlist_of(request).gradio
        root = app_address(request, self._settings.root_path)
        response = self._listed(request, lambda known: info_of(gradio, known, root))
        if self._settings.on_a_space:
            response.headers["access-control-allow-origin"] = "*"
        return response

    def _listed(
        self, request: Request, listed: Callable[[list[NamedEndpoint]], dict[str, Any]]
    ) -> Response:
        owner = self._identity.owner(request) or NOBODY
        try:
            known = [_endpoint_of(one) for one in named_forms(self._library, owner)]
        except ComfyError as problem:
            return refusal(sentences(str(problem), problem.hint), 503)
        return AsciiJSON(listed(known))

    async def _join(self, request: Request) -> ASGIApp:
        """Handle a call that names its endpoint by number."""
        body = await request.body()
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        if not is_named_number(call.get("fn_index")):
            return _handed_on(request, body=body)
        gradio = _allowlist_of(request).gradio
        return _call_of(request, JOIN, call_by_number(gradio, ANSWERING, call))

    async def _call(self, request: Request) -> ASGIApp:
        """Handle a call by name, with all its values in order."""
        return await self._named_call(request, lambda call: call.get("data"))

    async def _call_by_names(self, request: Request) -> ASGIApp:
        """Handle a call by name, with its values by name."""
        gradio, name = _allowlist_of(request).gradio, request.path_params["api_name"]
        if not has_endpoint(gradio, name):
            return await self._named_call(request, lambda call: call)
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        try:
            values = values_by_names(gradio, name, call)
        except TypeError as problem:  # in Gradio's own route, this would be a failure
            return refusal(str(problem), 422)
        return _call_of(request, f"{CALL}{name}", {"data": values})

    async def _named_call(
        self, request: Request, values_of: Callable[[dict[str, Any]], object]
    ) -> ASGIApp:
        name = request.path_params["api_name"]
        if has_endpoint(_allowlist_of(request).gradio, name):
            return _handed_on(request)
        call = await self._read(request)
        if isinstance(call, str):
            return refusal(call, 422)
        return _call_of(request, f"{CALL}{ANSWERING}", {"data": [name, values_of(call)]})

    async def _read(self, request: Request) -> dict[str, Any] | str:
        return await asyncio.to_thread(read_object, await request.body(), self._limits)


def _allowlist_of(request: Request) -> GradioAllowlist:
    allowlist = request.app.state.allowlist
    assert isinstance(allowlist, GradioAllowlist)
    return allowlist


def _call_of(request: Request, path: str, call: object) -> ASGIApp:
    """Pass a call with this body to the allowlist under `path`."""
    return _handed_on(request, path, json.dumps(call).encode())


def _handed_on(request: Request, path: str = "", body: bytes | None = None) -> ASGIApp:
    """Pass a request to the allowlist, with another `path`, and with the `body` if it is read."""
    allowlist = _allowlist_of(request)
    to = {"path": path, "raw_path": path.encode()} if path else {}

    async def hand_on(scope: Scope, receive: Receive, send: Send) -> None:
        brought = receive if body is None else replay(body, receive)
        await allowlist({**scope, **to}, brought, send)

    return hand_on
