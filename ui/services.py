"""What the page and the routes work with, handed to them as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from comfy.client.client import Client
from comfy.records.blobs import BlobStore
from comfy.records.record import Record
from comfy.runs.interface import RunRegistry
from comfy.runs.server_cleanup import clean_up
from comfy.services.batch_queue import BatchQueue
from comfy.services.catalogue import CatalogueCache
from comfy.services.forms import Forms
from comfy.services.permissions import Permissions
from comfy.services.server_files import ServerFiles
from comfy.services.start import Starter
from comfy.services.uploads import UploadLimits
from comfy.workflow.folder import WorkflowFolder
from ui.files.copies import FileCopies
from ui.web.identity import NOBODY
from ui.web.limits import WebLimits
from ui.web.server_health import ANSWER_SECONDS, CheckIntervals, ServerHealth
from ui.web.upload_folder import UploadFolder


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one app, and what else its page and routes need.

    `clean_up`: removes from the image server what it has of a run that is deleted here; False if
    something of what it was given stays. `abort`: ends every call to that server. `health`: whether
    it answers; `server_name`: what pages call it; `demo`: it is the stand-in. `limits`: what
    strangers may push. `secret`: what nobody can guess, as `ui.web.secret` keeps it.
    """

    runs: RunRegistry
    folder: WorkflowFolder
    forms: Forms
    starter: Starter
    batches: BatchQueue
    copies: FileCopies
    server_files: ServerFiles
    health: ServerHealth
    clean_up: Callable[[Record], bool]
    abort: Callable[[], None]
    server_name: str
    demo: bool
    limits: WebLimits
    secret: bytes = field(repr=False)


def wire(  # noqa: PLR0913 - the one place where an app is put together
    client: Client,
    runs: RunRegistry,
    blobs: BlobStore,
    folder: WorkflowFolder,
    files: Path,
    *,
    permissions: Permissions,
    secret: bytes,
    demo: bool,
    limits: WebLimits | None = None,
    pace: CheckIntervals | None = None,
) -> Services:
    """The services of one app. `files`: a folder of its own for what people give, and for copies.
    `pace`: how often the image server is asked whether it is there."""
    limits = limits or WebLimits()
    health = ServerHealth(partial(client.answers, timeout=ANSWER_SECONDS), pace)
    client.on_unreachable(health.doubt)
    forms = Forms(folder.get, CatalogueCache(client.object_info), permissions)
    server_files = ServerFiles(client.view)
    starter = Starter(runs, forms, blobs, UploadLimits(limits.file, limits.run_files))
    return Services(
        runs=runs,
        folder=folder,
        forms=forms,
        starter=starter,
        batches=BatchQueue(starter, nobody=NOBODY),
        copies=FileCopies(UploadFolder(files), blobs, server_files, runs, limits.file, secret),
        server_files=server_files,
        health=health,
        clean_up=partial(clean_up, client, runs),
        abort=client.abort,
        server_name=client.address.short_name,
        demo=demo,
        limits=limits,
        secret=secret,
    )
