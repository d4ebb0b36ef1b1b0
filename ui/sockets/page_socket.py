"""WebSocket of an open page. It reports the user's runs wherever they were started, the progress of
their batches and chains, the number of waiting runs, changed workflows in the folder, downloaded
models, the servers' state, and the app's shutdown.

An open socket counts as a watcher of all the user's runs. When the last one closes, their grace
period starts.

The other pages have a socket for the administrator's notice alone.

Watch for changes in the workflow folder, shared by all open pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from fastapi import WebSocket

from comfy.base.errors import ComfyError
from comfy.base.threads import repeated
from comfy.batches.open_batch import BatchSummary
from comfy.batches.queue import BatchQueue
from comfy.chains.queue import ChainQueue
from comfy.downloads import ModelDownloads
from comfy.runs.interface import Run, RunRegistry
from ui.administration.announcements import Announcements
from ui.documents.group_docs import batch_doc, chain_doc, shown_chain
from ui.documents.headlines import AWAY
from ui.documents.page_runs import queued_run
from ui.library import WorkflowLibrary
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.responses import json_text
from ui.web.server_health import ServerHealth
from ui.web.socket_limits import UNKNOWN_WORD, authenticate_socket, run_until_first, set_from_thread

_LOOK_SECONDS = 0.5
_GAP = 0.1  # seconds between two messages to one page, to combine changes
_ENDED = 50  # ended batches sent to a page


class FolderWatch:
    """Watcher of the folder, active while pages listen and shared by all of them."""

    def __init__(self, stamps: Callable[[], Mapping[str, object]]) -> None:
        """`stamps`: returns values, by name, that change when a workflow changes."""
        self._stamps = stamps
        self._listeners: set[asyncio.Queue[list[str]]] = set()
        self._task: asyncio.Task[None] | None = None
        self._known: Mapping[str, object] | None = None  # set while pages listen

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[list[str]]]:
        """Yield a queue with lists of names that were added, edited or removed."""
        queue: asyncio.Queue[list[str]] = asyncio.Queue(maxsize=100)
        self._listeners.add(queue)
        if self._task is None:
            self._known = None
            self._task = asyncio.create_task(repeated(self._look, _LOOK_SECONDS))
        try:
            yield queue
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                self._task.cancel()
                self._task = None

    async def _look(self) -> None:
        now = await asyncio.to_thread(self._stamps)
        known, self._known = now if self._known is None else self._known, now
        changed = sorted(name for name in {*known, *now} if known.get(name) != now.get(name))
        for queue in list(self._listeners) if changed else ():
            with contextlib.suppress(asyncio.QueueFull):  # a page that doesn't read misses some
                queue.put_nowait(changed)


@dataclass(frozen=True, slots=True)
class PageSources:
    """Sources of the state that open pages show. `root`: the app's path below its host; `counts`:
    see `PluginParts`."""

    runs: RunRegistry
    batches: BatchQueue
    chains: ChainQueue
    health: ServerHealth
    announcements: Announcements
    downloads: ModelDownloads
    root: str
    counts: Callable[[str], Mapping[str, int]]


def page_socket_routes(
    sources: PageSources, library: WorkflowLibrary, identity: Identity
) -> GuardedRoutes:
    """Return the WebSocket `/news`."""
    routes = GuardedRoutes()
    watch = FolderWatch(library.stamps)
    # Changes with each restart. A page from before a restart has to be loaded again.
    process_id = secrets.token_hex(8)

    @routes.websocket("/news", Access.SIGNED_IN, closes_signed_out=True)
    async def news(socket: WebSocket) -> None:
        owner = await authenticate_socket(socket, identity)
        person = hashlib.sha256(f"{process_id} {owner}".encode()).hexdigest()
        if owner == NOBODY:
            owner = f"{NOBODY}{secrets.token_hex(16)}"
        if owner is not None:
            with watch.listen() as changed:
                about = {"process_id": process_id, "person": person}
                page = PageSession(socket, sources, owner, about, library.chain_forms.sees_of)
                await page.serve(changed)

    @routes.websocket("/notice", Access.SIGNED_IN, closes_signed_out=True)
    async def notice(socket: WebSocket) -> None:
        """Send the administrator's notice, or null, and its changes to a page without runs."""
        if await authenticate_socket(socket, identity) is not None:
            changes = tell_notice(socket, sources.announcements)
            await run_until_first(socket, until_left(socket), changes)

    return routes


async def until_left(socket: WebSocket) -> None:
    """Wait until the browser leaves, or sends something."""
    await socket.receive_text()


async def tell_notice(socket: WebSocket, announcements: Announcements) -> None:
    """Send the notice at once and after each change, also when it has ended."""
    sent = ""
    loop, due = asyncio.get_running_loop(), asyncio.Event()
    leave = announcements.subscribe(lambda: set_from_thread(loop, due))
    with contextlib.ExitStack() as left:
        left.callback(leave)
        while True:
            due.clear()
            now = announcements.notice
            text = json_text(asdict(now) if now else None)
            if text != sent:  # the timer may end a moment early, and servers change, too
                await socket.send_text(text)
                sent = text
            seconds = now.until - time.time() if now and now.until else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(due.wait(), seconds)


class PageSession:
    """Socket session of one page, which remembers what it has sent."""

    def __init__(
        self,
        socket: WebSocket,
        sources: PageSources,
        owner: str,
        about: Mapping[str, str],
        sees_of: Callable[[str], Callable[[str], bool]],
    ) -> None:
        """`about`: IDs by which the page notices a restart or another user. `sees_of`: see
        `ChainForms`."""
        self.sees_of = sees_of
        self.socket = socket
        self.runs = sources.runs
        self.batches = sources.batches
        self.chains = sources.chains
        self.owner = owner
        self.about = about
        self.root = sources.root
        self.health = sources.health
        self.announcements = sources.announcements
        self.downloads = sources.downloads
        self.counts_of = sources.counts
        self.counts: Mapping[str, int] = {}
        self.due = asyncio.Event()
        self.told: dict[str, object] = {}
        self.attached: dict[str, Run] = {}

    async def serve(self, changed: asyncio.Queue[list[str]]) -> None:
        """Send until the page closes; `changed` contains names of changed workflows."""
        loop = asyncio.get_running_loop()

        def wake(_: str = "") -> None:
            if not self.due.is_set():
                set_from_thread(loop, self.due)

        def wake_own(owner: str) -> None:
            if owner == self.owner:
                wake(owner)

        queues = (self.batches, self.chains)
        leave = [self.runs.subscribe(wake), self.announcements.subscribe(wake)]
        leave.append(self.downloads.subscribe(wake))
        leave += [queue.subscribe(wake_own) for queue in queues]
        try:
            with contextlib.suppress(ComfyError):  # reads the disk; active ones are in memory
                await asyncio.to_thread(self.chains.look_up, self.owner)
            with self.health.listen(self.due.set):
                await run_until_first(
                    self.socket, self.listen(), self.tell_runs(), self.tell_folder(changed)
                )
        finally:
            for unsubscribe in leave:
                unsubscribe()
            for run in self.attached.values():
                run.detach()

    async def listen(self) -> None:
        """Wait for "here", which a page sends to check the connection, and send everything
        again, with new counts soon after."""
        while True:
            with contextlib.suppress(ComfyError):
                counts = await asyncio.to_thread(self.counts_of, self.owner)
                if counts != self.counts:
                    self.counts = counts
                    self.due.set()
            if await self.socket.receive_text() != "here":
                break
            self.told = {}
            self.due.set()
        await self.socket.close(UNKNOWN_WORD)

    async def tell_runs(self) -> None:
        """Send changes of the runs, immediately and after each event."""
        while True:
            self.due.clear()
            news = self.news()
            if news != self.told:
                self.told = news
                await self.socket.send_text(json_text(news))
            await self.due.wait()
            await asyncio.sleep(_GAP)

    async def tell_folder(self, changed: asyncio.Queue[list[str]]) -> None:
        """Send the names of workflows that were added, edited or removed, if the user sees them."""
        while True:
            names = await changed.get()
            sees = await asyncio.to_thread(self.sees_of, self.owner)
            if seen := [one for one in names if sees(one)]:
                await self.socket.send_text(json_text({"changed": seen}))

    def news(self) -> dict[str, object]:
        """Return the news for the page, and watch the user's unfinished runs from now on. `waiting`
        counts all users' runs. While a server is away, times are unknown."""
        line = self.runs.line_of(self.owner)
        self.attach_to({run.id: run for run in line})
        reachable = self.health.reachable
        due_in = self.runs.due_in() if reachable and line else {}
        # A run that hasn't retried yet hides the news that the server is back.
        waits_for_it = any(run.state.away for run in line)
        starting = self.announcements.start_words
        return {
            **self.about,
            "ending": self.runs.closed,
            "server_away": starting or ("" if reachable and not waits_for_it else AWAY),
            "paused": self.announcements.paused,
            "servers": self.announcements.servers,
            "notice": asdict(notice) if (notice := self.announcements.notice) else None,
            "models": self.downloads.finished,
            "waiting": self.runs.waiting,
            "counts": self.counts,
            "runs": [
                queued_run(run.record, due_in=due_in.get(run.id), movable=run.waits_here).to_json()
                for run in line
            ],
            "batches": [asdict(batch_doc(batch, self.root)) for batch in self.news_of_batches()],
            "chains": [
                asdict(replace(chain_doc(chain, self.root), page=shown_chain(chain)))
                for chain in self.chains.recent(self.owner)
            ],
        }

    def news_of_batches(self) -> list[BatchSummary]:
        """Return the unfinished batches and the last ended ones. From these, the page knows which
        batches ended before it was opened or reconnected."""
        recent = self.batches.recent(self.owner)
        ended = [batch.id for batch in recent if batch.finished]
        left_out = {*ended[:-_ENDED]}
        return [batch for batch in recent if batch.id not in left_out]

    def attach_to(self, runs: dict[str, Run]) -> None:
        """Watch these runs and no others."""
        for run_id in runs.keys() - self.attached.keys():
            runs[run_id].attach()
        for run_id in self.attached.keys() - runs.keys():
            self.attached[run_id].detach()
        self.attached = runs
