"""Fifty ComfyUI clients on two servers, some of which send many prompts at once."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import httpx
from websockets.asyncio.client import ClientConnection, connect

from comfy.comfyui.client.client import Client
from comfy.prompt.model import Prompt
from tools.benchmarks.batches import stand_in
from tools.benchmarks.overhead import prompts
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.figure import Figure

PEOPLE, GREEDY = 50, 10
MANY = 6  # prompts that a greedy client sends at once
ROUNDS = 2  # prompts of the others, each after the end of the one before
STEP_SECONDS = 0.02
ARRIVAL = 0.02  # seconds from one client to the next
WAIT = 300.0
_HEADER = "X-Forwarded-User"
_OPTIONS = ("--open", "yes", "--user-header", _HEADER, "--trusted-proxies", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Sent:
    """A prompt that ran: when its request left and was answered, and when its run started and
    ended."""

    person: int
    sent_at: float
    answered_at: float
    started_at: float
    finished_at: float


def measure() -> list[Figure]:
    """Measure the longest wait in turns of other users, beyond one turn for each user who waits
    when the wait begins."""
    with (
        stand_in(STEP_SECONDS) as first,
        stand_in(STEP_SECONDS) as second,
        running_app(first, "--server", second, *_OPTIONS) as app,
        Client(first) as client,
    ):
        sent = asyncio.run(_run(app.url, prompts(client)))
    wanted = GREEDY * MANY + (PEOPLE - GREEDY) * ROUNDS
    late = max(excesses(sent))
    return [
        Figure("shared turns: prompts that ran", len(sent), "prompts", wanted, at_least=True),
        Figure("shared turns: longest wait beyond a fair one", late, "turns", 1),
    ]


def excesses(sent: Sequence[Sent]) -> list[int]:
    """Return for each prompt how many others start during its wait beyond its fair share.

    A wait begins when the request is answered and the user's previous prompt has ended. It is fair
    that each other user who then waits has one turn before. Requests that overlap may be taken in
    either order.
    """
    excess = []
    for own in _by_person(sent):
        earlier = 0.0
        for one in own:
            begins = max(one.answered_at, earlier)
            earlier = one.finished_at
            others = [other for other in sent if other.person != one.person]
            first = {other.person for other in others if other.sent_at <= begins < other.started_at}
            turns = sum(begins < other.started_at < one.started_at for other in others)
            excess.append(turns - len(first))
    return excess


def _by_person(sent: Iterable[Sent]) -> Iterable[list[Sent]]:
    """Return each user's prompts in the order in which they started."""
    own = defaultdict[int, list[Sent]](list)
    for one in sorted(sent, key=lambda one: one.started_at):
        own[one.person].append(one)
    return own.values()


async def _run(url: str, source: Iterator[Prompt]) -> list[Sent]:
    """Let all clients run their prompts, the greedy ones first and evenly among the others."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, timeout=WAIT, limits=limits, trust_env=False
    ) as http:
        tokens = [await _token(http, f"person {person}") for person in range(PEOPLE)]
        work = [list(islice(source, MANY)) for _ in tokens]
        runs = [
            _ComfyClient(http, url, person, token).run(work[person])
            for person, token in enumerate(tokens)
        ]
        return [one for each in await asyncio.gather(*runs) for one in each]


async def _token(http: httpx.AsyncClient, name: str) -> str:
    """Create a token for a user whom the proxy names."""
    label, headers = {"label": "benchmark"}, {_HEADER: name}
    made = await http.post("/account/tokens", data=label, headers=headers, follow_redirects=True)
    return made.raise_for_status().text.partition('id="token">')[2].partition("<")[0]


@dataclass(frozen=True, slots=True)
class _Posted:
    run_id: str
    sent_at: float
    answered_at: float


@dataclass(frozen=True, slots=True)
class _ComfyClient:
    http: httpx.AsyncClient
    url: str
    person: int
    token: str

    async def run(self, work: Sequence[Prompt]) -> list[Sent]:
        """Send these prompts at once, or the first ones one after the other."""
        await asyncio.sleep(self.person * ARRIVAL)
        client_id = uuid.uuid4().hex
        socket = f"ws{self.url.removeprefix('http')}/ws?clientId={client_id}"
        is_greedy = self.person % (PEOPLE // GREEDY) == 0
        parts = [work] if is_greedy else [[one] for one in work[:ROUNDS]]
        posted: list[_Posted] = []
        async with connect(
            socket, additional_headers=self._headers, open_timeout=WAIT, max_size=None
        ) as stream:
            for part in parts:
                newest = [await self._post(one, client_id) for one in part]
                await _until_over(stream, [one.run_id for one in newest])
                posted += newest
        return [await self._sent(one) for one in posted]

    async def _post(self, prompt: Prompt, client_id: str) -> _Posted:
        body, sent_at = {"prompt": prompt, "client_id": client_id}, time.time()
        answer = await self.http.post("/prompt", json=body, headers=self._headers)
        return _Posted(answer.raise_for_status().json()["prompt_id"], sent_at, time.time())

    async def _sent(self, posted: _Posted) -> Sent:
        answer = await self.http.get(f"/api/v1/runs/{posted.run_id}", headers=self._headers)
        run = answer.raise_for_status().json()
        assert run["phase"] == "done", run
        began, ended = run["started_at"], run["finished_at"]
        return Sent(self.person, posted.sent_at, posted.answered_at, began, ended)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def _until_over(stream: ClientConnection, ids: Iterable[str]) -> None:
    """Read the socket until all these prompts have ended."""
    left = set(ids)
    while left:
        frame = await asyncio.wait_for(stream.recv(), WAIT)
        if isinstance(frame, bytes):
            continue
        message = json.loads(frame)
        if message["type"] == "executing" and message["data"]["node"] is None:
            left.discard(message["data"]["prompt_id"])
