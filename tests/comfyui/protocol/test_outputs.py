"""The outputs of a finished run in ComfyUI's history."""

from __future__ import annotations

import json
from typing import Any

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
