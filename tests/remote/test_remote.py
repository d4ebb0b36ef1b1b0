"""An app elsewhere as Python objects: against a real one, and in a notebook's kernel."""

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
import requests
from PIL import Image

from comfyforms import ApiError, AppUnreachable, RemoteApp, RunFailed
from tests.support.http_client import ANN, cookie_of
from tests.support.link import FaultyLink
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT

QUICK = {"5.steps": 4, "4.width": 256, "4.height": 256}
SMALL = {"8.steps": 1, "5.width": 256, "5.height": 256}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """An app on a server whose steps can be seen."""
    with running_demo_app(step_seconds=0.15) as served:
        yield served


@pytest.fixture
def app(running: Served, nothing_left_behind: None) -> Iterator[RemoteApp]:
    """The module's app, as a script without a login has it."""
    with RemoteApp(running[1].url) as app:
        yield app
    running[1].close_idle()


def test_a_run_is_followed_to_its_images(app: RemoteApp) -> None:
    """Iterated, a run tells how far it is, in order and to its end; then its images are there."""
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
    """As it is, as a path, or as an image that was worked on. It is saved in the folder that was
    named, whatever the app calls it."""
    (file,) = app.run("text-to-image", QUICK).result().files
    saved = file.save(tmp_path)
    assert saved.read_bytes() == file.read()
    assert replace(file, name=r"../..\outside.png").save(tmp_path) == tmp_path / "outside.png"
    for value in (file, saved, file.image().rotate(90), app.upload(saved)):
        run = app.run("image-to-image", {**SMALL, "4.image": value})
        assert run.result().phase == "done"


def test_what_is_on_offer_is_told(app: RemoteApp) -> None:
    """Workflows with their fields, and how the servers are."""
    names = {one.name: one for one in app.workflows()}
    assert names["text-to-image"].title == "Text to image"
    assert "5.steps" in app.workflow("text-to-image")["schema"]["properties"]
    assert app.health()["status"] == "ok"


def test_errors_say_what_is_wrong(app: RemoteApp) -> None:
    """Values that are refused name their fields; a run that fails says why; what is away is told
    apart."""
    with pytest.raises(ApiError, match=r"5\.steps: Minimum 1\.") as refused:
        app.run("text-to-image", {"5.steps": 0})
    assert (refused.value.status, refused.value.kind) == (422, "values-refused")
    broken = {**QUICK, "1.ckpt_name": "demo-broken.safetensors"}
    with pytest.raises(RunFailed) as failed:
        app.run("text-to-image", broken).result()
    assert failed.value.status.phase == "failed"
    assert str(failed.value)
    with RemoteApp("http://127.0.0.1:9") as nobody, pytest.raises(AppUnreachable):
        nobody.health()


def test_a_run_is_stopped_and_deleted(app: RemoteApp) -> None:
    """Whoever has it may end it, and remove what came of it."""
    run = app.run("text-to-image", {**QUICK, "5.steps": 60})
    assert run.preview() is None or run.preview()
    run.cancel()
    assert run.wait().phase == "stopped"
    run.delete()
    with pytest.raises(ApiError, match="no longer exists"):
        app.find(run.id)


def test_a_person_finds_their_runs(running: Served, nothing_left_behind: None) -> None:
    """With the session of somebody the app knows, their runs are listed; a key starts a run
    once, also one that is given a file."""
    url = running[1].url
    with requests.Session() as session:
        session.cookies.update(cookie_of(ANN))
        app = RemoteApp(url, session=session)
        runs = [app.run("text-to-image", QUICK, key="once") for _ in range(2)]
        assert runs[0].id == runs[1].id
        runs[0].wait()
        assert [run.id for run in app.runs(text="zebra")] == []
        assert [run.id for run in app.runs()] == [runs[0].id]
        photo = Image.new("RGB", (64, 64), "teal")
        given = [
            app.run("image-to-image", {**SMALL, "4.image": photo}, key="with a file")
            for _ in range(2)
        ]
        assert given[0].id == given[1].id
        given[0].wait()
    running[1].close_idle()


def test_a_link_that_breaks_is_no_end(running: Served, nothing_left_behind: None) -> None:
    """Where the connection is cut while somebody follows a run, they hear the rest of it."""
    with FaultyLink(running[1].url) as link, RemoteApp(link.url) as app:
        run = app.run("text-to-image", {**QUICK, "5.steps": 12})
        statuses = iter(run)
        before = next(status for status in statuses if status.step)
        link.cut()
        after = list(statuses)
    assert after[-1].phase == "done"
    assert min(status.step for status in after if status.step) >= before.step
    running[1].close_idle()


def test_a_notebook_shows_a_run_live(running: Served, nothing_left_behind: None) -> None:
    """In a real kernel the last line of a cell shows a bar, previews as they come, and the
    result."""
    code = f"""
from comfyforms import RemoteApp
app = RemoteApp({running[1].url!r})
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
    previews = [told["image/jpeg"] for told in shown if "image/jpeg" in told]
    assert len(previews) > 1
    Image.open(io.BytesIO(base64.b64decode(previews[0]))).verify()
    results = [told["image/png"] for told in shown if "image/png" in told]
    with Image.open(io.BytesIO(base64.b64decode(results[-1]))) as image:
        assert max(image.size) <= 256
    running[1].close_idle()


def outputs(code: str) -> Iterator[dict[str, Any]]:
    """What a cell with this code displays, in a kernel of its own."""
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
