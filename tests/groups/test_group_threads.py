"""Batches and chains on a machine that can't start more threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.batches.spec import AxisSpec
from comfy.runs.interface import Origin
from comfyui_standin import DemoServer
from tests.batches.kept_batches import ANN, SEED, kept_batches
from tests.support.serving import WORKFLOWS, running_app
from tests.support.waiting import eventually

CHAIN = '[[steps]]\nname = "first"\nworkflow = "text-to-image"\n[steps.values]\nSteps = 1\n'


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, painted=64) as demo:
        yield demo


def test_a_batch_without_a_thread_pauses_and_can_resume(
    demo: DemoServer, tmp_path: Path, refused_threads: set[str]
) -> None:
    """The batch says why it pauses, both when it starts and when the user resumes it. No row is
    lost. Rows whose runs have no thread wait."""
    refused_threads.add("batch-")
    with kept_batches(demo.url, tmp_path) as one:
        batch = one.begin(AxisSpec(SEED, "1, 2"))
        assert (batch.state, batch.gave_up) == ("paused", True)
        assert "out of resources" in batch.why
        one.batches.change(batch.id, ANN, "continue")
        assert one.batches.get(batch.id, ANN).gave_up
    with kept_batches(demo.url, tmp_path) as one:
        refused_threads.clear()
        refused_threads.add("run-")
        one.batches.change(batch.id, ANN, "continue")
        eventually(lambda: "out of resources" in one.batches.get(batch.id, ANN).why)
        refused_threads.clear()
        assert one.until(batch, "done").done == 2
        assert len(one.runs.history.of(ANN)) == 2


def test_a_chain_without_a_thread_fails_and_can_resume(
    demo: DemoServer, tmp_path: Path, refused_threads: set[str]
) -> None:
    """The chain says why it fails, both when it starts and when the user resumes it. It no longer
    counts as active."""
    (tmp_path / "one.chain.toml").write_text(CHAIN)
    for file in ("text-to-image.json", "text-to-image.toml"):
        (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    with running_app(demo.url, workflows=tmp_path) as app:
        chains = app.services.chains
        refused_threads.add("chain-")
        chain_id = chains.start("one.chain", {}, Origin(ANN)).id
        for _ in range(2):
            standing = chains.get(chain_id, ANN)
            assert standing.state == "failed"
            assert "out of resources" in standing.why
            chains.go_on(chain_id, ANN)
        refused_threads.clear()
        chains.go_on(chain_id, ANN)
        eventually(lambda: chains.get(chain_id, ANN).finished)
        assert chains.get(chain_id, ANN).state == "done"
