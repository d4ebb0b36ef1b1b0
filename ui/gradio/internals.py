"""Undocumented parts of Gradio that this app uses. Check them first when Gradio's version changes.

The browser's part is in `ui/page/script/gradio.js` and `ui/page/styles/gradio.css`. Gradio
documents components, their events and options, theme variables, `mount_gradio_app` and `/call/…`.
What only plugins use stands here, too: then this is the one Python file to check.

Options that bind the page's listeners to Gradio's events.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import re
from abc import ABCMeta
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self, TypeGuard, cast
from urllib.parse import urlsplit

import gradio as gr
from fastapi import FastAPI
from gradio import queueing
from gradio.blocks import BlockContext
from gradio.component_meta import ComponentMeta, updateable
from gradio.components import Component
from gradio.context import get_render_context
from gradio.data_classes import FileData, PredictBody
from gradio.events import api as api  # same as `gr.api`, which is untyped
from gradio.queueing import Queue
from gradio.route_utils import API_PREFIX, get_root_url
from gradio.routes import App as App
from gradio.routes import templates
from gradio.state_holder import SessionState
from gradio_client.snippet import generate_code_snippets  # type: ignore[import-untyped]
from gradio_client.utils import (  # type: ignore[import-untyped]
    construct_args,
    is_file_obj_with_meta,
    traverse,
)
from gradio_client.utils import (
    json_schema_to_python_type as json_schema_to_python_type,
)
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Match, Mount
from starlette.types import ASGIApp

from comfy.base.errors import ComfyError
from comfy.base.json_values import parse_json
from ui.languages.current import all_translated, translated
from ui.web.responses import NOT_UNDERSTOOD, in_short

log = logging.getLogger(__name__)
_CREATE_APP = App.create_app
# Gradio's routes. The first ones serve the page, its settings, its script and its styles.
PAGE = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt"})
PUBLIC = frozenset({"/", "/favicon.ico", "/robots.txt"})  # no sign-in required
SCRIPTS = "/assets/"  # prefix of a script's or style sheet's name, which contains its digest
FILES_OF_PAGE = ("/static/", SCRIPTS, "/svelte/")
CONFIG = "/config"
OWN_ROUTES = f"{API_PREFIX}/"  # prefix of most of Gradio's own routes
INFO = f"{API_PREFIX}/info"  # lists endpoints and their parameters
LOGIN = "/login"  # for Gradio's Python client, with these two form fields
USERNAME, PASSWORD = "username", "password"
# Requested once by the page, and by scripts to list endpoints.
ANSWERS = frozenset(
    f"{API_PREFIX}/{name}" for name in ("info", "openapi.json", "login_check", "user", "app_id")
)
PRESS = f"{API_PREFIX}/run/predict"  # the page's calls that bypass the queue
WHOLE_PAGES = frozenset({"/", "/config", PRESS})  # each response is large
JOIN = f"{API_PREFIX}/queue/join"  # queued calls of the page and of `gradio_client`
STREAM = f"{API_PREFIX}/queue/data"  # reports progress and results of queued calls
CALL = f"{API_PREFIX}/call/"  # prefix of an endpoint's name: scripts' calls and their results
ENDINGS = frozenset({f"{API_PREFIX}/cancel", f"{API_PREFIX}/reset"})
UPLOAD = f"{API_PREFIX}/upload"  # takes files and returns their places
UPLOAD_PROGRESS = f"{API_PREFIX}/upload_progress"  # a stream
FILE = f"{API_PREFIX}/file="  # prefix of a file's place: serves the file
# Schema by which Gradio recognizes a file value.
FILE_SCHEMA: Mapping[str, Any] = FileData.model_json_schema() | {"description": "A file"}
# Numbers of named endpoints begin here, far above the page's listeners, and stay exact in
# JavaScript.
FIRST_NUMBER = 1 << 48
UPLOADED = "files"  # form field of each file in a request to UPLOAD
UPLOAD_DONE = f"data: {json.dumps({'msg': 'done'})}\n\n"  # last event of UPLOAD_PROGRESS
# Tags in the head of Gradio's template: link previews, and the manifest for installing the page.
_REPLACED_TAGS = re.compile(
    r"""<meta\s+(?:property="og:|name="twitter:)[^>]*>|<link\s+rel="manifest"[^>]*>"""
)
# Tags in the head of the template that Gradio's own script needs, and the first view doesn't.
_END = '<template id="document-end"></template>'  # missing if the document was cut
_NEEDED_LATER = re.compile(r"<script>window\.gradio_config = .*</script>")
_STYLE = re.compile(r'<link\s+rel="stylesheet"[^>]*>')
# Sizes the frame of a Space; other pages don't need it.
_CONFIG = "{{ config | toorjson }}"
# Properties of components in the configuration that no browser reads.
_FOR_CLIENTS = ("api_info", "api_info_as_input", "api_info_as_output", "example_inputs")
_FRAME_SCRIPT = "document.head.appendChild(script);"
_BODY = re.compile(r"<body[^>]*>")
_FIRST_VIEW = "{{ first_view(request) | safe }}"
_LANGUAGE = 'lang="en"'  # in the `html` element of Gradio's template
# Template expression for the app's full URL as this browser reaches it, including through proxies.
ROOT_ADDRESS = "{{ config.get('root', '') }}"
# Template expression for the URL of the theme's style sheet, as Gradio's script writes it.
_THEME_ADDRESS = "config.get('root', '') ~ '/theme.css?v=' ~ config.get('theme_hash', '')"
_MARKS = (_LANGUAGE, _CONFIG, _FRAME_SCRIPT, "</head>", "</body>")
# Gradio's own texts follow this browser property.
NAVIGATOR_LANGUAGE = 'Object.defineProperty(navigator, "language", {value: %s})'
# Gradio's spinner counts time in each frame, even after it is gone. One update per second is
# enough and lets the browser rest.
_SPINNER_CLOCK = """<script>{
  const frame = requestAnimationFrame;
  window.requestAnimationFrame = (callback) =>
    /performance\\.now\\(\\)-.*\\/1e3/.test(callback)
      ? setTimeout(callback, 1000)
      : frame(callback);
}</script>"""
# Seconds between two looks at calls and their progress. Gradio always looks, and its default of
# 0.001 uses 5 % of a core.
_LOOKS_AT_CALLS = 0.01
# Requests that the allowlist passes on, with any name for endpoints and calls.
_CALLED = (
    *(("POST", path) for path in (PRESS, JOIN, f"{CALL}any", f"{CALL}v2/any", *sorted(ENDINGS))),
    *(("GET", path) for path in (STREAM, f"{CALL}any/call")),
)
# Methods that `Page` replaces, and the first parameters that Gradio passes to them.
_REPLACED = MappingProxyType(
    {
        "preprocess_data": ["block_fn", "inputs", "state", "explicit_call"],
        "process_api": ["block_fn", "inputs", "state", "request"],
    }
)
_OF_QUEUE = (
    *("event_ids_to_events", "pending_messages_per_session", "pending_event_ids_session"),
    *(
        "clean_events",
        "max_size",
        "sleep_when_free",
        "progress_update_sleep_when_free",
        "push",
        "active_jobs",
    ),
)
SERVER_HEADER = b"x-gradio-server"  # Gradio builds URLs from this
# Gradio drops an event that arrives while another of its kind is pending, unless it is configured
# to handle it afterward. The later call still gets the first event's own data, so current data has
# to come as an input.
QUIET: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
}


def session_and_call(call: Mapping[str, Any]) -> tuple[object, object, object]:
    """Return names in a call's JSON: the page's session, an earlier call, the listener's number."""
    return call.get("session_hash"), call.get("event_id"), call.get("fn_index")


def session_of_stream(request: HTTPConnection) -> str:
    """Return the session whose calls STREAM reports, as Gradio reads it."""
    return request.query_params.get("session_hash", "")


def call_in(answer: bytes) -> str:
    """Return the ID of a queued call from the response of JOIN or CALL."""
    return str(parse_json(answer)["event_id"])


class NamedEndpoint(NamedTuple):
    """Endpoint that is answered by one of the page's own endpoints. `number`: its number in some
    calls, from FIRST_NUMBER; `told`: its parameters and return values, in the format of
    `Client.view_api` of `gradio_client`."""

    number: int
    name: str
    told: dict[str, Any]


def config_of(
    gradio: App, answering: str, endpoints: Iterable[NamedEndpoint], root: str
) -> dict[str, Any]:
    """Return the configuration that clients read first from an app at `root`: the page's, with
    these endpoints. `answering`: the name of the page's endpoint that answers them."""
    page: Any = gradio.get_blocks().config
    like = next(one for one in page["dependencies"] if one["api_name"] == answering)
    public, takes = like | {"api_visibility": "public"}, like["inputs"][:1]
    named = [
        public | {"id": number, "api_name": name, "inputs": takes * len(told["parameters"])}
        for number, name, told in endpoints
    ]
    return {**page, "root": root, "dependencies": [*page["dependencies"], *named]}


def info_of(gradio: App, endpoints: Iterable[NamedEndpoint], root: str) -> dict[str, Any]:
    """Return the description of the values of these endpoints and of the page's public ones, with
    the examples of calls that Gradio's page of the API shows. `root`: as for `config_of`."""
    named = {f"/{one.name}": one.told | {"api_visibility": "public"} for one in endpoints}
    own: Any = all_translated(gradio.get_blocks().get_api_info())
    told = {**named, **own["named_endpoints"]}
    for name, one in told.items():
        snippets = generate_code_snippets(name, one, root, api_prefix=OWN_ROUTES)
        told[name] = {**one, "code_snippets": snippets}
    return {**own, "named_endpoints": told}


def has_endpoint(gradio: App, name: str) -> bool:
    """Return whether the page has an endpoint with this name, which clients may call."""
    known = gradio.get_blocks().fns.values()
    return any(one.api_name == name and one.api_visibility != "private" for one in known)


def values_by_names(gradio: App, name: str, call: Mapping[str, Any]) -> list[Any]:
    """Return the values of a call of the page's endpoint `name` in their order. Raises TypeError
    with a sentence for a wrong or missing name."""
    endpoints: Any = gradio.get_blocks().get_api_info()["named_endpoints"]
    values: list[Any] = construct_args(endpoints[f"/{name}"]["parameters"], (), dict(call))
    return values


def is_named_number(number: object) -> TypeGuard[int]:
    """Return whether a call's `fn_index` is the number of a named endpoint."""
    return isinstance(number, int) and number >= FIRST_NUMBER


def call_by_number(gradio: App, answering: str, call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of JOIN for a call of one of these endpoints. It calls the page's endpoint
    `answering`, with the called endpoint's number as a value."""
    known: Any = gradio.get_blocks().fns
    number = next(one for one in known if known[one].api_name == answering)
    data = [call.get("fn_index"), call.get("data")]
    return {"data": data, "fn_index": number, "session_hash": call.get("session_hash")}


def refusal(sentence: str, status: int, **more: object) -> JSONResponse:
    """Return an error response. Gradio's page reads `error`, its Python client `detail`."""
    text = translated(sentence)
    return JSONResponse({"error": text, "detail": text, **more}, status)


def connection(request: gr.Request) -> Request | None:
    """Return the request that Gradio wrapped, or None if Gradio made the request itself."""
    inner: Request | None = request.request
    return inner


@cache
def _scripts() -> dict[str, Path]:
    folder = Path(gr.__file__).with_name("templates") / "frontend" / "assets"
    return {file.name: file for file in folder.iterdir() if file.suffix in (".js", ".css", ".svg")}


def script_of_page(name: str) -> Path | None:
    """Return the path of a file that Gradio serves below SCRIPTS, or None if it doesn't exist."""
    return _scripts().get(name)


@cache
def model_viewer() -> str:
    """Return the URL of the script with which `gr.Model3D` shows models: an ES module with
    `CreateViewerForCanvas` of Babylon's viewer; "" if it is missing."""
    for name, component in _scripts().items():
        if not name.startswith("Canvas3D-"):
            continue
        _, _, after = component.read_text(encoding="utf-8").partition("import(`./lib-")
        if after:
            return f"{SCRIPTS.removesuffix('/')}/lib-{after.partition('`')[0]}"
    return ""


class WithoutStub(ComponentMeta):
    """Metaclass that creates a component's class without Gradio's `.pyi` file beside it."""

    def __new__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        """Create the class without writing a `.pyi` file."""
        if "__init__" in attrs:  # Gradio renames it on update
            attrs["__init__"] = updateable(attrs["__init__"])  # type: ignore[no-untyped-call]
        return ABCMeta.__new__(cls, name, bases, attrs)


class WithoutDataModel:
    """Mixin for a component whose values Gradio passes on unchanged. With a `data_model`, Gradio
    would turn values into files, which it opens, copies and fetches."""

    @property
    def data_model(self) -> None:
        """Return None, even if a component's own `__init__` sets a model."""

    @data_model.setter
    def data_model(self, _: object) -> None:
        pass


def without_preprocess(component: Component) -> Component:
    """Make a component pass on the browser's value unchanged; the form's check reports errors on
    the field."""
    component.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return component


def identify_parts() -> None:
    """Give an id to each part of the open layout that has none. In `gr.render`, the browser would
    keep the id of the component that was drawn in its place before."""
    layout = get_render_context()
    parts = [*layout.children] if layout else []
    for part in parts:
        part.elem_id = part.elem_id or f"part-{part._id}"
        parts += part.children if isinstance(part, BlockContext) else ()


def root_of(request: gr.Request) -> str:
    """Return the app's path for this browser, "" at the root; without the host, which a request may
    forge."""
    return urlsplit(whole_root_of(request)).path


def whole_root_of(request: gr.Request) -> str:
    """Return the app's URL for this caller only, "" if Gradio made the request."""
    inner = connection(request)
    if inner is None:
        return ""
    route = inner.url.path[inner.url.path.index(API_PREFIX) :]
    return _root_address(inner, route, inner.app.root_path)


def _root_address(request: Request, path: str, root_path: str) -> str:
    """Return the app's full URL as this browser reaches it, including through proxies, without a
    trailing slash. `path`: the requested path below it; `root_path`: as configured for Gradio."""
    return str(get_root_url(request, path, root_path)).rstrip("/")


def app_address(request: Request, root_path: str) -> str:
    """Return the app's full URL for any request, even for an unknown route."""
    return _root_address(Request({**request.scope, "path": "/"}), "/", root_path)


@contextlib.contextmanager
def without_apps() -> Iterator[None]:
    """Prevent Gradio from building an app with each Blocks and each `queue()`, which takes half of
    the startup time. Only the mounted app serves requests."""
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        App.create_app = staticmethod(_CREATE_APP)  # type: ignore[method-assign]


def allow(page: gr.Blocks, *, threads: int, sessions: int, calls: int) -> None:
    """Set how many handlers run at once, how many pages' forms are kept, and how many calls may
    wait."""
    page.max_threads = threads  # before queue(), which limits concurrency to this number
    page.state_session_capacity = sessions
    page.queue(default_concurrency_limit=None, max_size=calls)
    pause = _UntilCalled(page._queue)
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = pause
    vars(queueing)["asyncio"] = _Asyncio()


class _UntilCalled(float):
    """Time for which the loops of Gradio's queue sleep: without any call, until one comes."""

    def __new__(cls, queue: Queue) -> Self:
        return super().__new__(cls, _LOOKS_AT_CALLS)

    def __init__(self, queue: Queue) -> None:
        self._queue, self._push = queue, queue.push
        self._came = asyncio.Event()
        queue.push = self._pushed  # type: ignore[method-assign]

    async def _pushed(self, *given: Any, **named: Any) -> Any:
        try:
            return await self._push(*given, **named)
        finally:
            self._came.set()

    async def over(self) -> None:
        """Return when a call has come, or soon if there are any. The queue's end is noticed after a
        second."""
        if len(self._queue) or any(self._queue.active_jobs):
            await asyncio.sleep(self)
            return
        self._came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), 1)


class _Asyncio:
    """The module `asyncio`, as Gradio's queue sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, delay: float) -> None:
        await (delay.over() if isinstance(delay, _UntilCalled) else asyncio.sleep(delay))


def missing_parts(gradio: App) -> Iterator[str]:
    """Yield the names of the undocumented parts that this version of Gradio lacks or has
    changed."""
    for method, path in _CALLED:
        scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        if not any(route.matches(scope)[0] is Match.FULL for route in gradio.routes):
            yield f"{method} {path}"
    for name, parameters in _REPLACED.items():
        method_of_blocks: Any = getattr(gr.Blocks, name, None)
        is_replaced = inspect.iscoroutinefunction(method_of_blocks)
        if not is_replaced or [*inspect.signature(method_of_blocks).parameters][1:5] != parameters:
            yield f"Blocks.{name}"
    for owner, names in (
        (gradio.get_blocks()._queue, _OF_QUEUE),
        (gradio.state_holder, ("session_data", "time_last_used")),
        (PredictBody(data=[]), ("session_hash", "event_id", "fn_index")),
    ):
        yield from (f"{type(owner).__name__}.{name}" for name in names if not hasattr(owner, name))
    document = Path(gr.__file__).with_name("templates") / "frontend" / "index.html"
    source = document.read_text(encoding="utf-8")
    yield from (f"{mark} in the document" for mark in _MARKS if mark not in source)


def stand_before(app: FastAPI, front: Callable[[App], ASGIApp]) -> App:
    """Put `front` between this app and Gradio's mounted app, and return Gradio's app. Raises
    ComfyError for a version of Gradio that would make the app fail later, or unprotected."""
    mounts = (route for route in app.routes if isinstance(route, Mount))
    mount = next(route for route in mounts if isinstance(route.app, App))
    gradio = cast(App, mount.app)
    if lacks := [*missing_parts(gradio)]:
        raise ComfyError(
            f"Gradio {gr.__version__} lacks or has changed parts that this app uses:"
            f" {', '.join(lacks)}.",
            "Install the version that docs/constraints.txt names.",
        )
    gradio.get_blocks().app = gradio  # the queue reads the app's URL from it
    mount.app = front(gradio)
    return gradio


def fill_document(
    tags: str,
    styles: Callable[[str], str],
    attributes: Callable[[], str],
    more_tags: Callable[[], str],
) -> None:
    """Put these tags into the head of Gradio's document, in place of its own link-preview tags and
    manifest. They may contain `ROOT_ADDRESS`. Put the app's first view at the beginning of the
    body, and at its end the tags in place of Gradio's style sheet and of the theme's, and Gradio's
    configuration, so that browsers paint the view before they have them.

    The `head` of `mount_gradio_app` doesn't work for the tags: a script adds it, and other sites
    run none. `attributes`, for the `html` element, `more_tags`, and `styles`, which gets the
    theme's URL, are called for each request."""
    templates.env.globals |= {
        "html_attributes": attributes,
        "more_tags": more_tags,
        "first_view": _first_view,
        "page_styles": styles,
        "browser_config": _browser_config,
    }
    tags = f"{tags}\n\t\t{_SPINNER_CLOCK}\n\t\t{{{{ more_tags() | safe }}}}"
    loader: Any = templates.env.loader
    gradios = type(loader).get_source

    def get_source(environment: object, name: str) -> tuple[str, object, object]:
        source, *more = gradios(loader, environment, name)
        marked = _REPLACED_TAGS.sub(lambda _: tags, source, count=1)
        head, mark, rest = marked.partition(tags)
        head = head.replace(_LANGUAGE, "{{ html_attributes() | safe }}", 1)
        return _with_first_view(f"{head}{mark}{_REPLACED_TAGS.sub('', rest)}"), *more

    loader.get_source = get_source
    if templates.env.cache is not None:
        templates.env.cache.clear()  # of pages that this process has already served


def theme_text(theme: gr.themes.Base) -> str:
    """Return a theme's style sheet, as Gradio serves it."""
    return cast(str, theme._get_theme_css())  # type: ignore[no-untyped-call]


def show_first(app: App, view: Callable[[Request], str]) -> None:
    """Let this app's documents begin with a view. `view` returns it as HTML, in a worker thread."""
    app.state.first_view = view


def _first_view(request: Request) -> str:
    return cast(str, request.app.state.first_view(request))


def _browser_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page's configuration without the parts that only programs read. Without the
    Space's name, Gradio's script adds no header with fonts and facts from other sites."""
    components = [
        {name: value for name, value in one.items() if name not in _FOR_CLIENTS}
        for one in config.get("components", ())
    ]
    return {**config, "components": components, "space_id": None}


def _with_first_view(source: str) -> str:
    """Return Gradio's template with the place of the first view, which needs nothing of what it
    moves down."""
    if _FIRST_VIEW in source:  # of another app in this process
        return source
    late = "\n".join(one[0] for one in _NEEDED_LATER.finditer(source))
    source = _STYLE.sub("", _NEEDED_LATER.sub("", source))
    late = late.replace(_CONFIG, "{{ browser_config(config) | toorjson }}") + _END
    source = source.replace(_FRAME_SCRIPT, f"if (window.parent !== window) {_FRAME_SCRIPT}")
    body, end, rest = source.partition("</body>")
    body = _BODY.sub(lambda tag: tag[0] + _FIRST_VIEW, body, count=1)
    return f"{body}{{{{ page_styles({_THEME_ADDRESS}) | safe }}}}\n{late}\n{end}{rest}"


class Page(gr.Blocks):
    """Blocks that never resolve files in a browser's values, and log each failure in one line.
    Gradio would look up the file, copy it and fetch URLs, and print a traceback for failures
    that any request can cause."""

    @property
    def config(self) -> Any:
        """Return the page's configuration in the caller's language."""
        return all_translated(self._config)

    @config.setter
    def config(self, config: Any) -> None:
        self._config = config

    async def preprocess_data(
        self,
        block_fn: Any,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,  # noqa: FBT001, FBT002 - as Gradio calls it
    ) -> object:
        """Run Gradio's method without letting it resolve files."""
        plain = traverse(inputs, lambda file: {"path": file["path"]}, is_file_obj_with_meta)
        return await super().preprocess_data(block_fn, plain, state, explicit_call)

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Run Gradio's method in the caller's language. Raises gr.Error with a message for every
        failure."""
        try:
            answer = await super().process_api(*args, **options)
        except gr.Error as problem:
            problem.message = translated(problem.message)
            raise
        except Exception as problem:  # noqa: BLE001 - users get a message for every failure
            log.warning("A call failed: %s", in_short(problem))
            raise gr.Error(translated(NOT_UNDERSTOOD), print_exception=False) from None
        return cast(dict[str, Any], all_translated(answer))


class Sessions:
    """Gradio's sessions of pages and script calls, each with its last form. Belongs to the event
    loop."""

    def __init__(self, app: App) -> None:
        self._app = app

    def forget(self, session: str) -> None:
        """Drop a session and its pending messages, unless one of its calls is active."""
        forget(self._app, session)
        if not any(map(self.goes_on, self._untold.get(session, ()))):
            self._untold.pop(session, None)
            self._queue.pending_messages_per_session.pop(session, None)

    def has_listener(self, session: str | None, number: int) -> bool:
        """Return whether the page or its form has a listener with this number."""
        known = self._app.state_holder.session_data.get(session or "")
        return number in (known.blocks_config.fns if known else self._app.get_blocks().fns)

    def is_told(self, session: str) -> bool:
        """Return whether a stream reports this session's calls."""
        return session in self._queue.pending_messages_per_session

    def goes_on(self, event: str) -> bool:
        """Return whether this call is waiting or active."""
        return event in self._queue.event_ids_to_events

    async def end(self, event: str) -> None:
        """Stop a call. Gradio itself ends calls only by the function's number, and restarts a call
        if another one closed its stream."""
        await self._queue.clean_events(event_id=event)

    def has_news(self, event: str) -> bool:
        """Return whether this call has unreported news."""
        return any(event in events for events in self._untold.values())

    @property
    def _queue(self) -> Queue:
        return self._app.get_blocks()._queue

    @property
    def _untold(self) -> dict[str, set[str]]:
        untold: dict[str, set[str]] = self._queue.pending_event_ids_session
        return untold


def forget_session_of(request: gr.Request) -> None:
    """Remove the session that a script's call opened. Call it on the event loop."""
    inner = connection(request)
    if inner is not None and isinstance(inner.app, App) and request.session_hash:
        forget(inner.app, request.session_hash)


def forget(app: App, session: str) -> None:
    """Remove a session. Call it on the event loop, where Gradio looks sessions up."""
    app.state_holder.session_data.pop(session, None)
    app.state_holder.time_last_used.pop(session, None)
