"""Public workflows on the stand-in that runs anything: results, previews, and why the others fail.

Reads the newest `comfyui-workflow-templates-json` in the folder STANDIN_TEMPLATES (its package is
unpacked or installed there), and the corpus that is stored beside the checkout.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import websocket

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from comfyui_standin import DemoServer
from tools.benchmarks.tools.figure import Figure

CORPUS = Path(__file__).parents[3] / "shared" / "workflows" / "corpus"
LONGEST = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a workflow. `why`: "" for one that gave a result; `refused`: outputs that
    weren't run."""

    name: str
    why: str
    samples: bool = False
    previewed: bool = False
    unknown: bool = False
    refused: str = ""


def measure() -> list[Figure]:
    """Run every workflow once, and print a line for each that fails or shows no preview."""
    figures: list[Figure] = []
    with DemoServer(step_seconds=0, painted=256, anything=True) as demo:
        runner = Runner(demo)
        for name, files, goal in sets():
            outcomes = []
            for file in files:
                outcomes.append(one := runner.outcome(file))
                if one.why or (one.samples and not one.previewed):
                    why = one.why or f"no preview {one.refused}"
                    print(f"  {name}: {one.name}: {why}", flush=True)
            if outcomes:
                figures += figures_of(name, outcomes, goal)
    return figures


def sets() -> Iterator[tuple[str, list[Path], float]]:
    """Yield the sets of workflows with the share of each that must give a result."""
    folder = os.environ.get("STANDIN_TEMPLATES")
    graphs = sorted(Path(folder).rglob("*.json")) if folder else []
    graphs = [one for one in graphs if one.parent.name == "templates" and "index" not in one.name]
    yield "local templates", [one for one in graphs if not one.name.startswith("api_")], 0.97
    yield "paid templates", [one for one in graphs if one.name.startswith("api_")], 0.9
    files = sorted(CORPUS.rglob("*.*")) if CORPUS.is_dir() else []
    yield "corpus", [one for one in files if one.name != "index.json"], 0.92


def figures_of(name: str, outcomes: list[Outcome], goal: float) -> list[Figure]:
    """Return the shares of a set."""
    done = [one for one in outcomes if not one.why]
    sampling = [one for one in done if one.samples]
    unknown = [one for one in outcomes if one.unknown]
    shares = [(f"{name}: {len(outcomes)} give a result", len(done) / len(outcomes), goal)]
    if sampling:
        seen = sum(one.previewed for one in sampling) / len(sampling)
        shares.append((f"{name}: {len(sampling)} sample, with preview", seen, 0.95))
    if unknown:
        good = sum(not one.why for one in unknown) / len(unknown)
        shares.append((f"{name}: {len(unknown)} with other classes", good, 0.9))
    return [Figure(text, value, "", target, at_least=True) for text, value, target in shares]


class Runner:
    """A client of the stand-in."""

    def __init__(self, demo: DemoServer) -> None:
        self.demo = demo
        self.info = requests.get(f"{demo.url}/object_info", timeout=LONGEST).json()
        url = demo.url.replace("http", "ws")
        self.socket = websocket.create_connection(f"{url}/ws?clientId=me", timeout=LONGEST)

    def outcome(self, file: Path) -> Outcome:
        """Convert a workflow as the app does, and run it."""
        try:
            workflow = read_workflow(file)
            document = workflow.graph or dict(workflow.prompt)
            own = self.definitions(document)
            prompt = dict(on_server(workflow, Catalog({**self.info, **own})).prompt)
        except WorkflowError as error:
            return Outcome(file.name, f"can't be opened: {error}")
        classes = {one["class_type"] for one in prompt.values()}
        samples = any(self.is_sampler({**self.info, **own}.get(one)) for one in classes)
        unknown = bool(classes - self.info.keys())
        extra = {"preview_method": "auto", "extra_pnginfo": {"workflow": workflow.graph}}
        body = {"prompt": prompt, "client_id": "me", "extra_data": extra}
        body["prompt_id"] = str(uuid.uuid4())
        # The corpus has several forms of a workflow: each is to run.
        requests.post(f"{self.demo.url}/free", json={"free_memory": True}, timeout=LONGEST)
        answer = requests.post(f"{self.demo.url}/prompt", json=body, timeout=LONGEST)
        if answer.status_code != 200:
            why = f"{answer.json()['error']['type']} {refusal(answer)}"
            return Outcome(file.name, why, samples, unknown=unknown)
        previewed = self.watched(body["prompt_id"])
        entry = self.demo.queue.history_of(body["prompt_id"])[body["prompt_id"]]
        why = failure(entry)
        return Outcome(file.name, why, samples, previewed, unknown, refusal(answer))

    def definitions(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the definitions that the stand-in makes for a workflow."""
        answer = requests.post(
            f"{self.demo.url}/standin/definitions", json={"workflow": document}, timeout=LONGEST
        )
        return dict(answer.json()["definitions"]) if answer.ok else {}

    @staticmethod
    def is_sampler(entry: Mapping[str, Any] | None) -> bool:
        """Tell whether a class develops a latent."""
        if entry is None or "sampler" not in entry["name"].lower():
            return False
        groups = entry["input"]
        specs = {**groups.get("required", {}), **groups.get("optional", {})}
        return "LATENT" in entry["output"] and any(one[0] == "LATENT" for one in specs.values())

    def watched(self, prompt_id: str) -> bool:
        """Wait for the run's end. Return whether there was a preview."""
        previewed = False
        while True:
            received = self.socket.recv()
            if isinstance(received, bytes):
                previewed = True
                continue
            event = json.loads(received)
            data = event.get("data", {})
            ended = event["type"] == "executing" and data.get("node") is None
            if ended and data.get("prompt_id") == prompt_id:
                return previewed


def refusal(answer: requests.Response) -> str:
    """Return why nodes of a prompt were refused, "" if none was."""
    return "; ".join(
        f"{one['class_type']}: {each['type']} {each['details'][:90]}"
        for one in answer.json()["node_errors"].values()
        for each in one["errors"]
    )


def failure(entry: Mapping[str, Any]) -> str:
    """Return why a run gave no result, "" if it did."""
    for kind, data in entry["status"]["messages"]:
        if kind == "execution_error":
            where = data["traceback"][-1].split("\n")[0].strip() if data["traceback"] else ""
            return f"{data['node_type']}: {data['exception_message'].strip()[:120]} {where[-90:]}"
    return "" if entry["outputs"] else "saved nothing"
