"""Batches and chains of a cluster, as programs see them at any of its processes."""

from __future__ import annotations

from typing import Any

from comfyforms.plugins.cluster.tests.app_processes.client import ClusterClient
from comfyforms.plugins.cluster.tests.app_processes.processes import AppProcess
from comfyforms.plugins.cluster.tests.app_processes.running import Cluster
from tests.support.waiting import eventually

TINY = {"4.width": 256, "4.height": 256}
SMALL = {"base.4.width": 256, "base.4.height": 256, "detail.runs": False}
CHAINS = "/workflows/create-upscale-detail.chain/chains"


class WorkingGroups:
    """Batches and chains of one user, and the prompts that their servers have executed since."""

    def __init__(self, cluster: Cluster) -> None:
        self.client = ClusterClient(cluster)
        self._cluster = cluster
        self._before = frozenset(cluster.executions())

    def ask(self, at: AppProcess, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request to a process and return the document of its answer."""
        answer = self.client.ask(at, method, path, **options)
        assert answer.status_code in (200, 201), f"{answer.text}\n{at.said()}"
        document: dict[str, Any] = answer.json()
        return document

    def start_batch(self, at: AppProcess, rows: int, steps: int = 1) -> str:
        """Start a batch of this many rows and return its path."""
        body = {
            "values": {**TINY, "5.steps": steps},
            "axes": [{"field": "5.seed", "text": f"1..{rows}"}],
        }
        batch = self.ask(at, "POST", "/workflows/text-to-image/batches", json=body)
        return f"/batches/{batch['id']}"

    def start_chain(self, at: AppProcess, **values: Any) -> str:
        """Start a chain of two steps and return its path."""
        chain = self.ask(at, "POST", CHAINS, json={"values": {**SMALL, **values}})
        return f"/chains/{chain['id']}"

    def wait_for(self, path: str, at: AppProcess, **wanted: object) -> dict[str, Any]:
        """Wait until a process shows these properties, and return the document."""

        def is_there() -> bool:
            document = self.ask(at, "GET", path)
            return {key: document[key] for key in wanted} == wanted

        eventually(is_there, f"{wanted} at {at.name}")
        return self.ask(at, "GET", path)

    def wait_for_answer(self, path: str, at: AppProcess) -> None:
        """Wait until a process answers, after its database was away."""
        eventually(lambda: self.client.ask(at, "GET", path).ok, f"an answer of {at.name}")

    def wait_for_rows(self, path: str, at: AppProcess, done: int) -> None:
        """Wait until a process shows at least this many rows as done."""
        eventually(
            lambda: self.ask(at, "GET", path)["done"] >= done, f"{done} rows done at {at.name}"
        )

    def wait_for_start(self) -> None:
        """Wait until a server executes a prompt."""
        self.wait_for_outcome("started")

    def wait_for_outcome(self, outcome: str) -> None:
        """Wait until an execution has this outcome."""
        eventually(lambda: outcome in self.outcomes(), f"{outcome} in the journal")

    def outcomes(self) -> list[str]:
        """Return the outcomes of all prompts since the start, one for each execution."""
        found = self._cluster.executions()
        return [one.outcome for prompt in found.keys() - self._before for one in found[prompt]]
