"""The web application around the page: its answers, its access rules and its shutdown."""

from __future__ import annotations

import asyncio
import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from fastapi import FastAPI
from PIL import Image

from comfy.comfyui.protocol.run_state import Phase
from comfy.library.permissions import Permissions
from comfy.runs.interface import Origin, RunPolicy
from comfyui_standin import DemoServer
from tests.support.http_client import COOKIES, PLAIN, finished, get, start, watching
from tests.support.serving import PAINTED, Served, changing, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.server import Server, web_config
from ui.settings.web_settings import WebSettings
from ui.web.limits import WebLimits


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Run an app on a slow server."""
    with running_demo_app(step_seconds=0.05) as served:
        yield served


def test_a_first_visit_gets_an_identity_once(served: Served) -> None:
    """The first page sets a cookie. Later pages don't change it, and other answers never set it."""
    _, app = served
    with requests.Session() as browser:
        first = browser.get(app.url, timeout=LONGEST_WAIT)
        assert COOKIES.name(PLAIN) in first.cookies
        assert not browser.get(app.url, timeout=LONGEST_WAIT).cookies
    assert "set-cookie" not in get(app, "/files/none/all.zip", "").headers


def test_a_server_that_hangs_does_not_keep_all_workers(served: Served) -> None:
    """While forty requests wait, the app still has workers for more."""
    loop = served[1].server.servers[0].get_loop()
    together = threading.Barrier(41)

    async def ask() -> None:
        questions = (asyncio.to_thread(together.wait, LONGEST_WAIT) for _ in range(41))
        await asyncio.gather(*questions)

    asyncio.run_coroutine_threadsafe(ask(), loop).result(LONGEST_WAIT)


def test_the_app_serves_more_than_the_page(served: Served) -> None:
    """The app has no interactive documentation and no schema of its internal routes."""
    _, app = served
    assert all(
        "swagger" not in get(app, path).text.lower()
        for path in ("/docs", "/redoc", "/openapi.json")
    )


def told_of_the_app(page: str) -> dict[str, str]:
    head = page.partition("</head>")[0]
    told = re.findall(r'<meta (?:property|name)="((?:og|twitter):[\w:]+)" content="([^"]*)"', head)
    assert len(told) == len(re.findall('"(?:og|twitter):', head))
    return dict(told)


def test_other_sites_get_a_description(served: Served) -> None:
    """A chat that previews a link finds this app's name, text and card in the page. It finds
    nothing about Gradio and no external URL."""
    _, app = served
    page = get(app, "/").text
    told = told_of_the_app(page)
    assert told["og:title"] == told["twitter:title"] == "ComfyForms"
    assert "ComfyUI" in told["og:description"] == told["twitter:description"]
    assert "<title>ComfyForms</title>" in page
    assert told["og:image"] == told["twitter:image"] == f"{app.url}/social-card.png"
    assert not any("Gradio" in words for words in told.values())
    assert [name for name, words in told.items() if "://" in words] == ["og:image", "twitter:image"]
    answer = requests.get(told["og:image"], timeout=LONGEST_WAIT)
    assert answer.headers["content-type"] == told["og:image:type"] == "image/png"
    size = Image.open(io.BytesIO(answer.content)).size
    assert size == (int(told["og:image:width"]), int(told["og:image:height"]))
    assert len(answer.content) < 300_000


def test_a_process_without_pages_serves_only_its_monitoring() -> None:
    """Without pages, the app answers its health check and its metrics, and has nothing else."""
    settings, permissions = WebSettings(port=0, pages=False), Permissions(operates=lambda _: True)
    with (
        DemoServer() as demo,
        running_app(demo.url, settings=settings, permissions=permissions) as app,
    ):
        assert get(app, "/health").text == "alive\n"
        assert "comfyforms_runs" in get(app, "/metrics").text
        for path in ("/", "/config", "/api/v1/workflows", "/operator", "/theme.css"):
            assert get(app, path).status_code == 404, path


def test_the_card_is_public() -> None:
    """The card's URL is complete, even behind a TLS proxy that serves the app below a path. The
    page reveals nothing about the workflows."""
    settings = WebSettings(
        port=0, users=(("ann", "secret"),), root_path="/forms", hosts=("forms.example",)
    )
    proxy = {"X-Forwarded-Host": "forms.example", "X-Forwarded-Proto": "https"}
    with DemoServer() as demo, running_app(demo.url, settings=settings) as app:
        page = get(app, "/", "", **proxy).text
        assert told_of_the_app(page)["og:image"] == "https://forms.example/forms/social-card.png"
        assert "Text to image" not in page
        assert get(app, "/social-card.png", "").status_code == 200


def test_ending_the_app_ends_its_active_runs() -> None:
    """When the app exits, runs on the ComfyUI server stop early, sockets close with 1000, and
    watchers get the final state. Waiting runs stay for the next start."""
    with DemoServer(step_seconds=1, painted=PAINTED, load_seconds=0) as demo:
        with running_app(demo.url) as app:
            running, waiting = start(app, **{"5.steps": 60}), start(app)
            eventually(lambda: running.state.phase is Phase.RUNNING)
            with watching(app, running.id) as socket:
                socket.recv()
                app.services.runs.close()
        assert (running.state.phase, waiting.state.phase) == ("stopped", "waiting")
        assert demo.queue.remaining() == 0
        eventually(lambda: demo.sockets.close_codes == [1000])


def test_without_sign_in_files_are_not_served() -> None:
    """With sign-in, the app's own routes answer 401 to clients that haven't signed in, even with a
    made-up cookie."""
    with running_demo_app(
        step_seconds=0, settings=WebSettings(port=0, users=(("ann", "secret"),))
    ) as (_, app):
        for path in ("/files/x/all.zip", "/files/x/0/a.png"):
            assert get(app, path).status_code == 401
            assert (
                requests.get(
                    app.url + path, cookies={"access-token": "x"}, timeout=LONGEST_WAIT
                ).status_code
                == 401
            )


def test_runs_belong_to_the_signed_in_user(served: Served) -> None:
    """A user's runs belong to their account, not to the browser."""
    demo, _ = served
    with running_app(
        demo.url, settings=WebSettings(port=0, users=(("ann", "secret"), ("bob", "hidden")))
    ) as app:
        run = finished(
            app.services.starter.start(
                "text-to-image",
                {"5.steps": 1},
                Origin("user:ann"),
                RunPolicy(deadline=60, watched=False),
            )
        )
        statuses = {}
        for name, password in (("ann", "secret"), ("bob", "hidden"), ("bob", "wrong")):
            with requests.Session() as browser:
                browser.post(
                    f"{app.url}/login",
                    data={"username": name, "password": password},
                    timeout=LONGEST_WAIT,
                )
                answer = browser.get(f"{app.url}/files/{run.id}/0/x.png", timeout=LONGEST_WAIT)
                statuses[name, password] = answer.status_code
        assert statuses == {("ann", "secret"): 200, ("bob", "hidden"): 404, ("bob", "wrong"): 401}


def test_the_page_goes_out_packed_and_results_as_they_are(served: Served) -> None:
    """The page has about 120 kB, most of it repeated names."""
    _, app = served
    for packing in ("gzip", "br"):
        page = get(app, "/", **{"Accept-Encoding": packing})
        assert page.headers["content-encoding"] == packing
        assert int(page.headers["content-length"]) < len(page.content) / 3
    assert "content-encoding" not in get(app, "/", **{"Accept-Encoding": "identity"}).headers
    card = get(app, "/social-card.png", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in card.headers


def test_listens_before_it_takes_up_runs(tmp_path: Path) -> None:
    """The app answers before it resumes unfinished runs. In this test, the runs' database is
    locked."""
    with running_demo_app(data=tmp_path) as (_, app):
        page = FastAPI()
        page.state = app.asgi.state
        settings = WebSettings(port=0)
        server = Server(web_config(page, settings, WebLimits()), app.services, settings)
        with changing(app.data) as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            thread = threading.Thread(target=server.run)
            thread.start()
            eventually(lambda: server.started, "it listens")
            answer = requests.get(f"http://127.0.0.1:{server.port}/none", timeout=LONGEST_WAIT)
            assert answer.status_code == 404
            assert not server.has_taken_up
        eventually(lambda: server.has_taken_up, "the runs are taken up")
        server.should_exit = True
        thread.join(LONGEST_WAIT)
        assert not thread.is_alive()
