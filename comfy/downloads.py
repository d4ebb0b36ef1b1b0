"""Downloads of missing models to all ComfyUI servers, and the refresh of lists after each: by the
custom node there, or by the app for a ComfyUI that it starts itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from anyio import to_thread

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_dicts, as_list, as_mapping, as_text, json_or_none
from comfy.base.messages import message
from comfy.base.threads import Callbacks, background, in_threads
from comfy.comfyui.client.address import is_loopback
from comfy.comfyui.client.client import Client
from comfy.comfyui.servers.pool import ServerPool
from comfy.comfyui.servers.server import ComfyServer
from comfy.requirements.model import ModelFile
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts
from comfyforms.comfyui_node.downloads.journal import DownloadOrder
from comfyforms.comfyui_node.downloads.problems import DownloadProblem, HostUnreachable
from comfyforms.comfyui_node.downloads.queue import (
    DOWNLOAD_ID,
    Change,
    Downloads,
    DownloadStatus,
    FileAnswer,
)
from comfyforms.comfyui_node.downloads.targets import ModelFolder, checked_name, folder_name
from comfyforms.comfyui_node.model_orders import DOWNLOADS
from comfyforms.comfyui_node.signing import signed_headers

log = logging.getLogger(__name__)
_SECONDS = 60.0  # removing a download waits for its thread, and hosts may be slow
_LONGEST = 1000  # characters of a text from the server
_LOOK_SECONDS = 1.0
_LIST_SECONDS = 0.5
_MOST_FACTS = 1000
_ACTIVE = frozenset({"waiting", "running", "checking", "retrying"})


def _model_folders(client: Client) -> Mapping[str, ModelFolder]:
    """Return the model folders by name, from `GET /experiment/models`. Raises HostUnreachable if
    ComfyUI doesn't answer, as while it starts."""
    try:
        answer = client.ask_node("GET", "/experiment/models")
        raw = json_or_none(answer.content) if answer.ok else None
    except ComfyError:
        raw = None
    if not isinstance(raw, list):
        raise HostUnreachable("ComfyUI doesn't report its model folders. It may be starting.")
    return {
        as_text(one.get("name")): ModelFolder(
            tuple(Path(as_text(path)) for path in as_list(one.get("folders"))),
            frozenset(map(as_text, as_list(one.get("extensions")))),
        )
        for one in as_dicts(raw)
    }


def _has(folders: Mapping[str, ModelFolder], model: ModelFile) -> bool:
    """Return whether one of ComfyUI's folders has this file."""
    found = folders.get(folder_name(model.folder))
    return found is not None and any((path / model.name).exists() for path in found.paths)


class NoDownloads(ComfyError):
    """Error for a server without the custom node, or with another secret."""


class NodeDownloads:
    """Downloads of one server. It has the methods of `Downloads` that the app uses. All raise
    ServerUnreachable, NoDownloads, and DownloadProblem if the node refuses a request."""

    def __init__(self, client: Client, secret: str) -> None:
        self._client = client
        self._secret = secret

    def statuses(self) -> tuple[DownloadStatus, ...]:
        return _statuses(self._ask("GET", ""))

    def start(self, order: DownloadOrder) -> None:
        """Start a download, or continue the one of the same file."""
        self._ask("POST", "", {"orders": [asdict(order)]})

    def change(self, key: str, change: Change, token: str) -> None:
        below = f"/{quote(key, safe='')}"
        if change == "remove":
            self._ask("DELETE", below)
        else:
            self._ask("POST", f"{below}/{change}", {"token": token} if change == "resume" else {})

    def facts(self, urls: Sequence[str], hosts: Sequence[str], token: str) -> list[FileAnswer]:
        """Ask the hosts for the sizes of files."""
        sent = {"urls": list(urls), "hosts": list(hosts), "token": token}
        answer = self._ask("POST", "/facts", sent)
        return [
            FileAnswer(_text(one, "url"), _count(one.get("size")), _text(one, "problem"))
            for one in as_dicts(answer.get("files"))
        ]

    def _ask(
        self, method: str, below: str, sent: Mapping[str, object] | None = None
    ) -> Mapping[str, Any]:
        path = f"{DOWNLOADS}{below}"
        body = b"" if sent is None else json.dumps(sent).encode()
        signed = signed_headers(self._secret, method, path, body)
        answer = self._client.ask_node(
            method,
            path,
            data=body,
            headers={"Content-Type": "application/json", **signed},
            timeout=_SECONDS,
        )
        if answer.ok:
            return as_mapping(answer.parsed())
        problem = _problem(answer.content)
        if answer.status == 400 and problem:
            raise DownloadProblem(problem)
        if answer.status == 403 and problem:
            raise NoDownloads(
                f"The custom node of {self._client.address.place} refuses this app: {problem}",
                "Set COMFYFORMS_NODE_SECRET to the same value in both environments.",
            )
        raise NoDownloads(
            f"{self._client.address.place} can't download models.",
            "Install the custom node there, and set COMFYFORMS_NODE_SECRET in its environment.",
        )


def _problem(content: bytes) -> str:
    return _text(as_mapping(json_or_none(content)), "error")


def _statuses(answer: Mapping[str, Any]) -> tuple[DownloadStatus, ...]:
    """Read the downloads in an answer. A server can send anything. Ids become part of addresses, so
    downloads with an invalid one are dropped."""
    return tuple(
        DownloadStatus(
            id=_text(one, "id"),
            folder=_text(one, "folder"),
            name=_text(one, "name"),
            url=_text(one, "url"),
            state=_text(one, "state"),
            received=_count(one.get("received")) or 0,
            size=_count(one.get("size")),
            speed=float(_count(one.get("speed")) or 0),
            problem=_text(one, "problem"),
        )
        for one in as_dicts(answer.get("downloads"))
        if DOWNLOAD_ID.fullmatch(_text(one, "id"))
    )


def _text(one: Mapping[str, Any], name: str) -> str:
    return as_text(one.get(name))[:_LONGEST]


def _count(value: object) -> int | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < 2**53 else None  # type: ignore[operator, call-overload]


class DownloadError(ComfyError):
    """Error for a download that isn't possible."""


@dataclass(frozen=True, slots=True)
class DownloadSettings:
    """Settings for downloads. `secret`: shared with the custom nodes; `hosts`: as for
    `AllowedHosts`; `token`: for Hugging Face. `local`: the addresses of the servers that the app
    starts; `folder`: for the state of their downloads; `models`: files that they download when they
    start."""

    secret: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    local: frozenset[str] = frozenset()
    folder: Path | None = None
    models: tuple[ModelFile, ...] = ()


class Downloader(Protocol):
    """Downloads at one server: `Downloads` in this process, or `NodeDownloads`."""

    def statuses(self) -> tuple[DownloadStatus, ...]:
        """Return the state of all downloads."""

    def start(self, order: DownloadOrder) -> object:
        """Start a download."""

    def change(self, key: str, change: Change, token: str) -> None:
        """Pause, resume, retry or remove a download."""

    def facts(self, urls: Sequence[str], hosts: Sequence[str], token: str) -> list[FileAnswer]:
        """Ask the hosts for the sizes of files."""


@dataclass(frozen=True, slots=True)
class ServerDownloads:
    """Downloads of a server, or the reason why they are unknown."""

    server: ComfyServer
    downloads: tuple[DownloadStatus, ...] = ()
    problem: str = ""


def why_not(file: ModelFile, hosts: AllowedHosts) -> str:
    """Return why a file can't be downloaded from these hosts, for administrators; "" if it can."""
    if not file.url:
        return message("No download link in this workflow.")
    if not file.folder:
        return message("No model folder in this workflow.")
    try:
        checked_name(file.name)
        hosts.check(file.url)
    except DownloadProblem as problem:
        return str(problem)
    return ""


class ModelDownloads:
    """Downloads at all servers. Thread-safe. `finished` counts downloads whose model the servers
    list by now. Methods raise ComfyError."""

    def __init__(
        self, pool: ServerPool, settings: DownloadSettings, renew: Callable[[], None]
    ) -> None:
        """`renew`: asks the servers for their nodes and models, and returns when they answer."""
        self._pool = pool
        self._settings = settings
        self._renew = renew
        self._allowed = AllowedHosts(settings.hosts)
        self._changed = Callbacks[[]]()
        self._done: set[tuple[str, str]] | None = None  # set by the first look
        self._busy: set[str] = set()  # servers with active downloads
        self._facts: dict[str, FileAnswer] = {}
        self._listing = threading.Lock()
        self._lists: tuple[ServerDownloads, ...] = ()
        self._asked: Future[tuple[ServerDownloads, ...]] | None = None  # set during a request
        self._listed_until = 0.0
        self._wanted = True  # whether some server may have active downloads
        self.finished = 0
        self._local = {
            server.url: Downloads(settings.folder / str(at), partial(_model_folders, server.client))
            for at, server in enumerate(pool.servers)
            if server.url in settings.local and settings.folder is not None
        }
        self._ordering = threading.Lock()
        self._unordered = set(self._local) if settings.models else set[str]()

    @property
    def servers(self) -> tuple[ComfyServer, ...]:
        """Return the servers that can have downloads, as far as the settings tell."""
        servers = self._pool.servers
        return tuple(one for one in servers if self._settings.secret or one.url in self._local)

    def subscribe(self, call: Callable[[], None]) -> Callable[[], None]:
        """Register a callback for finished downloads; return a function that removes it."""
        return self._changed.add(call)

    def why_not(self, file: ModelFile) -> str:
        """Return why a file can't be downloaded, for administrators; "" if it can."""
        return why_not(file, self._allowed)

    def start(self, server: ComfyServer, files: Sequence[ModelFile]) -> None:
        token = self._token(server)
        with _converted():
            for file in files:
                order = DownloadOrder(
                    file.url, file.folder, file.name, file.sha256, self._settings.hosts, token
                )
                self._at(server).start(order)
        self._note_change()

    def change(self, server: ComfyServer, key: str, change: Change) -> None:
        """Pause, resume or retry a download; or cancel it, or remove an ended one from the list."""
        with _converted():
            self._at(server).change(key, change, self._token(server))
        self._note_change()

    @property
    def numbers(self) -> dict[str, int]:
        """Return the servers' places in the settings, by address."""
        return {server.url: at for at, server in enumerate(self._pool.servers)}

    def lists(self) -> tuple[ServerDownloads, ...]:
        """Return the downloads of all servers, at most half a second old: many open pages ask."""
        self._order_models()  # a page that opens now follows only downloads that have begun
        with self._listing:
            if time.monotonic() <= self._listed_until:
                return self._lists
            pending = self._asked
            if pending is None:
                answer = self._asked = Future[tuple[ServerDownloads, ...]]()
        if pending is not None:
            return pending.result()
        try:
            lists = self._ask_servers()
        except BaseException as error:
            self._note_change()
            answer.set_exception(error)
            raise
        with self._listing:
            if self._asked is answer:  # nothing has changed since it was asked
                self._lists, self._asked = lists, None
                self._listed_until = time.monotonic() + _LIST_SECONDS
        answer.set_result(lists)
        return lists

    def _ask_servers(self) -> tuple[ServerDownloads, ...]:
        """Ask all servers at once, because one may hang."""
        servers = self.servers
        if len(servers) <= 1:
            return tuple(map(self._list, servers))
        return tuple(in_threads(self._list, servers, name="downloads"))

    def ask_sizes(self, server: ComfyServer, files: Sequence[ModelFile]) -> None:
        """Ask the hosts for unknown sizes of files that can be downloaded."""
        urls = [one.url for one in files if not one.size and not self.why_not(one)]
        urls = [url for url in urls if self.size_of(url) is None]
        if not urls:
            return
        with _converted():
            answers = self._at(server).facts(urls, self._settings.hosts, self._token(server))
        found = {answer.url: answer for answer in answers if answer.url in urls}
        self._facts = dict([*self._facts.items()][-_MOST_FACTS:]) | found

    def size_of(self, url: str) -> int | None:
        """Return a file's size in bytes if a host was asked."""
        return known.size if (known := self._facts.get(url)) else None

    def host_problem(self, url: str) -> str:
        """Return why a host didn't tell a file's size, or ""."""
        return known.problem if (known := self._facts.get(url)) else ""

    def look(self) -> bool:
        """Note downloads that have finished, and return whether some are active."""
        is_active, done = False, set[tuple[str, str]]()
        for at in self.lists():
            # A server that doesn't answer may be restarting. Its downloads then continue.
            is_active |= bool(at.problem) and at.server.url in self._busy
            if at.problem:
                done |= {key for key in self._done or () if key[0] == at.server.url}
                continue
            states = {one.id: one.state for one in at.downloads}
            done |= {(at.server.url, key) for key, state in states.items() if state == "done"}
            if _ACTIVE.isdisjoint(states.values()):
                self._busy.discard(at.server.url)
            else:
                self._busy.add(at.server.url)
                is_active = True
        finished = set() if self._done is None else done - self._done
        self._done = done
        if finished:
            with contextlib.suppress(ComfyError):  # a server that is away
                self._renew()
            self.finished += len(finished)
            self._changed.call()
        return is_active

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Continue this process's own downloads, and look for finished ones, during the block."""
        for downloads in self._local.values():
            await to_thread.run_sync(downloads.restore)
        try:
            async with background(self._watch):
                yield
        finally:
            for downloads in self._local.values():
                await to_thread.run_sync(downloads.close)

    async def _watch(self) -> None:
        while self.servers:
            if self._wanted or self._unordered:
                self._wanted = False
                try:
                    if await to_thread.run_sync(self.look):
                        self._wanted = True
                except Exception:
                    log.exception("Looking for finished downloads failed with an internal error")
            await asyncio.sleep(_LOOK_SECONDS)

    def _order_models(self) -> None:
        """Start the downloads of the settings' models at each own server that has just started."""
        if not self._unordered:
            return
        with self._ordering:
            for server in [one for one in self.servers if one.url in self._unordered]:
                try:
                    folders = _model_folders(server.client)
                except HostUnreachable:
                    continue
                for model in self._settings.models:
                    if not _has(folders, model):
                        try:
                            self.start(server, [model])
                        except ComfyError as problem:
                            log.warning("%s: %s", model.name, problem)
                self._unordered.discard(server.url)

    def _note_change(self) -> None:
        self._wanted = True
        with self._listing:
            self._listed_until, self._asked = 0.0, None

    def _list(self, server: ComfyServer) -> ServerDownloads:
        try:
            with _converted():
                found = self._at(server).statuses()
        except ComfyError as problem:
            return ServerDownloads(server, problem=f"{problem} {problem.hint}".strip())
        self._wanted |= any(one.state in _ACTIVE for one in found)
        return ServerDownloads(server, found)

    def _at(self, server: ComfyServer) -> Downloader:
        if own := self._local.get(server.url):
            return own
        if not self._settings.secret:
            raise DownloadError(
                "Downloads are turned off.", "Set COMFYFORMS_NODE_SECRET for this app."
            )
        return NodeDownloads(server.client, self._settings.secret)

    def _token(self, server: ComfyServer) -> str:
        """Return the token for Hugging Face, unless the request to the server could be read on the
        way."""
        address = server.client.address
        is_safe = address.url.startswith("https:") or is_loopback(address.host)
        return self._settings.token if is_safe else ""


@contextlib.contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except DownloadProblem as problem:
        raise DownloadError(str(problem)) from problem
