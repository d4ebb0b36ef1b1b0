"""The queue of batches, and the estimate of their duration."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from comfy.base.errors import BatchNotFound, ComfyError
from comfy.batches.check import BatchErrors, estimate
from comfy.batches.content import combined
from comfy.batches.open_batch import CHANGES, RowStates
from comfy.batches.queue import BatchQueue
from comfy.batches.spec import AxisSpec, BatchSpec
from comfy.comfyui.protocol.run_state import Phase
from comfy.form.seeds import CountUp
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.runs.interface import UNWATCHED, Origin
from comfyui_standin import DemoServer
from tests.batches.kept_batches import (
    ANN,
    BOB,
    MODEL,
    SEED,
    STEPS,
    Batches,
    kept_batches,
    killed_batches,
    read_only,
)
from tests.cli.commands import outcomes
from tests.comfyui.servers.test_pool import OTHER_MODEL, with_checkpoints
from tests.support.sampler import LONG, prompt
from tests.support.samples.extra_nodes import DATA, EXTRA, PAINTED
from tests.support.samples.forms import workflow_of
from tests.support.samples.paid import PROMPT
from tests.support.waiting import LONGEST_WAIT, eventually

BROKEN = "demo-broken.safetensors"
NOBODY = ""  # as of a queue that is not told of another


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.002, painted=64) as server:
        yield server


@pytest.fixture
def one(demo: DemoServer, tmp_path: Path) -> Iterator[Batches]:
    with kept_batches(demo.url, tmp_path) as begun:
        yield begun


def test_it_pauses_resumes_and_stops(demo: DemoServer, one: Batches) -> None:
    """A paused batch finishes its running rows and starts no others. Stop cancels the running rows,
    and a retry runs stopped and failed rows again. The queue never reruns a finished row."""

    def live() -> int:
        return len(one.batches.table(batch.id, ANN).states.live)

    with demo.hold("progress") as reached:
        batch = one.begin(AxisSpec(SEED, "1..12"))
        assert reached.reached.wait(LONGEST_WAIT)
        eventually(lambda: live() == 3)  # no row is being started
        eventually(lambda: one.runs.line_of(ANN)[0].state.phase is Phase.RUNNING)
        one.batches.change(batch.id, ANN, "pause")
        assert one.batches.get(batch.id, ANN).state == "paused"
    eventually(lambda: not live())
    paused = one.batches.get(batch.id, ANN)
    assert (paused.state, paused.rows) == ("paused", 12)
    assert one.states(batch) == ["done"] + ["waiting"] * 11
    with demo.hold("progress") as reached:
        one.batches.change(batch.id, ANN, "continue")
        assert reached.reached.wait(LONGEST_WAIT)
        eventually(lambda: live() == 3)
        one.batches.change(batch.id, ANN, "stop")
        eventually(lambda: not live())
    stopped = one.batches.get(batch.id, ANN)
    assert stopped.state == "stopped"
    assert set(one.states(batch)) == {"done", "stopped"}
    assert outcomes(demo)["success"] == stopped.done
    before = one.batches.table(batch.id, ANN).states
    one.batches.change(batch.id, ANN, "retry")
    assert one.until(batch, "done").done == outcomes(demo)["success"] == 12
    after = one.batches.table(batch.id, ANN).states
    assert all(after.run(at) == before.run(at) for at in before.places("done"))


@pytest.mark.embedded("takes back what a server has")
def test_a_paid_row_that_had_begun_does_not_begin_again(
    demo: DemoServer, one: Batches, tmp_path: Path
) -> None:
    """A pause takes it back before the server tells of its begin."""
    long = prompt(5, steps=LONG) | {"8": PROMPT["1"]}
    (tmp_path / "workflows" / "paid.json").write_text(json.dumps(long))
    spec, origin = BatchSpec((AxisSpec("8.length", "1..3"),)), Origin(ANN, confirms_payment=True)
    with demo.hold("execution_start") as held:
        batch = one.batches.start("paid", {}, spec, origin)
        assert held.reached.wait(LONGEST_WAIT)
        one.batches.change(batch.id, ANN, "pause")
        eventually(lambda: one.states(batch) == ["stopped", "waiting", "waiting"])


def test_a_batch_without_a_success_pauses(demo: DemoServer, one: Batches) -> None:
    """The batch gives the reason, and its rows give their errors. A resumed batch pauses again when
    more rows fail."""
    batch = one.begin(AxisSpec(SEED, "1..40"), **{MODEL: BROKEN})
    paused = one.until(batch, "paused")
    assert paused.why.startswith("The batch was paused after 5 consecutive failures.")
    assert 5 <= paused.failed <= 7
    assert len(demo.journal.all()) < 10
    one.batches.change(batch.id, ANN, "continue")
    eventually(lambda: one.batches.get(batch.id, ANN).failed >= 10)
    one.until(batch, "paused")
    one.batches.delete(batch.id, ANN)
    with pytest.raises(BatchNotFound):
        one.batches.get(batch.id, ANN)


def test_a_batch_with_nothing_left_is_done(demo: DemoServer, one: Batches) -> None:
    """A batch is done even if its last rows failed, or ran while it was paused. Deleting it with
    its runs removes all its attempts from the history."""
    batch = one.begin(AxisSpec(SEED, "1..5"), **{MODEL: BROKEN})
    ended = one.until(batch, "done", "paused")
    assert (ended.state, ended.failed, ended.why) == ("done", 5, "")
    one.batches.change(batch.id, ANN, "retry")
    assert one.until(batch, "done", "paused").failed == 5
    with demo.hold("progress") as reached:
        other = one.begin(AxisSpec(SEED, "1"))
        assert reached.reached.wait(LONGEST_WAIT)
        one.batches.change(other.id, ANN, "pause")
    assert one.until(other, "done").done == 1
    history = one.runs.history
    assert len(history.of(ANN)) == 11
    one.batches.delete(batch.id, ANN, with_runs=True)
    assert len(history.of(ANN)) == 1


@pytest.mark.embedded("makes SQLite refuse changes")
def test_an_unsaved_batch_change_fails(demo: DemoServer, one: Batches, tmp_path: Path) -> None:
    """The caller gets an error and can repeat the request. The batch continues."""
    with demo.hold("progress") as reached:
        batch = one.begin(AxisSpec(SEED, "1..6"))
        assert reached.reached.wait(LONGEST_WAIT)
        with read_only(tmp_path):
            for change in CHANGES:
                with pytest.raises(ComfyError):
                    one.batches.change(batch.id, ANN, change)
            with pytest.raises(ComfyError):
                one.batches.delete(batch.id, ANN)
            assert one.batches.get(batch.id, ANN).state == "running"
            assert one.batches.recent(ANN) == one.batches.of(ANN)
        one.batches.change(batch.id, ANN, "pause")
        with read_only(tmp_path), pytest.raises(ComfyError):
            one.batches.change(batch.id, ANN, "continue")
        one.batches.change(batch.id, ANN, "continue")
    assert one.until(batch, "done").done == 6
    demo.speed.step = LONGEST_WAIT
    other = one.begin(AxisSpec(SEED, "11..16"))
    eventually(lambda: one.runs.line_of(ANN))
    with read_only(tmp_path):
        one.batches.stop(other.id, ANN)
        eventually(lambda: not one.runs.line_of(ANN))
    one.batches.delete(other.id, ANN)
    one.batches.delete(batch.id, ANN)
    assert one.batches.of(ANN) == one.batches.recent(ANN) == ()


def test_a_row_requested_again_during_its_cancel_runs(demo: DemoServer, one: Batches) -> None:
    """The queue restarts the rows that were running, like those still waiting."""
    with demo.hold("progress") as reached:
        batch = one.begin(AxisSpec(SEED, "1..6"))
        assert reached.reached.wait(LONGEST_WAIT)
        eventually(lambda: len(one.batches.table(batch.id, ANN).states.live) == 3)
        one.batches.change(batch.id, ANN, "stop")
        one.batches.change(batch.id, ANN, "retry")
        assert one.batches.get(batch.id, ANN).state == "running"
    ended = one.until(batch, "done", "paused", "stopped")
    assert (ended.state, ended.done) == ("done", 6)
    assert one.states(batch) == ["done"] * 6


def test_rows_being_canceled_at_shutdown_stop_after_a_restart(
    demo: DemoServer, tmp_path: Path
) -> None:
    """Rows that the app was still canceling are stopped too, so the user can retry them."""
    with demo.hold("progress") as reached, kept_batches(demo.url, tmp_path) as first:
        batch = first.begin(AxisSpec(SEED, "1..6"))
        assert reached.reached.wait(LONGEST_WAIT)
        first.batches.change(batch.id, ANN, "stop")
        first.runs.close()
    with kept_batches(demo.url, tmp_path) as second:
        assert second.batches.get(batch.id, ANN).state == "stopped"
        assert set(second.states(batch)) == {"stopped"}
        second.batches.change(batch.id, ANN, "retry")
        assert second.until(batch, "done").done == 6


def test_errors_are_reported_before_anything_runs(demo: DemoServer, one: Batches) -> None:
    """The app reports errors in varied values and in other fields with their field. It keeps
    nothing of a refused batch."""
    with pytest.raises(BatchErrors) as wrong:
        one.begin(AxisSpec("4.steps", "0, 2"), AxisSpec(SEED, "1..x"))
    assert [(found.field, found.message[:20]) for found in wrong.value.found] == [
        (SEED, "“1..x” isn't a range"),
        ("4.steps", "“0”: Minimum 1."),
    ]
    assert "Steps: “0”: Minimum 1." in str(wrong.value)
    with pytest.raises(BatchErrors) as wrong:
        one.begin(AxisSpec("2.text", replace="a\n" + "b" * 50_000), **{"2.text": "a" * 50_000})
    assert [found.message[-27:] for found in wrong.value.found] == ["Maximum 100,000 characters."]
    with pytest.raises(FieldErrors) as field:
        one.begin(AxisSpec(SEED, "1, 2"), **{"4.steps": "many"})
    assert set(field.value.errors) == {"4.steps"}
    with pytest.raises(ComfyError, match="too large"):
        one.begin(AxisSpec("2.text", "\n".join("x" * 5_000 for _ in range(1_000))))
    assert one.batches.of(ANN) == ()
    assert demo.journal.all() == {}


def test_the_form_can_replace_a_model_that_the_server_lacks(one: Batches, tmp_path: Path) -> None:
    """A model that the server lacks is no problem once the user selects another in the form."""
    gone = json.dumps(prompt(5, steps=1)).replace("demo-landscapes", "gone")
    (tmp_path / "workflows" / "gone.json").write_text(gone)
    spec = BatchSpec((AxisSpec(SEED, "1..2"),))
    with pytest.raises(BatchErrors, match=r"“gone.safetensors” isn't available"):
        one.batches.start("gone", {MODEL: "gone.safetensors"}, spec, Origin(ANN))
    batch = one.batches.start("gone", {MODEL: "demo-landscapes.safetensors"}, spec, Origin(ANN))
    assert one.until(batch, "done").done == 2


def test_the_reason_for_waiting_is_shown(demo: DemoServer, tmp_path: Path) -> None:
    """The queue notifies subscribers once for each reason."""
    told: list[str] = []
    known = threading.Event()
    with kept_batches(demo.url, tmp_path, hourly=2) as one:

        def listen(owner: str) -> None:
            (batch,) = one.batches.recent(owner)
            told.append(batch.why)
            if batch.why:
                known.set()

        one.starter.start("small", {SEED: 1}, Origin(ANN), UNWATCHED)
        run = one.starter.start("small", {SEED: 2}, Origin(ANN), UNWATCHED)
        for _ in run.watch(timeout=LONGEST_WAIT):
            pass
        one.batches.subscribe(listen)
        batch = one.begin(AxisSpec(SEED, "11..16"))
        assert known.wait(LONGEST_WAIT)
        assert one.batches.get(batch.id, ANN).why == told[-1]


def test_a_batch_lets_other_users_runs_take_turns(demo: DemoServer, one: Batches) -> None:
    """While a batch of thirty rows runs, the server gets another user's run next."""
    with demo.hold("progress", after=8) as reached:
        batch = one.begin(AxisSpec(SEED, "1..30"))
        assert reached.reached.wait(LONGEST_WAIT)
        before = list(demo.journal.all())
        his = one.starter.start("small", {SEED: 77}, Origin(BOB), UNWATCHED)
    for _ in his.watch(timeout=LONGEST_WAIT):
        pass
    one.until(batch, "done")
    order = list(demo.journal.all())
    # The run waits for the rows at the server and at most one more whose turn had been given.
    assert order.index(his.state.prompt_id) <= len(before) + 1
    assert outcomes(demo) == {"success": 31}


@pytest.mark.embedded("replaces the queue of its process")
def test_rows_use_only_the_fields_of_their_option(one: Batches) -> None:
    """A row ignores the form's values for fields that its option lacks. The batch can't vary such a
    field at the same time."""
    raw = json.loads((DATA / "object_info.json").read_text()) | EXTRA
    workflow = replace(workflow_of(PAINTED), name="painted")
    forms = Forms(lambda _: workflow, CatalogCache(lambda: raw), Permissions())
    one.batches = batches = BatchQueue(replace(one.starter, forms=forms))
    base = {"8.model": "Small", "8.model.prompt": "a dog", "8.model.steps": 3, "8.seed": 5}
    options = AxisSpec("8.model", "Small, Animated")
    spec = BatchSpec((options, AxisSpec("8.model.steps", "2, 3")))
    with pytest.raises(BatchErrors, match=r"There is no field “8\.model\.steps”") as wrong:
        batches.start("painted", base, spec, Origin(ANN))
    places = [(problem.field, problem.row) for problem in wrong.value.found]
    assert places == [("8.model.steps", 3), ("8.model.steps", 4)]
    batch = batches.start("painted", base, BatchSpec((options,)), Origin(ANN))
    ended = one.until(batch, "done", "paused")
    assert (ended.failed, ended.why) == (2, "")  # no server here has the node
    states = batches.table(batch.id, ANN).states
    small, animated = (one.runs.record(states.run(at), ANN).job.values for at in range(2))
    assert (small["8.model"], small["8.model.steps"]) == ("Small", 3)
    assert (animated["8.model"], animated["8.model.prompt"]) == ("Animated", "a dog")
    assert "8.model.steps" not in animated


def test_files_are_kept_once_for_all_rows(demo: DemoServer, one: Batches, tmp_path: Path) -> None:
    """The app keeps a file while the batch exists or a run uses the file. Files with the same name
    get distinct names."""
    (tmp_path / "workflows" / "small.json").write_text(
        '{"1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}}, "2": {"class_type":'
        ' "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "given"}}}'
    )
    given = tuple(Upload("a.png", photo(colour)) for colour in ("red", "blue"))
    spec = BatchSpec((AxisSpec("1.image", files=given),))
    batch = one.batches.start("small", {}, spec, Origin(ANN))
    assert one.until(batch, "done", "paused").done == 2
    table = one.batches.table(batch.id, ANN)
    runs = [one.runs.record(table.states.run(at), ANN) for at in range(2)]
    digests = [run.job.inputs["1.image"].digest for run in runs]
    files = one.starter.blobs
    assert [table.content.cells(at)[0].name for at in range(2)] == ["a.png", "a (2).png"]  # type: ignore[attr-defined]
    for run in runs:
        one.runs.forget(run.id, ANN)
    assert all(map(files.path, digests))
    one.batches.delete(batch.id, ANN)
    assert not any(map(files.path, digests))


def photo(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(data, "PNG")
    return data.getvalue()


def test_it_resumes_after_an_orderly_shutdown(demo: DemoServer, tmp_path: Path) -> None:
    """The restarted app completes the rows that the shutdown canceled. A paused batch stays paused,
    and its seeds count up as planned. An attended batch ends with its caller."""
    with demo.hold("progress", after=4) as reached, kept_batches(demo.url, tmp_path) as first:
        batch = first.begin(AxisSpec(SEED, "1..8"))
        assert reached.reached.wait(LONGEST_WAIT)
        counted = CountUp(11, is_used=False)
        waits = first.begin(AxisSpec(STEPS, "2..5"), **{SEED: counted})
        first.batches.change(waits.id, ANN, "pause")
        strange = BatchSpec((AxisSpec(SEED, "21..24"),))
        first.batches.start("small", {}, strange, Origin(NOBODY), attended=True)
    with kept_batches(demo.url, tmp_path) as second:
        groups = second.starter.runs.history.groups  # type: ignore[union-attr]
        eventually(lambda: groups.of(NOBODY, "batch") == ())
        assert second.until(batch, "done").done == 8
        assert second.batches.get(waits.id, ANN).state == "paused"
        eventually(lambda: [one.id for one in second.batches.recent(ANN)] == [batch.id, waits.id])
        second.batches.change(waits.id, ANN, "continue")
        assert second.until(waits, "done").done == 4
        ran = [second.batches.table(waits.id, ANN).states.run(at) for at in range(4)]
        seeds = [second.runs.record(run, ANN).job.values[SEED] for run in ran]
        assert seeds == [11, 12, 13, 14]
        assert second.runs.owned(NOBODY) == ()


def test_a_batch_whose_last_row_ended_at_shutdown_ends(demo: DemoServer, tmp_path: Path) -> None:
    """A batch was paused, and its last row ended while the app shut down. Continuing it ends it."""
    with kept_batches(demo.url, tmp_path) as first:
        with demo.hold("progress") as reached:
            batch = first.begin(AxisSpec(SEED, "1"))
            assert reached.reached.wait(LONGEST_WAIT)
            first.batches.change(batch.id, ANN, "pause")
            first.batches.close(timeout=0)
        eventually(lambda: first.batches.get(batch.id, ANN).done == 1)
    with kept_batches(demo.url, tmp_path) as second:
        assert second.batches.get(batch.id, ANN).state == "paused"
        second.batches.change(batch.id, ANN, "continue")
        assert second.until(batch, "done").done == 1


def test_a_killed_app_loses_and_repeats_no_row(demo: DemoServer, tmp_path: Path) -> None:
    """The app relies on the server's report, wherever in the batch the kill happened."""
    rows = 25
    with demo.hold("progress", after=20) as reached, killed_batches(demo.url, tmp_path, rows):
        assert reached.reached.wait(LONGEST_WAIT)
    assert 0 < outcomes(demo)["success"] < rows
    with kept_batches(demo.url, tmp_path) as second:
        (batch,) = second.batches.of(ANN)
        assert second.until(batch, "done", "paused").done == rows
        ran = [second.batches.table(batch.id, ANN).states.run(at) for at in range(rows)]
        seeds = [second.runs.record(run, ANN).job.values[SEED] for run in ran]
        phases = {second.runs.record(run, ANN).state.phase for run in ran}
    assert seeds == list(range(1, rows + 1))
    assert phases == {Phase.DONE}
    assert outcomes(demo) == {"success": rows}


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


def test_a_row_does_not_take_a_foreign_run() -> None:
    """Its number of tries is found by comparing ids, which ends."""
    with pytest.raises(ValueError, match="x not in"):
        RowStates(str(uuid.uuid4()), 1, None).tried(0, str(uuid.uuid4()))
