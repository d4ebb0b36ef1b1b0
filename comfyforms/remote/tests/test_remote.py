"""The remote client against a real app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from PIL import Image

from comfyforms import (
    ApiError,
    AppUnreachable,
    ChainFailed,
    RemoteApp,
    RemoteError,
    RunFailed,
)
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, cookie_of
from tests.support.link import FaultyLink
from tests.support.serving import Served, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings

QUICK = {"5.steps": 4, "4.width": 256, "4.height": 256}
CHAIN = {"base.4.width": 256, "base.4.height": 256, "base.5.steps": 2, "detail.runs": False}
SMALL = {"8.steps": 1, "5.width": 256, "5.height": 256}


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app with a server whose steps take no time. Tests hold it to see them."""
    with running_demo_app(step_seconds=0) as served:
        yield served


@pytest.fixture
def app(running: Served, nothing_left_behind: None) -> Iterator[RemoteApp]:
    """Return a client for the module's app, as a script without an account uses it."""
    with RemoteApp(running[1].url) as app:
        yield app
    running[1].close_idle()


def test_the_client_lists_workflows_and_fields(app: RemoteApp) -> None:
    """The client lists workflows with their fields, and the state of the servers."""
    names = {one.name: one for one in app.workflows()}
    assert names["text-to-image"].title == "Text to image"
    assert "5.steps" in app.workflow("text-to-image")["schema"]["properties"]
    assert app.health()["status"] == "ok"


def test_errors_name_their_cause(app: RemoteApp) -> None:
    """Refused values name their fields, and a failed run says why. An unreachable app has its own
    error."""
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


def test_a_batch_is_followed_to_its_rows(app: RemoteApp, tmp_path: Path) -> None:
    """Iterating over a batch yields the number of finished rows until it ends. The same key starts
    a batch only once. Rows come from several values of a field, a table file, or rows with files.
    """
    batch = app.batch("text-to-image", QUICK, axes={"5.steps": [2, 3], "5.cfg": "4..6:2"}, key="b")
    again = app.batch("text-to-image", QUICK, axes={"5.steps": [2, 3], "5.cfg": "4..6:2"}, key="b")
    assert again.id == batch.id
    seen = list(batch)
    done = [status.done for status in seen]
    assert done == sorted(done)
    assert [status.finished for status in seen] == [False] * (len(seen) - 1) + [True]
    rows = batch.result()
    assert [row.values for row in rows] == [
        {"5.steps": steps, "5.cfg": cfg} for steps in "23" for cfg in "46"
    ]
    assert [row.run.values["5.cfg"] for row in rows if row.run] == [4, 6, 4, 6]
    assert [max(image.size) <= 256 for image in batch.images] == [True] * 4
    assert app.find_batch(batch.id).wait() == batch.status
    (tmp_path / "t.csv").write_text("Steps\n2\n")
    by_file = app.batch("text-to-image", QUICK, table=tmp_path / "t.csv")
    (row,) = by_file.result()
    file = row.run.files[0] if row.run else None
    given = [{"4.image": one} for one in (file, Image.new("RGB", (64, 64), "teal"))]
    for more in ({"table": given}, {"axes": {"4.image": [one["4.image"] for one in given]}}):
        made = app.batch("image-to-image", {**SMALL, "8.steps": 2}, **more)  # type: ignore[arg-type]
        assert len(made.result()) == 2
        made.delete(with_runs=True)
    with pytest.raises(ApiError, match="no longer"):
        app.find_batch(made.id)


def test_any_values_may_vary_in_a_batch(app: RemoteApp) -> None:
    """Texts with commas and line breaks, and choices, arrive exactly as they are in the list."""
    texts = ["a cat, a dog", "a boat\non a lake"]
    models = ["demo-watercolour.safetensors", "demo-landscapes.safetensors"]
    axes = {"2.text": texts, "1.ckpt_name": models}
    rows = app.batch("text-to-image", QUICK, axes=axes, paired=True).result()
    made = [row.run.values for row in rows if row.run]
    assert [(one["2.text"], one["1.ckpt_name"]) for one in made] == [
        *zip(texts, models, strict=True)
    ]


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, [object()]])
def test_a_value_that_cannot_be_sent_is_named(app: RemoteApp, value: object) -> None:
    """The error names the value by its key, and the client sends nothing."""
    with pytest.raises(RemoteError, match=r"The value of 5\.cfg can't be sent: "):
        app.run("text-to-image", {"5.steps": 2, "5.cfg": value})


def test_a_chain_is_followed_to_its_images(running: Served, app: RemoteApp) -> None:
    """Iterating over the chain yields the progress of each step. The user can run finished steps
    again. A failed step is reported."""
    name = "create-upscale-detail.chain"
    chain = app.chain(name, CHAIN)
    seen = list(chain)
    assert [status.finished for status in seen] == [False] * (len(seen) - 1) + [True]
    assert [(step.name, step.state) for step in chain.result().steps] == [
        ("base", "done"),
        ("upscale", "done"),
    ]
    (image,) = chain.images
    base, upscale = (step.results[0] for step in chain.status.steps)
    assert image.size == upscale.files[0].image().size != base.files[0].image().size
    chain.go_on(again=["base"])
    assert chain.result().steps[0].results[0].id != base.id
    assert app.find_chain(chain.id).status == chain.status
    failing = app.chain(name, {**CHAIN, "base.1.ckpt_name": "demo-broken.safetensors"})
    with pytest.raises(ChainFailed) as failed:
        failing.result()
    assert (failed.value.status.state, failed.value.status.files) == ("failed", ())
    assert str(failed.value).startswith(f"{failing.status.steps[0].title}: ")
    failing.go_on(CHAIN)
    assert failing.result().state == "done"
    with running[0].hold("progress"):
        slow = app.chain(name, {**CHAIN, "base.5.steps": 60})
        slow.cancel()
        assert slow.wait().state == "stopped"
    slow.delete()
    with pytest.raises(ApiError, match="no longer"):
        app.find_chain(slow.id)


def test_a_run_is_stopped_and_deleted(running: Served, app: RemoteApp) -> None:
    with running[0].hold("progress"):
        run = app.run("text-to-image", {**QUICK, "5.steps": 60})
        assert run.preview() is None or run.preview()
        with pytest.raises(ApiError, match="finished yet") as refused:
            run.delete()
        assert (refused.value.status, refused.value.kind) == (409, "goes-on")
        run.cancel()
        assert run.wait().phase == "stopped"
    run.cancel()
    assert app.find(run.id).status.phase == "stopped"
    run.delete()
    with pytest.raises(ApiError, match="no longer exists"):
        app.find(run.id)


def test_a_signed_in_user_finds_their_runs(running: Served, nothing_left_behind: None) -> None:
    """In the session of a known user, the app lists that user's runs. A key starts a run only once,
    even with a file."""
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


def test_following_a_run_survives_a_broken_connection(
    running: Served, nothing_left_behind: None
) -> None:
    """If the connection breaks while a user follows a run, they still receive the rest of it."""
    demo, served = running
    with (
        FaultyLink(served.url) as link,
        RemoteApp(link.url) as app,
        demo.hold("progress", after=5) as early,
        demo.hold("progress", after=3) as late,
    ):
        run = app.run("text-to-image", {**QUICK, "5.steps": 12})
        statuses, after = iter(run), []
        before = next(status for status in statuses if status.step)
        link.cut()
        early.release()
        for status in statuses:
            after.append(status)
            if status.step > before.step:
                late.release()
    assert after[-1].phase == "done"
    assert min(status.step for status in after if status.step) >= before.step
    served.close_idle()


def test_the_client_works_through_a_different_app_address() -> None:
    """For example, an app with `--root-path` is used through its own port, where the proxy in front
    of it sends its requests."""
    below = WebSettings(port=0, root_path="/forms")
    with (
        running_demo_app(step_seconds=0, settings=below) as (_, served),
        RemoteApp(served.url) as app,
    ):
        (file,) = app.run("text-to-image", QUICK).result().files
        assert file.url.startswith("/forms/api/v1/")
        assert max(file.image().size) <= 256
        batch = app.batch("text-to-image", QUICK, axes={"5.seed": "1..2"})
        assert len(batch.result()) == 2
        app.close()
        served.close_idle()


def test_the_client_pauses_before_it_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the app ends the events early, the client pauses before it asks again. This happens to a
    paused batch while the app finishes another run."""

    class Pauses(Exception):
        """Raised instead of a pause."""

    def pause(_: float) -> None:
        raise Pauses

    monkeypatch.setattr("comfyforms.remote.runs.time", SimpleNamespace(sleep=pause))
    finishing = WebSettings(port=0, finish=LONGEST_WAIT)
    with (
        DemoServer(step_seconds=0) as demo,
        running_app(demo.url, settings=finishing) as served,
        RemoteApp(served.url) as app,
        demo.hold("progress") as held,
    ):
        run = app.run("text-to-image", QUICK)
        assert held.reached.wait(LONGEST_WAIT)
        batch = app.batch("text-to-image", QUICK, axes={"5.seed": "1..2"})
        batch.pause()
        served.server.should_exit = True
        eventually(lambda: served.runs.closed)
        with pytest.raises(Pauses):
            batch.wait()
        assert not app.find(run.id).status.finished
