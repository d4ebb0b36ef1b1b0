"""The stand-in's files: limited room, safe names, and what the built-in stand-in deletes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.comfyui.client.client import Client
from comfyui_standin import DemoServer
from comfyui_standin.storage import Storage, StorageFull
from tests.support.waiting import LONGEST_WAIT, eventually

LOADED = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}


@contextmanager
def storing(most_bytes: int) -> Iterator[Storage]:
    storage = Storage(most_bytes=most_bytes)
    try:
        yield storage
    finally:
        storage.close()


def put(storage: Storage, prefix: str, size: int = 4) -> Path:
    saved = storage.put("output", prefix, ".bin", bytes(size))
    (path,) = storage.listed({"files": [saved]})
    return path


def test_the_oldest_files_make_room() -> None:
    """No file goes that an unfinished prompt names or that the running one has saved. The folders
    that a file leaves empty go with it."""
    with storing(10) as storage:
        first, second = put(storage, "a/b/first"), put(storage, "second")
        storage.begin()
        third = put(storage, "third")
        assert [one.exists() for one in (first, second, third)] == [False, True, True]
        assert not first.parent.parent.exists()
        upload = first.parents[3] / "input" / "photo.png"
        storage.begin()
        storage.named = lambda: ["a prompt", "second_00001.bin [output]"]
        storage.write(upload, bytes(4))
        assert [one.exists() for one in (second, third, upload)] == [True, False, True]


def test_one_prompt_cannot_fill_the_disk() -> None:
    with storing(10) as storage:
        for _ in range(2):
            put(storage, "many")
        with pytest.raises(StorageFull, match="No space left"):
            put(storage, "many")
        assert len([*storage.inside(storage._root, "output").iterdir()]) == 2


def run(demo: DemoServer, prefix: str = "x") -> tuple[str, list[dict[str, str]]]:
    """Run a prompt. Return its id and its files, none if it fails."""
    saved = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}}
    body = {"prompt": {"1": LOADED, "2": saved}}
    answer = requests.post(f"{demo.url}/prompt", json=body, timeout=LONGEST_WAIT).json()
    prompt_id = str(answer["prompt_id"])
    eventually(lambda: demo.queue.history_of(prompt_id))
    outputs: dict[str, Any] = demo.queue.history_of(prompt_id)[prompt_id]["outputs"]
    return prompt_id, [file for node in outputs.values() for file in node["images"]]


def view(demo: DemoServer, file: dict[str, str]) -> requests.Response:
    return requests.get(f"{demo.url}/view", file, timeout=LONGEST_WAIT)


@pytest.mark.parametrize(
    "prefix",
    ["a\nb", "a\0b", "a\x7fb", "\ud800", "n" * 5000, "n" * 250, "a/" * 200, "a/" * 2000, "../a"],
)
def test_a_result_with_any_prefix_can_be_fetched(prefix: str) -> None:
    """A demo saves it under another name if files can't have this one. A strict stand-in fails the
    run, as ComfyUI does."""
    with DemoServer(step_seconds=0, anything=True) as demo:
        _, (file,) = run(demo, prefix)
        answer = view(demo, file)
        assert answer.status_code == 200
        assert file["filename"].isprintable()
    is_possible = prefix == "a/" * 200
    with DemoServer(step_seconds=0) as strict:
        assert bool(run(strict, prefix)[1]) == is_possible


@pytest.mark.parametrize("name", ["a\x85b.png", "ü.png", "☃.png", 'a"b\\.png', "a\xadb.png"])
def test_the_header_names_any_file(name: str) -> None:
    with DemoServer() as demo:
        folder = demo.storage.folder("output")
        assert folder is not None
        (folder / name).write_bytes(b"x")
        answer = view(demo, {"filename": name})
        assert (answer.status_code, answer.content) == (200, b"x")


def test_a_missing_file_is_made_again() -> None:
    """The cache doesn't answer with a file that has made room."""
    with DemoServer(step_seconds=0, anything=True, most_bytes=1) as demo:
        assert run(demo)[1] == []
    with DemoServer(step_seconds=0, anything=True) as demo:
        _, first = run(demo)
        assert run(demo)[1] == first
        (path,) = demo.storage.listed({"": first})
        demo.storage.remove(path)
        assert view(demo, run(demo)[1][0]).ok


def test_the_built_in_stand_in_deletes_what_the_app_no_longer_needs() -> None:
    """Each prompt has its own files. They go when they are emptied, or with the history entry."""
    with DemoServer(step_seconds=0, anything=True, built_in=True) as demo:
        (kept_id, (kept,)), (_, (fetched,)) = run(demo), run(demo)
        assert kept != fetched
        with Client(demo.url) as client:
            client.empty(fetched["filename"], "output")
            assert [view(demo, one).status_code for one in (kept, fetched)] == [200, 404]
            client.forget(kept_id)
            assert view(demo, kept).status_code == 404
            value = client.upload(b"photo", "photo.png", subfolder="mine")
            assert demo.storage.find(value)
            client.empty(value)
            assert demo.storage.find(value) is None
