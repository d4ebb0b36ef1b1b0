"""Ten people in ten editors on one GPU: the longest wait beyond a fair one, and what one sees of the
others."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import httpx
from websockets.asyncio.client import connect

from comfy.comfyui.client.client import Client
from comfy.prompt.model import Prompt
from comfyforms.plugins.comfyui_editor.tests.front_end_server import front_end_server
from tools.benchmarks.batches import stand_in
from tools.benchmarks.overhead import prompts
from tools.benchmarks.shared_turns import Sent, excesses
from tools.benchmarks.tools.app_process import running_app
from tools.benchmarks.tools.figure import Figure

PEOPLE, GREEDY, MANY, ROUNDS = 10, 2, 6, 3
STEP_SECONDS = 0.02
WAIT = 300.0
_HEADER = "X-Forwarded-User"
_OPTIONS = ("--open", "yes", "--user-header", _HEADER, "--trusted-proxies", "127.0.0.1")
_LISTS = ("/api/queue", "/api/history", "/api/jobs", "/api/userdata?dir=workflows&recurse=true")


def measure() -> list[Figure]:
    """Measure the waits in turns of other users, and count the words of others that a person's
    editor received."""
    with (
        stand_in(STEP_SECONDS) as demo,
        front_end_server() as front_end,
        running_app(demo, "--server", front_end, *_OPTIONS) as app,
        Client(demo) as client,
    ):
        source = prompts(client)
        work = [list(islice(source, MANY)) for _ in range(PEOPLE)]
        people = asyncio.run(_all(app.url, work))
    sent = [one for person in people for one in person.sent]
    wanted = GREEDY * MANY + (PEOPLE - GREEDY) * ROUNDS
    seen = sum(
        other.word in text
        for one in people
        for other in people
        if other is not one
        for text in one.received
    )
    own = sum(any(one.word in text for text in one.received) for one in people)
    previews = sum(one.previews > 0 for one in people)
    return [
        Figure("editors: prompts that ran", len(sent), "prompts", wanted, at_least=True),
        Figure("editors: longest wait beyond a fair one", max(excesses(sent)), "turns", 1),
        Figure("editors: answers with words of others", seen, "answers", 0),
        Figure("editors: people who see their own words", own, "people", PEOPLE, at_least=True),
        Figure("editors: people who see previews", previews, "people", PEOPLE, at_least=True),
    ]


async def _all(url: str, work: Sequence[Sequence[Prompt]]) -> list[_Person]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, timeout=WAIT, limits=limits, trust_env=False
    ) as http:
        people = [_Person(number, http) for number in range(PEOPLE)]
        for one in people:
            await one.enter()
        await asyncio.gather(*(one.run(work[one.number]) for one in people))
        for one in people:
            one.sent = [await one.described(*posted) for posted in one.posted]
    return people


@dataclass(slots=True)
class _Person:
    """Person with one editor. `word`: occurs in their prompts only; `received`: all answers and
    frames; `posted`: run ids, with the times of request and answer."""

    number: int
    http: httpx.AsyncClient
    word: str = field(default_factory=lambda: f"word{uuid.uuid4().hex}")
    headers: dict[str, str] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    previews: int = 0
    posted: list[tuple[str, float, float]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)

    async def enter(self) -> None:
        """Open the editor from the app's page."""
        named = {_HEADER: f"person {self.number}"}
        page = (await self.http.get("/comfyui-editor", headers=named)).raise_for_status().text
        code = page.partition('name="code" value="')[2].partition('"')[0]
        root = str(self.http.base_url).rstrip("/")
        host = f"editor.localhost:{self.http.base_url.port}"
        answer = await self.http.post(
            "/enter", data={"code": code}, headers={"Host": host, "Origin": root}
        )
        cookies = [one.partition(";")[0] for one in answer.headers.get_list("set-cookie")]
        self.headers = {"Host": host, "Cookie": "; ".join(cookies)}

    async def run(self, work: Sequence[Prompt]) -> None:
        """Send these prompts at once, or the first ones one after the other, and read all frames.
        Ask for all lists after each."""
        client_id = uuid.uuid4().hex
        parts = [work] if self.number < GREEDY else [[one] for one in work[:ROUNDS]]
        port = self.http.base_url.port
        async with connect(
            f"ws://editor.localhost:{port}/ws?clientId={client_id}",
            host="127.0.0.1",
            additional_headers={"Cookie": self.headers["Cookie"]},
            open_timeout=WAIT,
            max_size=None,
        ) as stream:
            for part in parts:
                left = {await self._post(one, client_id) for one in part}
                while left:
                    frame = await asyncio.wait_for(stream.recv(), WAIT)
                    if isinstance(frame, bytes):
                        self.previews += 1
                        continue
                    self.received.append(frame)
                    message = json.loads(frame)
                    if message["type"] == "executing" and message["data"]["node"] is None:
                        left.discard(message["data"]["prompt_id"])
                for path in _LISTS:
                    answer = await self.http.get(path, headers=self.headers)
                    self.received.append(answer.raise_for_status().text)

    async def _post(self, prompt: Prompt, client_id: str) -> str:
        extra = {"extra_pnginfo": {"workflow": {"title": self.word}}}
        body = {"prompt": prompt, "client_id": client_id, "extra_data": extra}
        at = time.time()
        answer = await self.http.post("/api/prompt", json=body, headers=self.headers)
        run_id = str(answer.raise_for_status().json()["prompt_id"])
        self.posted.append((run_id, at, time.time()))
        return run_id

    async def described(self, run_id: str, sent_at: float, answered_at: float) -> Sent:
        named = {_HEADER: f"person {self.number}"}
        answer = await self.http.get(f"/api/v1/runs/{run_id}", headers=named)
        run = answer.raise_for_status().json()
        assert run["phase"] == "done", run
        return Sent(self.number, sent_at, answered_at, run["started_at"], run["finished_at"])
