"""`/ws` as in ComfyUI: the frames of a user's own runs, text and binary, as ComfyUI sends them.

The frames of a prompt go to the client that named its `clientId` with the prompt, as in ComfyUI,
and frames of other runs to all clients of the owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial

from fastapi import WebSocket
from starlette.requests import HTTPConnection

from comfy.base.errors import RunNotFound
from comfy.comfyui.protocol.relay import over, verdict
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.records.record import Record
from comfy.runs.interface import Run, RunRegistry
from comfyforms.plugins.comfyui_api.relay import (
    executing,
    feature_flags,
    greeting,
    is_last,
    is_latent_preview,
    progress_alone,
    status,
    wants_metadata,
    with_own_names,
    without_metadata,
)
from comfyforms.plugins.comfyui_api.unread import UnreadBytes, UnreadFrames
from ui.accounts.login import PREVIEWS
from ui.web.access import Access, GuardedRoutes
from ui.web.identity import NOBODY, Identity
from ui.web.shares import caller_of, turn_of
from ui.web.socket_limits import (
    UNKNOWN_RUN,
    authenticate_socket,
    ends_with_browser,
    run_until_first,
    set_from_thread,
)

TOO_SLOW = 1013  # close code: the client has too many unread states, or some got lost
_LAST_FRAME = 2.0  # seconds that it may arrive after the run's end
LONGEST_ID = 100  # characters of a client's id
_UNGUESSABLE = 16  # characters of an id that is hard to guess; clients send UUIDs
_MOST_KNOWN = 1000  # runs
_AT_ONCE = 4  # converted frames, of runs at the same time

# Returns a text frame with the app's names of a run's results; see `with_own_names`.
Names = Callable[[str, str], str | bytes | None]


@dataclass(frozen=True, slots=True)
class MessageSockets:
    """Handlers of the WebSockets. `operates`: tells administrators. `images`: they may see other
    users' previews.

    `?run=ID`: one run, up to its end. `?all=true`, for administrators: also other users' progress,
    but no values or results. `?clientId=ID`: as in ComfyUI. Clients without an account and a cookie
    need a run, or a client id that can't be guessed.
    """

    runs: RunRegistry
    identity: Identity
    operates: Callable[[HTTPConnection], bool]
    images: bool
    sizes: UnreadBytes = field(default_factory=UnreadBytes)
    # Converts each frame once, so that all sockets hold the same text.
    names: Names = field(default_factory=lambda: lru_cache(_AT_ONCE)(with_own_names))

    routes = GuardedRoutes()

    @routes.websocket("/ws", Access.SIGNED_IN)
    @routes.websocket("/api/ws", Access.SIGNED_IN)
    async def messages(
        self, socket: WebSocket, run: str = "", all: str = "", clientId: str = ""
    ) -> None:
        owner = await authenticate_socket(socket, self.identity)
        if owner is None:
            return
        is_known = owner != NOBODY or len(clientId) >= _UNGUESSABLE
        client = clientId[:LONGEST_ID] or uuid.uuid4().hex
        who = self.identity.signed_in(socket)
        previews = who is not None and PREVIEWS in who.scope.split()
        hearer = None if run else Client(self.runs, owner, client, self.names, previews=previews)
        hello = greeting(client, hearer.unfinished if hearer else _unfinished(self.runs))
        caller = caller_of(socket.scope, self.identity)
        unread = UnreadFrames(self.sizes, caller.person or caller.address)
        with ends_with_browser(socket):
            if all == "true" and self.operates(socket):
                self.identity.opened(socket, self.operates)
                session = RelaySession(socket, owner, None, unread, others_frame=self._others_frame)
                await session.serve(self.runs, hello)
            elif not run and (all or not is_known):
                await socket.send_text(hello)
                await socket.close(UNKNOWN_RUN, "Name a run with ?run=ID.")
            else:
                try:
                    followed = await self._found(socket, run, owner) if run else None
                except RunNotFound:
                    await socket.send_text(hello)
                    await socket.close(UNKNOWN_RUN, "This run doesn't exist.")
                    return
                if isinstance(followed, Record):
                    await socket.send_text(hello)
                    await _tell_end(socket, followed.id, followed.state)
                    return
                session = RelaySession(socket, owner, followed, unread, client=hearer)
                await session.serve(self.runs, hello)

    def _others_frame(self, frame: str | bytes) -> str | bytes | None:
        return frame if self.images and is_latent_preview(frame) else progress_alone(frame)

    async def _found(self, socket: WebSocket, run_id: str, owner: str) -> Run | Record:
        """Return a run, or the record of an ended one. Raises RunNotFound."""
        try:
            return self.runs.get(run_id, owner)
        except RunNotFound:
            async with turn_of(socket):
                record = await asyncio.to_thread(self.runs.record, run_id, owner)
        # Another process may just have started it.
        return record if record.state.phase.finished else self.runs.get(run_id, owner)


def _unfinished(runs: RunRegistry) -> int:
    return sum(not one.state.phase.finished for one in runs.known())


class Client:
    """A ComfyUI client, and the runs that it hears of. `previews`: of all of them. Thread-safe."""

    def __init__(
        self, runs: RunRegistry, owner: str, client_id: str, names: Names, *, previews: bool
    ) -> None:
        self._runs, self._owner, self._id = runs, owner, client_id
        self._names, self._previews = names, previews
        self._known: dict[str, bool] = {}

    def own(self, frame: str | bytes, run_id: str) -> str | bytes | None:
        """Return a frame of its owner's run as the client gets it, or None."""
        if not self.hears(run_id):
            return None
        return self._names(frame, run_id) if isinstance(frame, str) else frame

    def hears(self, run_id: str) -> bool:
        """Return whether the client gets the frames of a run of its owner."""
        if run_id not in self._known:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            try:
                self._known[run_id] = self._is_own(self._runs.get(run_id, self._owner))
            except RunNotFound:
                return False
        return self._known[run_id]

    def wants_previews(self, run_id: str) -> bool:
        """Return whether a sent prompt asks for previews. ComfyUI sends none by default, and some
        clients take each image for a result. Other runs always have previews."""
        if self._previews:
            return True
        try:
            extra = self._runs.get(run_id, self._owner).job.extra_data
        except RunNotFound:
            return False
        return not extra or extra.get("preview_method", "none") not in ("none", "default")

    @property
    def unfinished(self) -> int:
        """Return the number of the owner's unfinished runs. Clients wait until it is 0, so others'
        runs don't count."""
        own = self._runs.owned(self._owner)
        if self._owner == NOBODY:
            own = tuple(filter(self._is_own, own))
        return sum(not run.state.phase.finished for run in own)

    @property
    def running(self) -> Run | None:
        own = filter(self._is_own, self._runs.owned(self._owner))
        return next((run for run in own if run.state.phase is Phase.RUNNING), None)

    def _is_own(self, run: Run) -> bool:
        client_id = run.job.extra_data.get("client_id", "")
        return client_id == self._id or (not client_id and self._owner != NOBODY)


async def _tell_end(socket: WebSocket, run_id: str, state: RunState) -> None:
    """Report a run that ended before the client connected."""
    await socket.send_text(verdict(run_id, state))
    await socket.send_text(over(run_id))
    await socket.close()


class RelaySession:
    """A client that follows one run, or all runs of its `owner`. `others_frame` converts other
    users' frames; the client doesn't get a frame converted to None. `client`: a client of ComfyUI's
    own API, which gets the app's names of files and numbers of runs.

    A slow client's states wait in order, also results that a node sends as images, but only the
    newest preview of each run waits. So the client delays no other client, and it gets each state
    or is disconnected.
    """

    def __init__(
        self,
        socket: WebSocket,
        owner: str,
        run: Run | None,
        unread: UnreadFrames,
        *,
        others_frame: Callable[[str | bytes], str | bytes | None] = lambda _: None,
        client: Client | None = None,
    ) -> None:
        self._socket = socket
        self._owner = owner
        self._run = run
        self._others_frame = others_frame
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._unread = unread
        self._late = asyncio.Event()
        self._has_metadata = False
        self._counted = -1

    async def serve(self, runs: RunRegistry, hello: str) -> None:
        """Greet, then send everything until the run ends or the client disconnects."""
        with contextlib.ExitStack() as followed:
            followed.callback(self._unread.close)
            followed.callback(runs.follow(self._take, self._lose))
            if self._run is not None:
                wake = partial(set_from_thread, self._loop, self._changed)
                followed.callback(self._run.subscribe(wake))
            await self._socket.send_text(hello)
            if self._run is not None and self._run.state.phase.finished:
                await _tell_end(self._socket, self._run.id, self._run.state)
                return
            if self._client is not None:
                self._counted = self._client.unfinished
                followed.callback(runs.subscribe(self._count))
                run = self._client.running
                if run is not None and run.state.node:
                    self._put(executing(run.id, run.state.node))
            jobs = self._listen(), self._send(), self._give_up()
            await run_until_first(self._socket, *jobs)

    def _take(self, owner: str, run_id: str, frame: str | bytes) -> None:
        """Handle a frame of any run. Thread-safe."""
        if self._run is not None and run_id != self._run.id:
            return
        if owner != self._owner:
            replacement = self._others_frame(frame)
            if replacement is None:
                return
            frame = replacement
        elif self._client is not None:
            own = self._client.own(frame, run_id)
            if own is None:
                return
            if is_latent_preview(frame) and not (
                self._has_metadata or self._client.wants_previews(run_id)
            ):
                return
            frame = own
        self._put(frame, run_id)

    def _count(self, owner: str) -> None:
        """Tell a client how many runs are left. Thread-safe."""
        if self._client is None or owner != self._owner:
            return
        unfinished = self._client.unfinished
        if unfinished != self._counted:
            self._counted = unfinished
            self._put(status(unfinished))

    def _put(self, frame: str | bytes, run_id: str = "") -> None:
        fits = self._unread.put(frame, run_id if is_latent_preview(frame) else "")
        set_from_thread(self._loop, self._changed if fits else self._late)

    def _lose(self) -> None:
        """Disconnect the client, because frames got lost. Thread-safe."""
        set_from_thread(self._loop, self._late)

    async def _give_up(self) -> None:
        await self._late.wait()
        await self._socket.close(TOO_SLOW)

    async def _listen(self) -> None:
        """Read the client's flags, which may be its first message. ComfyUI ignores all later
        ones."""
        wants = wants_metadata(await self._socket.receive_text())
        if wants is not None:
            self._has_metadata = wants
            self._put(feature_flags())
        while True:
            await self._socket.receive_text()

    async def _send(self) -> None:
        has_last = False
        while True:
            self._changed.clear()
            is_over = self._run is not None and self._run.state.phase.finished
            while (frame := await self._unread.next()) is not None:
                has_last = has_last or (self._run is not None and is_last(frame, self._run.id))
                if isinstance(frame, str):
                    await self._socket.send_text(frame)
                else:
                    sent = frame if self._has_metadata else without_metadata(frame)
                    await self._socket.send_bytes(sent)
                self._unread.sent(frame)
            if has_last and is_over:
                await self._socket.close()
                return
            # The frames of another process may arrive after the run's end.
            try:
                async with asyncio.timeout(_LAST_FRAME if is_over else None):
                    await self._changed.wait()
            except TimeoutError:
                await self._socket.close(TOO_SLOW)
                return
