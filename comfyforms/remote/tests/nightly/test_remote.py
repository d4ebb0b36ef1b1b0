"""The remote client against a real app, and in a notebook's kernel."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import jupyter_client.manager
import pytest
from PIL import Image

from comfy.runs.limits import RunLimits
from comfyforms import (
    ApiError,
    ApiProblem,
    BatchFailed,
    RemoteApp,
)
from comfyforms.remote.tests import test_remote as twin
from comfyforms.remote.tests.test_remote import CHAIN, QUICK, SMALL
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT

running, app = twin.running, twin.app


def test_a_run_is_followed_to_its_images(app: RemoteApp) -> None:
    """Iterating over a run yields its progress in order until it ends. Then the run has its
    images."""
    run = app.run("text-to-image", {**QUICK, "2.text": "a boat"})
    seen = list(run)
    shares = [status.progress for status in seen if status.progress is not None]
    assert shares == sorted(shares)
    assert [status.finished for status in seen] == [False] * (len(seen) - 1) + [True]
    assert run.status.values["2.text"] == "a boat"
    (image,) = run.images
    assert max(image.size) <= 256
    assert app.find(run.id).images[0].tobytes() == image.tobytes()


def test_a_result_goes_into_another_run(app: RemoteApp, tmp_path: Path) -> None:
    """A script can pass the result as it is, as a path or as an edited image. The client saves it
    in the given folder, regardless of the name that the app gives it."""
    (file,) = app.run("text-to-image", QUICK).result().files
    saved = file.save(tmp_path)
    assert saved.read_bytes() == file.read()
    assert replace(file, name=r"../..\outside.png").save(tmp_path) == tmp_path / "outside.png"
    for value in (file, saved, file.image().rotate(90), app.upload(saved)):
        run = app.run("image-to-image", {**SMALL, "4.image": value})
        assert run.result().phase == "done"


def test_all_errors_are_reported_with_their_position(app: RemoteApp) -> None:
    """In a table, the error names each value's line. In a run, it names the field. Any other error
    says what to do."""
    rows = [{"5.steps": 2}, {"5.steps": 0, "4.width": 7}]
    with pytest.raises(ApiError) as refused:
        app.batch("text-to-image", table=rows)
    problems = {(one.line, one.field): one.message for one in refused.value.problems}
    assert problems.keys() == {(2, "5.steps"), (2, "4.width")}
    assert problems[2, "5.steps"] == "Minimum 1."
    with pytest.raises(ApiError) as refused:
        app.run("text-to-image", {"5.steps": 0})
    assert refused.value.problems == (ApiProblem("Minimum 1.", "5.steps"),)
    with pytest.raises(ApiError) as refused:
        app.batch("text-to-image", callback="https://hooks.example.org/")
    (other,) = refused.value.problems
    assert other == ApiProblem(str(refused.value), hint=refused.value.hint)


def test_a_batch_that_has_paused_itself_is_not_waited_for(app: RemoteApp) -> None:
    """The error says why the batch paused. The script can then retry the failed rows or cancel the
    batch."""
    broken = {**QUICK, "5.steps": 1, "1.ckpt_name": "demo-broken.safetensors"}
    batch = app.batch("text-to-image", broken, axes={"5.seed": "1..12"})
    with pytest.raises(
        BatchFailed, match=r"0 of 12 rows are done, \d failed\. The batch was paused"
    ):
        batch.result()
    assert batch.status.gave_up
    batch.retry()
    assert batch.status.state == "running"
    assert list(batch)[-1].gave_up
    batch.cancel()
    assert batch.wait().state == "stopped"
    assert {row.state for row in batch.rows()} == {"failed", "stopped"}
    assert all(row.error for row in batch.rows("failed"))


def test_a_limit_error_has_a_retry_time() -> None:
    """A refusal for lack of room says when to ask again. A wrong value stays wrong."""
    with (
        running_demo_app(step_seconds=0, run_limits=RunLimits(hourly=1)) as (_, served),
        RemoteApp(served.url) as app,
    ):
        with pytest.raises(ApiError) as refused:
            app.run("text-to-image", {"5.steps": 0})
        assert refused.value.retry_after is None
        app.run("text-to-image", QUICK).wait()
        with pytest.raises(ApiError) as refused:
            app.run("text-to-image", QUICK)
        assert refused.value.kind == "too-many"
        assert 0 < (refused.value.retry_after or 0) <= 3600
        app.close()
        served.close_idle()


def test_a_notebook_shows_runs_live(running: Served, nothing_left_behind: None) -> None:
    """In a real kernel, the last line of a cell shows a progress bar, live previews and the result.
    Batches and chains work the same way."""
    code = f"""
from comfyforms import RemoteApp
app = RemoteApp({running[1].url!r})
app.batch("text-to-image", {QUICK!r}, axes={{"5.seed": [1, 2]}}).show()
app.chain("create-upscale-detail.chain", {CHAIN!r}).show()
run = app.run("text-to-image", {{**{QUICK!r}, "5.steps": 8}})
run
"""
    # In a thread of its own: browser tests keep a loop running in this one, beside which Jupyter's
    # client would keep another.
    with ThreadPoolExecutor(1) as other:
        shown = other.submit(lambda: list(outputs(code))).result(4 * LONGEST_WAIT)
    bars = [told["text/html"] for told in shown if "text/html" in told]
    assert len(bars) > 3
    assert bars[-1].startswith('<progress value="1.000"')
    assert "Text to image: Done" in bars[-1]
    assert any("Text to image: 2 of 2 done" in bar for bar in bars)
    assert any("2 of 2 steps done" in bar for bar in bars)
    previews = [told["image/jpeg"] for told in shown if "image/jpeg" in told]
    assert len(previews) > 1
    Image.open(io.BytesIO(base64.b64decode(previews[0]))).verify()
    results = [told["image/png"] for told in shown if "image/png" in told]
    assert len(results) == 4
    with Image.open(io.BytesIO(base64.b64decode(results[-1]))) as image:
        assert max(image.size) <= 256
    running[1].close_idle()


def outputs(code: str) -> Iterator[dict[str, Any]]:
    """Run a cell with this code in a new kernel and yield its displayed outputs."""
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    try:
        asked = client.execute(code)
        while True:
            message = client.get_iopub_msg(timeout=LONGEST_WAIT)
            if message["parent_header"].get("msg_id") != asked:
                continue
            match message["msg_type"], message["content"]:
                case "error", content:
                    raise AssertionError("\n".join(content["traceback"]))
                case "display_data" | "update_display_data" | "execute_result", content:
                    yield content["data"]
                case "status", {"execution_state": "idle"}:
                    return
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
