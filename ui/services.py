"""Services of one app, used by the top-level modules to build the page and the routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from comfy.batches.queue import BatchQueue
from comfy.chains.folder import ChainFolder
from comfy.chains.forms import ChainForms
from comfy.chains.queue import ChainQueue
from comfy.comfyui.client.view import ServerFiles
from comfy.comfyui.servers.managers import KnownPacks
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.reports import ServerReports, fresh
from comfy.downloads import DownloadSettings, ModelDownloads
from comfy.launch.payment import Payment
from comfy.launch.start import Starter
from comfy.launch.uploads import UploadLimits
from comfy.library.catalog import CatalogCache
from comfy.library.editing.editor import FormEditor
from comfy.library.folder import WorkflowFolder
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions, Removal
from comfy.library.private import PrivateWorkflows
from comfy.library.wildcard_files import FOLDER, WildcardFiles
from comfy.local_comfyui.supervisor import LocalComfyUI
from comfy.model_files.lists import ModelFiles
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.runs.input_files import clean_up
from comfy.runs.interface import RunRegistry
from comfy.templates.offered import KnownParts, OfferedTemplates
from comfy.webhooks.waiting import Webhooks, WebhookSettings
from ui.files.copies import FileCopies
from ui.languages.current import translated
from ui.library import WorkflowLibrary
from ui.web.identity import NOBODY
from ui.web.limits import WebLimits
from ui.web.server_health import CheckIntervals, ServerHealth
from ui.web.shares import Rooms, Share
from ui.web.upload_folder import UploadFolder


@dataclass(frozen=True, slots=True)
class OptionalParts:
    """Parts of an app that its settings turn on. `local`: the servers that the app starts, by
    address."""

    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    downloads: DownloadSettings = field(default_factory=DownloadSettings)
    payment: Payment = field(default_factory=Payment)
    local: Mapping[str, LocalComfyUI] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Services:
    """Services of one app.

    `servers`: the ComfyUI servers; `reports` queries each for its state. `clean_up` removes a
    deleted run's data from its server, and returns False if some input stays there. `abort` ends
    every call to the servers. `health`: whether they answer; `server_name`: their name on pages;
    `demo`: the server is the stand-in. `downloads`: of missing models. `limits`: of requests and
    uploads; `rooms`: places of requests. `secret`: the app's
    secret, stored by `ui.web.cookies`.
    """

    servers: ServerPool
    reports: Callable[[], ServerReports]
    runs: RunRegistry
    folder: WorkflowFolder
    forms: Forms
    removal: Removal
    editor: FormEditor
    starter: Starter
    batches: BatchQueue
    chain_forms: ChainForms
    library: WorkflowLibrary
    chains: ChainQueue
    webhooks: Webhooks
    downloads: ModelDownloads
    copies: FileCopies
    server_files: ServerFiles
    templates: OfferedTemplates
    known_parts: KnownParts
    model_files: ModelFiles
    health: ServerHealth
    clean_up: Callable[[Record], bool]
    abort: Callable[[], None]
    server_name: str
    demo: bool
    limits: WebLimits
    rooms: Rooms
    secret: bytes = field(repr=False)
    parts: OptionalParts

    def take_up(self) -> None:
        """Resume the work that was unfinished when the app last stopped. Call it once, in a thread,
        after the app starts listening. Until then, its runs are unknown here."""
        self.runs.resume()
        self.batches.resume()
        self.chains.resume()


def wire(  # noqa: PLR0913 - the one place where an app is put together
    servers: ServerPool,
    runs: RunRegistry,
    blobs: BlobStore,
    folder: WorkflowFolder,
    files: Path,
    *,
    permissions: Permissions,
    secret: bytes,
    demo: bool,
    limits: WebLimits | None = None,
    opened: PrivateWorkflows | None = None,
    pace: CheckIntervals | None = None,
    parts: OptionalParts | None = None,
) -> Services:
    """Return the services of one app. `files`: its folder for uploads and copies. `opened`: the
    workflows that users open, in memory by default. `pace`: how often ComfyUI is checked."""
    limits, parts = limits or WebLimits(), parts or OptionalParts()
    health, catalog = _watched(servers, pace)
    forms = Forms(folder.get, catalog, permissions, opened, nobody=NOBODY)
    server_files, given = ServerFiles(servers.view), UploadFolder(files, limits)
    lines = WildcardFiles(folder.path / FOLDER).lines
    starter = Starter(runs, forms, blobs, servers, UploadLimits(limits.file, limits.run_files))
    starter = replace(starter, wildcards=lines, translated=translated, payment=parts.payment)
    added = runs.history.added
    templates = OfferedTemplates(servers, catalog, files.with_name("templates"), blobs.turns)
    chain_forms = ChainForms(ChainFolder(folder.path), starter, NOBODY)
    return Services(
        servers=servers,
        reports=fresh(servers),
        runs=runs,
        folder=folder,
        forms=forms,
        removal=Removal(folder.path, added, permissions, NOBODY),
        editor=FormEditor(forms, folder, files.with_name("forms")),
        starter=starter,
        batches=BatchQueue(starter, nobody=NOBODY),
        chain_forms=chain_forms,
        library=WorkflowLibrary(folder, forms, chain_forms),
        chains=ChainQueue(chain_forms, nobody=NOBODY),
        webhooks=_webhooks(runs, blobs, parts.webhooks),
        downloads=ModelDownloads(servers, parts.downloads, catalog.renew),
        copies=FileCopies(given, blobs, server_files, runs, limits.file, secret),
        server_files=server_files,
        templates=templates,
        known_parts=KnownParts(KnownPacks(servers), templates),
        model_files=ModelFiles(servers, files.with_name("model-previews"), blobs.turns),
        health=health,
        clean_up=partial(clean_up, servers, runs),
        abort=servers.abort,
        server_name=servers.short_name,
        demo=demo,
        limits=limits,
        rooms=Rooms(
            Share(limits.calls, limits.person_calls, limits.address_calls),
            Share(limits.uploading, limits.person_uploading, limits.address_uploading),
        ),
        secret=secret,
        parts=parts,
    )


def _watched(servers: ServerPool, pace: CheckIntervals | None) -> tuple[ServerHealth, CatalogCache]:
    """Return the health and the node definitions of servers, renewed when a server changes."""
    health = ServerHealth(servers.answers, pace)
    servers.on_unreachable(health.recheck)
    catalog = CatalogCache.of(servers)
    servers.on_change(catalog.expire)
    return health, catalog


def _webhooks(runs: RunRegistry, blobs: BlobStore, settings: WebhookSettings) -> Webhooks:
    store = runs.history.webhooks
    keeper = (lambda: runs.is_keeper) if blobs.is_shared else None
    return Webhooks(store, settings, alone=blobs.ours, keeper=keeper)
