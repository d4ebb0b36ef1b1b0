"""Runs beside other prompts of the same server: answers about those never count as the run's own."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator

import pytest

from comfy.comfyui.client.client import Client
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.records.record import Job
from comfy.runs.interface import Origin, Run, RunRegistry
from comfyui_standin.nodes.base import RawPrompt
from tests.support.registries import new_registry
from tests.support.speaking import (
    PATIENCE,
    Listener,
    ServerUnderTest,
    fresh_prompt,
    listening,
    picked,
    submit,
)


@pytest.fixture
def runs(server: ServerUnderTest) -> Iterator[RunRegistry]:
    """Return the app's runs on the tested server."""
    with Client(server.url) as client:
        registry = new_registry(ServerPool(client), grace=PATIENCE)
        try:
            yield registry
        finally:
            registry.close()


def end(run: Run) -> RunState:
    *_, state = run.watch(PATIENCE)
    return state


def alike(server: ServerUnderTest) -> list[RawPrompt]:
    """Return two graphs that show one image: saved by node 9 and shown by 24, and shown by 9."""
    saved = fresh_prompt(server, steps=1, size=64)
    shown = copy.deepcopy(saved)
    saved["24"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    shown["9"] = {"class_type": "PreviewImage", "inputs": {"images": ["8", 0]}}
    return [saved, shown]


def test_cached_results_keep_the_metadata_of_an_earlier_prompt(
    server: ServerUnderTest, listener: Listener
) -> None:
    """The history has a cached result under its own node, with the metadata of the prompt that
    made it. The event names the node of the present prompt."""
    for prompt in alike(server):
        prompt_id = submit(server, listener, prompt)
        listener.wait_end(prompt_id)
    entry = server.get(f"/history/{prompt_id}")[prompt_id]
    assert list(entry["outputs"]) == ["9"]
    assert (entry["meta"]["9"]["node_id"], entry["meta"]["9"]["display_node"]) == ("24", "24")
    executed = [one["data"] for one in listener.of(prompt_id) if one["type"] == "executed"]
    if server.is_new:
        assert [(one["node"], one["display_node"]) for one in executed] == [("9", "9")]


@pytest.mark.parametrize("order", [1, -1], ids=["saved_first", "shown_first"])
def test_a_cached_run_has_its_results_under_its_own_nodes(
    server: ServerUnderTest, runs: RunRegistry, order: int
) -> None:
    """Two graphs share all results but one. Each run has its files, whichever comes first."""
    found = [
        sorted(
            (file.node, file.type)
            for file in end(runs.submit(Job(prompt, "cached"), Origin("me"))).files
        )
        for prompt in alike(server)[::order]
    ]
    saved, shown = [("24", "temp"), ("9", "output")], [("9", "temp")]
    assert found == [saved, shown][::order]


def test_messages_of_a_prompt_without_a_client_reach_everyone(
    server: ServerUnderTest, listener: Listener
) -> None:
    """Its previews name neither node nor prompt, even for clients that ask for metadata."""
    body = {"prompt": fresh_prompt(server, steps=2), "extra_data": {"preview_method": "auto"}}
    prompt_id = server.post("/prompt", body).json()["prompt_id"]
    listener.wait_for("progress", prompt_id=prompt_id, count=2)
    listener.wait(lambda messages: len(picked(messages, "preview")) >= 2)
    frames = picked(listener.messages, "preview")
    assert {frame[:8] for frame in frames} == {bytes((0, 0, 0, 1, 0, 0, 0, 1))}


def test_a_waiting_run_shows_nothing_of_the_prompt_before_it(
    server: ServerUnderTest, runs: RunRegistry
) -> None:
    """Previews of a prompt without a client id are neither shown nor relayed."""
    frames: list[str | bytes] = []
    runs.follow(lambda _owner, _run, frame: frames.append(frame))
    foreign = {
        "prompt": fresh_prompt(server, steps=40, size=64),
        "extra_data": {"preview_method": "auto"},
    }
    foreign_id = server.post("/prompt", foreign).json()["prompt_id"]
    with listening(server) as witness:
        run = runs.submit(Job(fresh_prompt(server, steps=1, size=64), "waiting"), Origin("me"))
        witness.wait(lambda messages: len(picked(messages, "preview")) >= 2)
        waiting = run.state
        assert (waiting.phase, waiting.preview_number) == (Phase.WAITING, 0)
        assert not [frame for frame in frames if isinstance(frame, bytes)]
        server.post("/interrupt", {"prompt_id": foreign_id})
    assert end(run).phase is Phase.DONE


def test_a_run_keeps_its_result_when_the_history_is_cleared(
    server: ServerUnderTest, runs: RunRegistry
) -> None:
    """Another client clears the history at the moment the run is over. The events have the
    result."""
    run = runs.submit(Job(fresh_prompt(server, steps=2, size=64), "cleared"), Origin("me"))

    def clear() -> None:
        if run.state.over and not run.state.phase.finished:
            server.post("/history", {"clear": True})

    run.subscribe(clear)
    state = end(run)
    assert server.get(f"/history/{state.prompt_id}") == {}
    assert (state.phase, [file.node for file in state.files]) == (Phase.DONE, ["9"])


def test_a_client_id_gets_nothing_of_the_next_prompt(server: ServerUnderTest) -> None:
    """A socket that returns after its prompt ended gets no `executing` of another client."""
    client_id = str(uuid.uuid4())
    with listening(server, client_id) as first:
        first.wait_end(submit(server, first, fresh_prompt(server, steps=1, size=64)))
    with listening(server) as other:
        prompt_id = submit(server, other, fresh_prompt(server, steps=200, size=64))
        other.wait_for("progress", prompt_id=prompt_id)
        with listening(server, client_id) as again:
            other.wait_for("progress", prompt_id=prompt_id, count=2)
            assert not picked(again.messages, "executing")
            assert not picked(again.messages, "progress")
        server.post("/interrupt", {"prompt_id": prompt_id})
        other.wait_end(prompt_id)
