"""Batches and chains don't start if one choice needs a different server than the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from comfy.__main__ import main
from comfy.batches.check import BatchErrors, problems_of_batch
from comfy.batches.spec import AxisSpec, BatchSpec, TableSpec
from comfy.cli.outcome import exit_status
from comfy.comfyui.client.address import ServerAddress
from comfy.demo import DemoServer
from comfy.launch.start import FieldErrors
from comfy.runs.interface import Origin
from tests.comfyui.servers.test_pool import with_choices
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import eventually

ANN = "user:ann"
WORKFLOW, MODEL, SAMPLER, STEPS = "text-to-image", "1.ckpt_name", "5.sampler_name", "5.steps"
A, B = "a.safetensors", "b.safetensors"
VALUES = {MODEL: A, SAMPLER: "euler", STEPS: 1}
NO_DDIM = "No server has both “ddim” and “a”. Choose one of these instead: “euler”."
NO_A = "No server has both “a” and “ddim”. Choose one of these instead: “b”."
CHAIN = f"""
[[steps]]
name = "one"
workflow = "{WORKFLOW}"
values = {{ "{MODEL}" = "{A}", "{SAMPLER}" = "euler" }}
[[steps]]
name = "two"
workflow = "{WORKFLOW}"
values = {{ "{MODEL}" = "{A}" }}
inputs = {{ }}
"""


@contextmanager
def two_servers() -> Iterator[tuple[DemoServer, DemoServer]]:
    """Yield two servers: one with model A and euler, the other with model B and ddim."""
    one = with_choices(ckpt_name=[A], sampler_name=["euler"])
    other = with_choices(ckpt_name=[B], sampler_name=["ddim"])
    with (
        DemoServer(step_seconds=0, painted=64, nodes=one) as first,
        DemoServer(step_seconds=0, painted=64, nodes=other) as second,
    ):
        yield first, second


def hidden(*demos: DemoServer) -> list[ServerAddress]:
    return [ServerAddress(one.url, shown=False) for one in demos]


def prompts(*demos: DemoServer) -> int:
    return sum(len(one.journal.all()) for one in demos)


def found(app: RunningApp, *axes: AxisSpec, **spec: object) -> list[tuple[object, ...]]:
    """Return the problems of a batch: field, row and sentence."""
    starter = app.services.starter
    _, form = app.services.forms.form(WORKFLOW, ANN)
    what = BatchSpec(axes, **spec)  # type: ignore[arg-type]
    told = problems_of_batch(starter, WORKFLOW, form, what, VALUES, ANN).problems
    return [(one.field, one.row, one.message) for one in told]


def test_a_batch_reports_each_conflict_once_with_its_first_row() -> None:
    """The check includes combinations in a table and in paired values. A combination that one
    server has is right."""
    samplers = AxisSpec(SAMPLER, text="euler, ddim")
    wrong = [(SAMPLER, 2, NO_DDIM), (MODEL, 2, NO_A)]
    with two_servers() as (one, other), running_app(*hidden(one, other)) as app:
        assert sorted(found(app, samplers), key=str) == sorted(wrong, key=str)
        many = found(app, samplers, AxisSpec("5.seed", text="1..300"))
        assert {(field, said) for field, _, said in many} == {(SAMPLER, NO_DDIM), (MODEL, NO_A)}
        assert {row for _, row, _ in many} == {301}
        models = AxisSpec(MODEL, text=f"{A}, {B}")
        assert found(app, models, samplers, paired=True) == []
        table = TableSpec("values.csv", f"Model,Sampler\n{A},euler\n{B},ddim\n{A},ddim\n")
        assert {row for _, row, _ in found(app, table=table)} == {3}
        with pytest.raises(BatchErrors, match="Row 2, Sampler: No server has"):
            app.services.batches.start(WORKFLOW, VALUES, BatchSpec((samplers,)), Origin(ANN))
        seeds = BatchSpec((AxisSpec("5.seed", text="1, 2"),))
        with pytest.raises(BatchErrors) as problems:  # wrong in every row
            app.services.batches.start(WORKFLOW, {**VALUES, SAMPLER: "ddim"}, seeds, Origin(ANN))
        assert {one.row for one in problems.value.found} == {None}
        assert (app.runs.owned(ANN), prompts(one, other)) == ((), 0)
        batch = app.services.batches.start(WORKFLOW, VALUES, seeds, Origin(ANN))
        eventually(lambda: app.services.batches.table(batch.id, ANN).summary.state == "done")
        assert prompts(one, other) == 2


def test_a_chain_with_a_conflict_starts_no_step(tmp_path: Path) -> None:
    """The app starts no step, even if only a later step has incompatible choices."""
    for ending in ("json", "toml"):
        file = f"{WORKFLOW}.{ending}"
        (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    (tmp_path / "two.chain.toml").write_text(CHAIN)
    with (
        two_servers() as (one, other),
        running_app(*hidden(one, other), workflows=tmp_path) as app,
    ):
        values = {"two.5.sampler_name": "ddim", "one.5.steps": 1, "two.5.steps": 1}
        with pytest.raises(FieldErrors) as problems:
            app.services.chains.start("two.chain", values, Origin(ANN))
        assert problems.value.errors == {f"two.{SAMPLER}": NO_DDIM, f"two.{MODEL}": NO_A}
        assert f"Step “two”, Sampler: {NO_DDIM}" in problems.value.labelled.values()
        assert (app.runs.owned(ANN), prompts(one, other)) == ((), 0)
        app.services.chains.start(
            "two.chain", {**values, "two.5.sampler_name": "euler"}, Origin(ANN)
        )
        eventually(lambda: app.services.chains.recent(ANN)[-1].state == "done")


def test_the_command_lists_all_conflicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell lists all problems at once, with the field's label and the row or step. It runs
    nothing."""
    workflow = json.loads((WORKFLOWS / f"{WORKFLOW}.json").read_text())
    workflow["1"]["inputs"]["ckpt_name"] = A
    (tmp_path / f"{WORKFLOW}.json").write_text(json.dumps(workflow))
    chain = tmp_path / "two.chain.toml"
    chain.write_text(CHAIN)
    with two_servers() as (one, other):
        more = ["--server", one.url, "--server", other.url, "--out", str(tmp_path / "out")]
        words = ["batch", str(tmp_path / f"{WORKFLOW}.json"), "--set", "sampler_name=euler,ddim"]
        assert main([*words, *more]) == 2
        told = capsys.readouterr().err.splitlines()
        assert any(one.startswith(f"Row 2, Sampler: {NO_DDIM}") for one in told)
        assert told[-1] == "Nothing was started."
        assert main(["chain", str(chain), "--set", "two.5.sampler_name=ddim", *more]) == 2
        told = capsys.readouterr().err.splitlines()
        assert any(one.startswith(f"Step “two”, Sampler: {NO_DDIM}") for one in told)
        assert prompts(one, other) == 0
        with running_app(*hidden(one, other)) as app:
            _, form = app.services.forms.form(WORKFLOW, ANN)

    def refused(_: object) -> int:
        raise FieldErrors(form, {SAMPLER: NO_DDIM})

    assert exit_status(refused) == 2
    assert capsys.readouterr().err == f"Sampler: {NO_DDIM}\n"
