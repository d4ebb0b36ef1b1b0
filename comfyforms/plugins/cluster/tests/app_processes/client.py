"""Client of a cluster: starts and follows runs at any of its app processes, as programs do."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import requests

from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster
from tests.support.http_client import ANN, PLAIN
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.web.cookies import Cookies

_PAUSE = 0.05  # seconds between two attempts
_ANSWER = 20.0  # seconds that one attempt waits


class ClusterClient:
    """One browser's or program's view of a cluster. The same cookie works at all processes."""

    def __init__(self, cluster: Cluster, owner: str = ANN) -> None:
        self.cluster = cluster
        cookies = Cookies((cluster.data / "secret").read_bytes())
        self.cookie = f"{cookies.name(PLAIN)}={cookies.signed(owner)}"

    def ask(
        self, at: AppProcess, method: str, path: str, key: str = "", **options: Any
    ) -> requests.Response:
        """Send one request to a process. `key`: its idempotency key."""
        headers = {"Cookie": self.cookie, "Connection": "close"}
        if key:
            headers["Idempotency-Key"] = key
        url = f"{at.url}/api/v1{path}"
        with requests.request(method, url, headers=headers, timeout=_ANSWER, **options) as answer:
            assert answer.content is not None
            return answer

    def anywhere(self, method: str, path: str, key: str = "", **options: Any) -> requests.Response:
        """Send a request to one process after the other until one of them answers it."""
        end = time.monotonic() + LONGEST_WAIT
        for at in itertools.cycle(self.cluster.apps):
            with contextlib.suppress(requests.RequestException):
                if at.is_alive:
                    answer = self.ask(at, method, path, key, **options)
                    if answer.status_code < 500:
                        return answer
            assert time.monotonic() < end, f"no process answers {method} {path}"
            threading.Event().wait(_PAUSE)
        raise AssertionError("the cluster has no process")

    def submit(self, steps: int = 4, *, at: AppProcess | None = None, key: str = "") -> str:
        """Start a run and return its id. Without `at`, retry until a process has accepted it."""
        request = "POST", "/workflows/text-to-image/runs", key or uuid.uuid4().hex
        body = {"values": {"5.steps": steps}}
        while True:
            answer = (
                self.anywhere(*request, json=body)
                if at is None
                else self.ask(at, *request, json=body)
            )
            if answer.status_code != 409:  # a request with this key is being answered
                break
            threading.Event().wait(_PAUSE)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str, at: AppProcess | None = None) -> dict[str, Any]:
        """Return the document of a run."""
        path = f"/runs/{run_id}"
        answer = self.anywhere("GET", path) if at is None else self.ask(at, "GET", path)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def stop(self, run_id: str, at: AppProcess) -> None:
        """Stop a run."""
        answer = self.ask(at, "POST", f"/runs/{run_id}/stop")
        assert answer.status_code == 200, answer.text

    def places(self, at: AppProcess, run_ids: Iterable[str]) -> list[int | None]:
        """Return the places of these runs in the queue, as a process shows them."""
        return [self.run(run_id, at)["queue_place"] for run_id in run_ids]

    def wait_for(self, run_id: str, phase: str, at: AppProcess) -> None:
        """Wait until a process shows a run in this phase."""
        eventually(lambda: self.run(run_id, at)["phase"] == phase, f"{phase} at {at.name}")

    def wait_for_removal(self, run_id: str, at: AppProcess) -> None:
        """Wait until a process shows a run as stopped, or doesn't know it any more: runs that were
        stopped while they waited have no record."""

        def is_removed() -> bool:
            answer = self.ask(at, "GET", f"/runs/{run_id}")
            return answer.status_code == 404 or answer.json()["phase"] == "stopped"

        eventually(is_removed, f"the stop at {at.name}")

    def wait_for_places(
        self, run_ids: Sequence[str], places: Sequence[int | None], at: AppProcess
    ) -> None:
        """Wait until a process shows these runs at these places."""
        eventually(lambda: self.places(at, run_ids) == list(places), f"places at {at.name}")

    def ends(self, run_ids: Iterable[str], seconds: float = LONGEST_WAIT) -> dict[str, str]:
        """Wait for the ends of runs and return their phases."""
        phases: dict[str, str] = {}
        waiting = list(run_ids)
        end = time.monotonic() + seconds
        while waiting:
            run = self.run(waiting[0])
            if run["finished"]:
                phases[waiting.pop(0)] = run["phase"]
                continue
            assert time.monotonic() < end, f"{len(waiting)} runs have no end, like {run}"
            threading.Event().wait(4 * _PAUSE)
        return phases

    def events(self, run_id: str, at: AppProcess) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the names and documents of a run's events until the stream ends."""
        url = f"{at.url}/api/v1/runs/{run_id}/events"
        headers = {"Cookie": self.cookie}
        with requests.get(url, headers=headers, stream=True, timeout=LONGEST_WAIT) as answer:
            name = ""
            for line in answer.iter_lines(decode_unicode=True):
                word, _, text = line.partition(": ")
                if word == "event":
                    name = text
                elif word == "data":
                    yield name, json.loads(text)
