"""Runs with large prompts, such as images as base64, in a list."""

from __future__ import annotations

import tracemalloc

from comfy.media.checks import MIB
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, BOB, begun, ended_record

_SIZE = 12 * MIB


def test_lists_hold_few_large_runs_in_memory(history: RunStore) -> None:
    """The runs come in the wanted order, except unknown ones and another owner's. Only as many as
    fit are in memory at a time."""
    for at in range(6):
        prompt = {"1": {"class_type": "Text", "inputs": {"text": f"{at}" * _SIZE}}}
        history.end(ended_record(begun(f"r{at}", BOB if at == 5 else ANN, prompt=prompt)))
    wanted = ["r3", "none", "r0", "", "r5", "r1", "r1", "r2", "r4"]
    tracemalloc.start()
    try:
        found = [
            (key, record.id if record else "")
            for key, record in history.each(enumerate(wanted), ANN)
        ]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    left_out = ("none", "r5")
    assert found == [(at, "" if one in left_out else one) for at, one in enumerate(wanted)]
    assert peak < 7 * _SIZE
