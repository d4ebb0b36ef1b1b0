"""The outputs of a finished run in ComfyUI's history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.comfyui.protocol.outputs import read_outputs
from comfy.comfyui.protocol.responses import Queue, parse_history, parse_queue, parse_submitted
from comfy.comfyui.protocol.run_state import settled, waiting
from tests.support.distribution import examples


def test_outputs_of_every_shape() -> None:
    """The parser finds files under any key and takes their type from the extension, then from the
    key. Texts stay texts."""
    files, texts = read_outputs(
        "9",
        {
            "images": [
                {"filename": "a.webp"},
                {"filename": "clip.MP4", "subfolder": "v", "type": "temp"},
                None,
                3,
            ],
            "gifs": [{"filename": "b.gif"}, {"filename": "noext"}],
            "audio": [{"filename": "c.flac"}],
            "3d": [{"filename": "d.glb"}],
            "odd": [
                {"filename": "e.xyz", "subfolder": "", "type": "output"},
                {"filename": ""},
                {"filename": 7},
            ],
            "animated": [True],
            "text": ["hello", 5],
            "broken": {"not": "a list"},
        },
    )
    assert [(file.filename, file.kind) for file in files] == [
        ("a.webp", "image"),
        ("clip.MP4", "video"),
        ("b.gif", "image"),
        ("noext", "video"),
        ("c.flac", "audio"),
        ("d.glb", "3d"),
        ("e.xyz", "file"),
    ]
    assert [text.text for text in texts] == ["hello"]


ASSET, OTHER = "3f0c7c52-0d6e-4d4b-9a0e-3a6a5cf0a111", "c0ffee00-0d6e-4d4b-9a0e-3a6a5cf0a222"


@pytest.mark.parametrize(
    ("display_name", "name"),
    [
        ("A red cat.png", "A red cat.png"),
        ("A red cat", "A red cat.png"),
        ("cat.PNG", "cat.PNG"),
        ("cat.exe", "cat.exe.png"),
        ("../up/cat.png", "cat.png"),
        ("a\r\nb.png", "a__b.png"),
        ("  ", "0a1b.png"),
        ("0a1b.png", "0a1b.png"),
        (7, "0a1b.png"),
        (None, "0a1b.png"),
    ],
)
def test_a_display_name_is_shown_with_the_files_own_ending(display_name: Any, name: str) -> None:
    """The name is safe for headers and folders, and its ending tells the file's real type."""
    item = {"filename": "0a1b.png", "display_name": display_name}
    (file,), _ = read_outputs("9", {"images": [item]})
    assert (file.name, file.filename) == (name, "0a1b.png")


@pytest.mark.parametrize(
    ("item", "preview_id"),
    [
        ({"id": ASSET, "preview_id": OTHER}, OTHER),
        ({"preview_id": OTHER}, OTHER),
        ({"id": ASSET, "preview_id": ASSET}, ""),
        ({"preview_id": "../../system_stats"}, ""),
        ({"preview_id": 7}, ""),
        ({"id": ASSET}, ""),
    ],
)
def test_a_preview_is_another_asset(item: dict[str, Any], preview_id: str) -> None:
    """A file that is its own preview has none, and neither has one with a malformed id."""
    (file,), _ = read_outputs("9", {"3d": [{"filename": "a.glb", **item}]})
    assert file.preview_id == preview_id


def test_outputs_of_a_loop_belong_to_the_prompts_node() -> None:
    """The history has them under the ids of the loop's copies."""
    copies = [f"12.0.0.{number}_9" for number in range(3)]
    entry = {
        "outputs": {
            copy: {"images": [{"filename": f"{number}.png"}], "animated": [False], "note": number}
            for number, copy in enumerate(copies)
        },
        "meta": {copy: {"node_id": copy, "display_node": "9"} for copy in copies},
    }
    history = parse_history({"p": entry}, "p")
    assert history is not None
    prompt = {"9": {"class_type": "SaveImage", "inputs": {}}}
    state = settled(waiting("p", prompt, outputs=["9"]), history)
    assert [(file.node, file.filename) for file in state.files] == [
        ("9", "0.png"),
        ("9", "1.png"),
        ("9", "2.png"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["p", "prompt_id", "node_errors", "status", "messages", "outputs", "queue_pending"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=examples(200))
@given(JSON)
def test_malformed_answers_are_read_as_far_as_possible(answer: Any) -> None:
    """No JSON from a server breaks the parsers of its answers. Only a missing prompt id is an
    error."""
    assert isinstance(parse_queue(answer), Queue)
    entry = parse_history(answer, "p")
    assert entry is None or settled(waiting("p", {}), entry).phase.finished
    try:
        assert parse_submitted(json.loads(json.dumps(answer))).prompt_id
    except ValueError:
        told = answer.get("prompt_id") if isinstance(answer, dict) else None
        assert not (isinstance(told, str) and told and told.isascii())
