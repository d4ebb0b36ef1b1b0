"""Estimates of a batch's duration and of the size of its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.batches.check import estimate
from comfy.batches.content import combined
from comfy.batches.spec import AxisSpec
from comfy.demo import DemoServer
from tests.batches.kept_batches import ANN, BOB, MODEL, SEED, STEPS, kept_batches
from tests.comfyui.servers.test_pool import OTHER_MODEL, with_checkpoints


def test_run_time_estimates_survive_a_restart(tmp_path: Path) -> None:
    """The app estimates from every user's runs and the work of their samplers. Totals count from
    the app's start. Only a user's own runs give an estimate of result sizes."""
    with DemoServer(step_seconds=0.02) as demo:
        with kept_batches(demo.url, tmp_path) as first:
            assert first.runs.expected_seconds("small", None) is None
            first.until(first.begin(AxisSpec(STEPS, "10, 20")), "done")
            known = first.runs.expected_seconds("small", None)
        with kept_batches(demo.url, tmp_path) as second:
            assert second.runs.expected_seconds("small", None) == pytest.approx(known)
            assert second.runs.expected_seconds("other", None) is None
            _, form = second.starter.forms.form("small", BOB)
            few, many = (
                estimate(second.starter, form, "small", combined({STEPS: values}), BOB)
                for values in ((20, 20), (60, 60))
            )
            assert (few[1], many[1]) == (None, None)
            assert few[0] is not None
            assert many[0] is not None
            assert 2 * few[0] < many[0] < 4 * few[0]
            own = estimate(second.starter, form, "small", combined({STEPS: (20,)}), ANN)
            assert own[1]
            assert second.runs.totals.timed == 0


def test_estimates_count_only_servers_that_can_run_the_rows(tmp_path: Path) -> None:
    """Two servers run rows in parallel, but a single server runs them in sequence."""
    both = with_checkpoints("demo-landscapes.safetensors", OTHER_MODEL)
    with (
        DemoServer(step_seconds=0, nodes=both) as demo,
        DemoServer(step_seconds=0) as other,
        kept_batches(demo.url, tmp_path, [other.url]) as one,
    ):
        one.until(one.begin(AxisSpec(SEED, "1")), "done")
        _, form = one.starter.forms.form("small", ANN)
        seeds = (1, 2, 3, 4)
        of_both, of_one = (
            estimate(one.starter, form, "small", combined({SEED: seeds, MODEL: (model,)}), ANN)
            for model in (form.field(MODEL).default, OTHER_MODEL)
        )
        assert of_both[0]
        assert of_one[0] == pytest.approx(2 * of_both[0])
