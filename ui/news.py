"""What an open page is told without asking, over one socket: the runs of its person wherever they were started, how
many wait in all, which workflows of the folder have changed, and that the app is about to end.

As long as the socket is open the person watches all of their runs; when the last one closes, their grace time begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from dataclasses import asdict

from fastapi import APIRouter, WebSocket

from comfy.run import Run
from comfy.runs import Runs
from ui.backend import Backend
from ui.changes import FolderWatch
from ui.identity import NOBODY, Identity
from ui.sockets import UNKNOWN_WORD, until_one_ends, welcome
from ui.view import entry

GAP = 0.1  # seconds between two messages to one page: news adds up


def news_routes(backend: Backend, identity: Identity) -> APIRouter:
    """The WebSocket `/news`."""
    router = APIRouter()
    folder = FolderWatch(backend.folder)
    life = secrets.token_hex(8)  # another one after a restart: a page from before it has to be loaded again

    @router.websocket("/news")
    async def news(socket: WebSocket) -> None:
        owner = await welcome(socket, identity)
        if owner == NOBODY:
            owner = f"{NOBODY}{secrets.token_hex(16)}"
        if owner is not None:
            with folder.listen() as changed:
                await OpenPage(socket, backend.runs, owner, life).serve(changed)

    return router


class OpenPage:
    """One page and what it has been told."""

    def __init__(self, socket: WebSocket, runs: Runs, owner: str, life: str) -> None:
        self.socket = socket
        self.runs = runs
        self.owner = owner
        self.life = life
        self.due = asyncio.Event()
        self.told: dict[str, object] = {}
        self.attached: dict[str, Run] = {}

    async def serve(self, changed: asyncio.Queue[list[str]]) -> None:
        """Tell until the page is closed; `changed` brings the names of workflows."""
        loop = asyncio.get_running_loop()

        def wake(_: str) -> None:
            if not self.due.is_set():
                with contextlib.suppress(RuntimeError):  # the loop is closed: the app has ended
                    loop.call_soon_threadsafe(self.due.set)

        unsubscribe = self.runs.subscribe(wake)
        try:
            await until_one_ends(self.listen(), self.tell_runs(), self.tell_folder(changed))
        finally:
            unsubscribe()
            for run in self.attached.values():
                run.detach()

    async def listen(self) -> None:
        """A page asks "here" when it is in doubt whether anybody still hears it: it is told everything again."""
        while await self.socket.receive_text() == "here":
            self.told = {}
            self.due.set()
        await self.socket.close(UNKNOWN_WORD)

    async def tell_runs(self) -> None:
        """Tell what is new of the runs, at once and again whenever something has happened."""
        while True:
            self.due.clear()
            news = self.news()
            if news != self.told:
                self.told = news
                await self.socket.send_text(json.dumps(news))
            await self.due.wait()
            await asyncio.sleep(GAP)

    async def tell_folder(self, changed: asyncio.Queue[list[str]]) -> None:
        """Tell which workflows were added, edited or removed."""
        while True:
            await self.socket.send_text(json.dumps({"changed": await changed.get()}))

    def news(self) -> dict[str, object]:
        """The person's unfinished runs, which are watched from now on; `waiting` counts everybody's."""
        line = self.runs.line_of(self.owner)
        self.attach_to({run.id: run for run in line})
        typical = self.runs.typical_seconds
        return {
            "life": self.life,
            "ending": self.runs.closed,
            "waiting": self.runs.waiting,
            "runs": [asdict(entry(run.record, typical=typical, movable=run.waits_here)) for run in line],
        }

    def attach_to(self, runs: dict[str, Run]) -> None:
        """Watch these runs and no others."""
        for run_id in runs.keys() - self.attached.keys():
            runs[run_id].attach()
        for run_id in self.attached.keys() - runs.keys():
            self.attached[run_id].detach()
        self.attached = runs
