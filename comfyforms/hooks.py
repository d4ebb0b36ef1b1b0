"""Hooks for plugins, and the names that plugins need: `docs/plugins.md` explains them.

A plugin is a module or an object with functions that are named like the hooks below and marked with
`@hookimpl`. They may leave out arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pluggy

from comfyforms.plugin_manager import PROJECT, installed_plugins

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from pydantic import BaseModel
    from starlette.requests import HTTPConnection
    from starlette.types import ASGIApp

    from comfy.comfyui.protocol.outputs import OutputFile
    from comfy.comfyui.protocol.result_types import FileKind
    from comfy.comfyui.servers.pool import ServerPool
    from comfy.form.added_nodes import AddedNodes
    from comfy.form.conventions.layers import Layer, NodeView
    from comfy.form.model import FieldKind
    from comfy.graph.packs import PackRule
    from comfy.launch.payment import Payment
    from comfy.launch.sent_prompts import SentPrompts
    from comfy.records.database import PartTables
    from comfy.records.record import Record
    from comfy.records.store import RunStore
    from comfy.runs.interface import RunRegistry
    from ui.accounts.login import SignedIn
    from ui.administration.links import LinkEnding, PluginLink, PluginLinks
    from ui.page.form.kinds.view import FieldView
    from ui.parts import Parts
    from ui.services import Services
    from ui.settings.options import Settings
    from ui.settings.web_settings import WebSettings
    from ui.web.access import Access, GuardedRoutes, Owner
    from ui.web.identity import Identity
else:
    # Loaded on first use: an imported plugin must not import all of the app before it starts.
    _NAMES = {
        "Access": "ui.web.access",
        "GuardedRoutes": "ui.web.access",
        "LinkEnding": "ui.administration.links",
        "Owner": "ui.web.access",
        "PartTables": "comfy.records.database",
        "PluginLink": "ui.administration.links",
        "PluginLinks": "ui.administration.links",
    }

    def __getattr__(name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_NAMES[name]), name)


__all__ = [
    "Access",
    "AppParts",
    "Assets",
    "FormLink",
    "GuardedRoutes",
    "LinkEnding",
    "Owner",
    "PartTables",
    "PluginApp",
    "PluginLink",
    "PluginLinks",
    "PluginPage",
    "ResultAction",
    "SharedRuns",
    "SharingAction",
    "TextAction",
    "hookimpl",
]
hookimpl = pluggy.HookimplMarker(PROJECT)
_hook = pluggy.HookspecMarker(PROJECT)
_Settings = TypeVar("_Settings", bound="BaseModel")


@dataclass(frozen=True, slots=True)
class PluginApp:
    """One app, as plugins see it. `identity` tells who sends a request, and `operates` whether they
    are an administrator."""

    services: Services
    identity: Identity
    settings: WebSettings
    operates: Callable[[HTTPConnection], bool]

    @property
    def parts(self) -> Parts:
        """Return the factory for parts that several routes share."""
        from ui.parts import Parts

        return Parts(self.services)

    @property
    def sent_prompts(self) -> SentPrompts | None:
        """Return what accepts prompts that programs send, and their files; None if no plugin
        does."""
        offered: SentPrompts | None = installed_plugins().hook.sent_prompts(app=self)
        return offered

    def own_settings(self, kind: type[_Settings]) -> _Settings:
        """Return the plugin's settings. `kind`: the class that its hook `settings` returns."""
        given = self.settings.of_plugins
        return given if isinstance(given, kind) else kind.model_construct()

    def result(self, request: HTTPConnection, run: str, file: int) -> tuple[Record, OutputFile]:
        """Return a run of the caller, and its file with this number. Blocks on the database. Raises
        RunNotFound, which becomes a response with status 404."""
        from comfy.base.errors import RunNotFound

        record = self.services.runs.record(run, self.identity.owner(request) or "")
        files = dict(enumerate(record.state.files))
        if file not in files:
            raise RunNotFound
        return record, files[file]


@dataclass(frozen=True, slots=True)
class ResultAction:
    """Entry in the menu of a result on the page, for results of these `kinds`; without any, for all
    files.

    The page posts `{"run": ID, "file": NUMBER}` to `address`, a path below the app's root. It shows
    the `message` of the JSON answer, and opens its `url`. Both are optional.
    """

    label: str
    address: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextAction:
    """Button at the prompt of a form, which changes its text.

    The page posts `{"text": TEXT}` to `address`, a path below the app's root, and puts the `text`
    of the JSON answer into the field, beside an Undo.
    """

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class FormLink:
    """Entry in the menu of a form, which opens another page. `address`: a path below the app's
    root, to which the page adds the form's values as JSON after `#`."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class SharingAction:
    """Way to share results, runs and batches, in the dialog *Share…*. The page loads the `module`
    of a plugin's script, such as `parts/NAME/share.js`, and calls its `share`, which fills a part
    of the dialog: see `ui/page/script/stage/share.js`. `several`: the button for selected results,
    which opens the dialog."""

    label: str
    module: str
    several: str = ""


@dataclass(frozen=True, slots=True)
class PluginPage:
    """Page of a plugin, with a link in the header of the app's page.

    `address`: a path below the app's root. `body`: returns HTML below the label as heading, for
    signed-in users. Without it, one of the plugin's routes answers at the address. `script`: the
    module's name in the folder `script/pages`; it runs after the HTML is there. `count`: returns
    how many things wait there for a user, by the owner's name; the header shows it. It may block.
    """

    label: str
    address: str
    body: Callable[[HTTPConnection], str] | None = None
    script: str = ""
    count: Callable[[str], int] | None = None


@dataclass(frozen=True, slots=True)
class AppParts:
    """Parts of one app that a plugin adds.

    `routes` come before the app's own, so that a plugin can replace one. `api`: routes below
    `/api/v1`, with its errors and in its OpenAPI document. `serving`: a context that
    stays open while the app serves, on its event loop. `actions`: for results on the page.
    `text_actions`: for prompts on the page. `sharing`: for results, beside a link. `pages`:
    linked from the header. `add_endpoints`: called inside the page's Blocks, adds endpoints to
    Gradio. `section`, `last_section`: return HTML for the administrator's page, below its servers
    and below its runs. `metrics`: returns a part of `/metrics`. `head`: HTML for the head of the
    app's page. `links`: for the administrators' list of links. `account`: returns HTML for a user's
    page of their account. `middleware`: ASGI middleware around all of the app, which sees a request
    before its path, headers and sender are checked. `form_link`: returns the link of a form for a
    user, by the owner's name and the workflow's. `hosts`: host names that only the plugin answers.
    `addressed`: ASGI middleware that sees a request's true host, sender and scheme, before the
    sign-in is checked.
    """

    routes: Sequence[GuardedRoutes] = ()
    serving: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    actions: Sequence[ResultAction] = ()
    text_actions: Sequence[TextAction] = ()
    sharing: Sequence[SharingAction] = ()
    pages: Sequence[PluginPage] = ()
    add_endpoints: Callable[[], None] = lambda: None
    section: Callable[[], str] = lambda: ""
    api: Sequence[GuardedRoutes] = ()
    head: str = ""
    links: Sequence[PluginLinks] = ()
    last_section: Callable[[], str] = lambda: ""
    metrics: Callable[[], Iterable[Metric]] = tuple
    account: Callable[[SignedIn], str] = lambda _: ""
    middleware: Sequence[Callable[[ASGIApp], ASGIApp]] = ()
    form_link: Callable[[str, str], FormLink | None] = lambda _owner, _workflow: None
    hosts: Sequence[str] = ()
    addressed: Sequence[Callable[[ASGIApp], ASGIApp]] = ()


@dataclass(frozen=True, slots=True)
class Assets:
    """Script and styles of a plugin, in the folders `script` and `styles` of its `folder`.

    The page knows them as `parts/NAME/…`, and they import its own modules as `page/…`. Modules in
    `script/pages` are the scripts of other pages, which everybody can load. For the address
    `/?part=NAME`, the page loads `script/address.js` and calls its `useAddress(query)`. The text of
    `service_worker.js` in the folder follows the app's own worker.
    `documents`: returns the classes of JSON that the script reads. `python -m tools.document_types`
    writes their types to `script/documents.d.ts`.
    """

    name: str
    folder: Path
    documents: Callable[[], Iterable[type]] = tuple


@dataclass(frozen=True, slots=True)
class SharedRuns:
    """Runs that several processes of the app share.

    `registry`: returns the registry of runs, in place of the one for a single process. It gets the
    servers, the history and the rules for paid runs, and may raise ComfyError. `serves_pages`:
    whether this process serves pages and the API.
    """

    registry: Callable[[ServerPool, RunStore, Payment], RunRegistry]
    serves_pages: bool = True


@_hook
def app_parts(app: PluginApp) -> AppParts | None:
    """Return a plugin's parts of one app. Called once per app, before it serves."""


@_hook
def settings() -> Iterable[type[BaseModel]]:  # type: ignore[empty-body]
    """Return classes of settings, whose fields become options, variables and keys of the settings
    file. Each field has a default, a `title` for its value in --help, and a description. A list of
    models becomes a list of tables, which only the file can have."""


@_hook
def commands() -> Mapping[str, Callable[[Sequence[str]], int]]:  # type: ignore[empty-body]
    """Return commands by name: functions that get the arguments after the name, and return the exit
    code."""


@_hook
def tables() -> Iterable[PartTables]:  # type: ignore[empty-body]
    """Return tables in the history's database. The app creates and upgrades them when it opens the
    database, and counts, moves and deletes their rows like its own."""


@_hook(firstresult=True)
def shared_runs(settings: Settings) -> SharedRuns | None:
    """Return how the runs of several processes are kept, or None if the settings name a single
    process. Called before the app opens its history. The first answer counts."""


@_hook(firstresult=True)
def sent_prompts(app: PluginApp) -> SentPrompts | None:
    """Return what accepts prompts that programs send, and their files, for other plugins' APIs. The
    first answer counts."""


@_hook
def assets() -> Iterable[Assets]:  # type: ignore[empty-body]
    """Return the plugin's script and styles for browsers."""


@_hook
def field_kinds() -> Iterable[FieldKind]:  # type: ignore[empty-body]
    """Return widgets: how values are checked and described."""


@_hook
def field_views() -> Iterable[FieldView]:  # type: ignore[empty-body]
    """Return the Gradio components of widgets."""


@_hook
def result_kinds() -> Mapping[str, FileKind]:  # type: ignore[empty-body]
    """Return the kinds of files that the app doesn't know, by their endings in lower case."""


@_hook
def conventions() -> Iterable[Callable[[Sequence[NodeView]], Layer]]:  # type: ignore[empty-body]
    """Return readers of conventions in node titles. The source of their statements is "plugin"."""


@_hook
def pack_rules() -> Mapping[str, PackRule]:  # type: ignore[empty-body]
    """Return rules for node packs whose scripts change what the editor sends, by node class."""


@_hook
def added_nodes() -> Iterable[AddedNodes]:  # type: ignore[empty-body]
    """Return nodes that the app adds to prompts for fields of their own, and replaces before a
    prompt is sent."""
