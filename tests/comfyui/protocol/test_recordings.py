r"""Replays of recordings of real servers: the state ends as the recording did.

The recordings in tests/data/recordings are trimmed. Previews are a tiny image of our own, and most
steps and all tracebacks are cut. The whole set is beside the checkout and is read in place.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from comfy.comfyui.client.http_errors import rejected
from comfy.comfyui.protocol.events import Preview
from comfy.comfyui.protocol.parse import WarnOnce, parse_message
from comfy.comfyui.protocol.responses import (
    HistoryEntry,
    parse_history,
    parse_queue,
    parse_submitted,
)
from comfy.comfyui.protocol.run_state import (
    Phase,
    RunState,
    accepted,
    advance,
    refused,
    settled,
    waiting,
)
from comfy.runs.latest_state import LatestState

OWN = Path(__file__).parents[2] / "data" / "recordings"
SHARED = Path(__file__).parents[4] / "shared" / "comfyui" / "recordings"
VERSIONS = ("0.33.0", "0.3.64")


def recordings(folder: Path) -> list[Any]:
    """Return every recording in a folder as a test parameter, or one skipped parameter if the
    folder is absent."""
    found = sorted(folder.glob("*/*.jsonl"))
    if not found:
        return [
            pytest.param(
                None,
                marks=pytest.mark.skip(
                    reason="needs ../shared/comfyui/recordings beside this checkout"
                ),
            )
        ]
    return [pytest.param(file, id=f"{file.parent.name}-{file.stem}") for file in found]


@dataclass
class Replay:
    """One prompt of a recording: its replayed state and the recording's own answers."""

    state: RunState
    previews: int
    status: int
    answer: dict[str, Any]
    history: dict[str, Any] | None
    heard: set[str]


def replay(file: Path) -> Iterator[Replay]:
    """Yield each prompt of a recording, taken through the same functions as in a run."""
    lines = [json.loads(line) for line in file.open(encoding="utf-8")]
    answers = [line for line in lines if line["kind"] == "http_response"]
    posts = [
        line
        for line in lines
        if line["kind"] == "http_request" and line["path"] == "/prompt" and line["method"] == "POST"
    ]
    replies = [line for line in answers if line["path"] == "/prompt" and line["method"] == "POST"]
    for post, reply in zip(posts, replies, strict=True):
        yield one_prompt(lines, post, reply, answers)


def one_prompt(
    lines: list[dict[str, Any]],
    post: dict[str, Any],
    reply: dict[str, Any],
    answers: list[dict[str, Any]],
) -> Replay:
    body = post["json"]
    state = waiting(body.get("prompt_id", "ours"), body.get("prompt") or {})
    if reply["status"] != 200:
        return Replay(
            refused(state, rejected(reply["body"])), 0, reply["status"], reply["body"], None, set()
        )
    latest = LatestState(accepted(state, parse_submitted(reply["body"])))
    prompt_id = latest.state.prompt_id
    bodies = [line["body"] for line in answers if line["path"] == f"/history/{prompt_id}"]
    history = next((body[prompt_id] for body in bodies if body), None)
    entry = parse_history({prompt_id: history}, prompt_id) if history else None
    heard, previews = follow(latest, messages(lines, post), entry)
    if entry is not None:  # where the socket was away or mute at the end, history says it
        latest.update(partial(settled, entry=entry))
    return Replay(latest.state, previews, 200, reply["body"], history, heard)


def follow(
    latest: LatestState, frames: Iterator[str | bytes], entry: HistoryEntry | None
) -> tuple[set[str], int]:
    """Feed frames up to the end of the prompt. Return the event types for this prompt and the
    number of previews."""
    heard, previews, skipped = set(), 0, WarnOnce()
    for frame in frames:
        event = parse_message(frame, skipped)
        assert event is not None, f"a recorded message was not understood: {frame[:80]!r}"
        if getattr(event, "prompt_id", None) == latest.state.prompt_id:
            heard.add(type(event).__name__)
        before = latest.state.preview_number
        latest.update(partial(advance, event=event))
        previews += isinstance(event, Preview) and latest.state.preview_number == before + 1
        if latest.state.over and entry is not None:
            latest.update(partial(settled, entry=entry))
    return heard, previews


def messages(lines: list[dict[str, Any]], post: dict[str, Any]) -> Iterator[str | bytes]:
    client = post["json"].get("client_id")
    sockets = {
        line["client"]
        for line in lines
        if line["kind"] == "ws_open" and line["client_id"] == client
    }
    for line in lines[lines.index(post) :]:
        if line["kind"] == "ws_text" and line["client"] in sockets:
            yield json.dumps(line["message"])
        elif line["kind"] == "ws_binary" and line["client"] in sockets:
            yield base64.b64decode(line["b64"])


def check(one: Replay) -> None:
    """Compare the state with the recording, which this function reads in the plainest way."""
    state = one.state
    if one.status != 200:
        assert state.phase is Phase.REFUSED
        told = {
            (node, error["type"])
            for node, value in one.answer["node_errors"].items()
            for error in value["errors"]
        }
        assert told <= {(error.node, error.type) for error in state.node_errors}
        assert state.error is not None
        return
    assert {error.node for error in state.node_errors} == set(one.answer["node_errors"])
    if one.history is None:
        ended = one.heard & {"ExecutionSuccess", "ExecutionError", "ExecutionInterrupted"}
        assert state.phase is (Phase.RUNNING if one.heard else Phase.WAITING)
        assert (state.verdict is not None) is bool(ended)
        return
    files = {
        (node, item["filename"], item["subfolder"], item["type"])
        for node, output in one.history["outputs"].items()
        for items in output.values()
        for item in items
        if isinstance(item, dict) and "filename" in item
    }
    assert {(file.node, file.filename, file.subfolder, file.type) for file in state.files} == files
    said = [name for name, _ in one.history["status"]["messages"]]
    expected = {
        "execution_success": Phase.DONE,
        "execution_error": Phase.FAILED,
        "execution_interrupted": Phase.STOPPED,
    }[said[-1]]
    assert state.phase is expected
    assert (state.error is None) is (expected is Phase.DONE)
    assert state.preview is None


@pytest.mark.parametrize("file", recordings(OWN))
def test_trimmed_recordings_end_as_recorded(file: Path) -> None:
    """Each trimmed recording, replayed, ends with its own outputs, error, interruption or
    refusal."""
    prompts = list(replay(file))
    assert prompts
    for one in prompts:
        check(one)


@pytest.mark.parametrize("file", recordings(SHARED))
def test_full_recordings_end_as_recorded(file: Path) -> None:
    """Each whole recording beside the checkout also ends as recorded."""
    for one in replay(file):
        check(one)


def only(name: str, version: str) -> Replay:
    return list(replay(OWN / version / f"{name}.jsonl"))[-1]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_has_the_title_of_its_node_and_a_hint(version: str) -> None:
    """For a damaged checkpoint, the error has a sentence, a hint and the loader's title, with the
    exception in the detail."""
    error = only("execution_error", version).state.error
    assert error is not None
    assert error.node_title == "Load Checkpoint"
    assert "damaged" in error.message
    assert error.hint
    assert "SafetensorError" in error.detail
    assert "Traceback" not in error.detail


@pytest.mark.parametrize("version", VERSIONS)
def test_field_errors_name_their_inputs(version: str) -> None:
    """Four wrong values in two nodes come back as four errors on their inputs."""
    errors = only("validation_missing_and_bad_inputs", version).state.node_errors
    assert {(error.node, error.input) for error in errors} == {
        ("3", "cfg"),
        ("3", "denoise"),
        ("3", "steps"),
        ("5", "width"),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_partly_refused_prompt_runs_and_keeps_its_errors(version: str) -> None:
    """The server makes the valid output. The refusal of the other output stays in the state."""
    state = only("partly_valid_two_outputs", version).state
    assert state.phase is Phase.DONE
    assert [file.node for file in state.files] == ["9"]
    assert [(error.node, error.input) for error in state.node_errors] == [("98", "image")]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unknown_node_is_refused_by_name(version: str) -> None:
    """The error names the missing custom node."""
    state = only("validation_unknown_node", version).state
    assert state.error is not None
    assert any(name in state.error.message for name in ("NodeThatIsNotInstalled", "Magic"))


@pytest.mark.parametrize("version", VERSIONS)
def test_videos_listed_under_images_are_videos(version: str) -> None:
    """Kinds follow the file, not the key that lists it. Texts stay apart from files."""
    state = only("video_audio_text_outputs", version).state
    assert {(file.node, file.kind) for file in state.files} == {
        ("31", "video"),
        ("32", "image"),
        ("34", "audio"),
    }
    assert ("37", "a caption") in {(text.node, text.text) for text in state.texts}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["success_with_feature_flags", "success_without_feature_flags"])
def test_previews_with_and_without_metadata_are_counted(version: str, name: str) -> None:
    """Previews arrive with and without metadata. The finished state drops them."""
    one = only(name, version)
    assert one.previews == one.state.preview_number == 2
    assert one.state.preview is None


def test_a_fully_cached_prompt_has_its_outputs() -> None:
    """The second of two equal prompts still has its image, although the server executes none of its
    nodes."""
    first, second = replay(OWN / "0.33.0" / "cached_rerun.jsonl")
    assert first.state.files == second.state.files
    assert second.previews == 0
    assert second.state.nodes_done == second.state.nodes_total


def test_a_reopened_socket_finds_its_run_again() -> None:
    """After a drop, the stream continues under the same client id, with an `executing` that names
    no prompt."""
    one = only("reconnect_same_client_id_mid_run", "0.33.0")
    assert one.state.phase is Phase.DONE
    assert one.state.files


def test_a_dequeued_prompt_leaves_no_trace() -> None:
    """A prompt that was removed from the queue has no event, and no trace in queue and history."""
    lines = [
        json.loads(line)
        for line in (OWN / "0.33.0" / "two_clients_and_dequeue.jsonl").open(encoding="utf-8")
    ]
    *_, removed = replay(OWN / "0.33.0" / "two_clients_and_dequeue.jsonl")
    assert removed.state.phase is Phase.WAITING
    queues = [
        parse_queue(line["body"])
        for line in lines
        if line["kind"] == "http_response" and line["path"] == "/queue"
    ]
    assert queues[0].place(removed.state.prompt_id) == 2
    assert queues[-1].place(removed.state.prompt_id) is None
