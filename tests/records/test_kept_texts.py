r"""A run's texts are stored as messages for readers of any language.

Every test runs on SQLite, and on Postgres if it is installed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from comfy.base.errors import FILE_REFUSED, NodeError
from comfy.base.messages import Message, message, plural
from comfy.comfyui.protocol.run_state import RunError
from comfy.records.record import Record
from comfy.records.serialization import from_text, state_to_json, to_text
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, begun, ended_record

SERVER = message("ComfyUI at {address}", address="http://a")
FAILED = RunError(
    message("{server} is not ready.", server=SERVER),
    plural("{count} try was made.", "{count} tries were made.", count=3),
    node="6",
    node_title=message("Positive prompt"),
    detail="RuntimeError: x",
)
REFUSED = NodeError(
    "6", "image", "LoadImage", FILE_REFUSED, message("Too large."), message("Make it smaller.")
)


def failed_run() -> Record:
    """Return a run that ended with an error and has the app's own titles and refusals."""
    record = begun("failed")
    job = replace(record.job, titles={"6": message("Positive prompt"), "7": "Mine"})
    return ended_record(replace(record, job=job), error=FAILED, node_errors=(REFUSED,))


def made_of(text: str | None) -> object:
    assert isinstance(text, Message), text
    values = {
        name: made_of(value) if isinstance(value, Message) else value
        for name, value in text.values.items()
    }
    return text.sentence, text.plural, values


def test_messages_come_back_with_their_sentences_and_values(history: RunStore) -> None:
    """An error, a refused file and titles are translated again. Words of a server or an author come
    back as text."""
    history.end(failed_run())
    kept = history.get("failed", ANN)
    assert kept == failed_run()
    assert kept is not None
    assert kept.state.error is not None
    assert made_of(kept.state.error.message) == (
        "{server} is not ready.",
        "",
        {"server": ("ComfyUI at {address}", "", {"address": "http://a"})},
    )
    assert made_of(kept.state.error.hint) == made_of(FAILED.hint)
    assert made_of(kept.state.error.node_title) == made_of(FAILED.node_title)
    assert not isinstance(kept.state.error.detail, Message)
    (refused,) = kept.state.node_errors
    assert made_of(refused.message) == made_of(REFUSED.message)
    assert made_of(refused.details) == made_of(REFUSED.details)
    assert made_of(kept.job.titles["6"]) == made_of(FAILED.node_title)
    assert not isinstance(kept.job.titles["7"], Message)


def test_scripts_get_the_text_of_messages() -> None:
    """A state as JSON for scripts has the messages as plain text."""
    told = state_to_json(failed_run().state)
    assert told["error"]["message"] == "ComfyUI at http://a is not ready."
    assert told["node_errors"][0]["message"] == "Too large."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ComfyUI is not ready.", "ComfyUI is not ready."),
        ({"sentence": "{a.b}", "plural": "", "values": {"a": "x"}}, "{a.b}"),
        ({"sentence": "No {count}.", "plural": "{count}", "values": {"count": "x"}}, "No {count}."),
        ({"sentence": 7}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_texts_of_other_versions_and_damaged_ones_cost_no_record(written: Any, read: str) -> None:
    """Plain text stays as it is. If a value isn't one of the app's messages, only its sentence
    stays, or nothing."""
    told = json.loads(to_text(failed_run()))
    told["state"]["error"]["message"] = written
    record = from_text(json.dumps(told))
    assert record.state.error is not None
    assert record.state.error.message == read
    assert not isinstance(record.state.error.message, Message)
    assert record.state.error.hint == FAILED.hint
