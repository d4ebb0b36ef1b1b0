"""Audit attacks that failed and have no other test."""

from __future__ import annotations

import http.server
import json
import logging
import re
import threading
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from comfy.library.folder import WorkflowFolder
from comfy.runs.interface import Timeouts
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Inputs, NodeClass, NodeInfo, NodeResult, NodeRun, node_info
from comfyui_standin.nodes.registry import NODES
from tests.attacks.people import ANN, BOB, LOGIN, PROMPT, SECRET, a_workflow, browser, person
from tests.support.serving import PAINTED, RunningApp, running_app, running_demo_app
from tests.support.waiting import LONGEST_WAIT


def ask(
    app: RunningApp, method: str, path: str, cookie: str = "", **options: object
) -> requests.Response:
    """Send a request with these cookies."""
    headers = {"Cookie": cookie} if cookie else {}
    return requests.request(
        method, app.url + path, headers=headers, timeout=LONGEST_WAIT, **options
    )  # type: ignore[arg-type]


def test_nothing_internal_is_shown_before_the_login() -> None:
    """The answers contain no server address, user name, path of this machine or workflow name."""
    with running_demo_app(step_seconds=0, settings=LOGIN) as (demo, app):
        said = "".join(
            ask(app, "GET", path).text
            for path in (
                "/",
                "/config",
                "/theme.css",
                "/gradio_api/app_id",
                "/gradio_api/user",
                "/gradio_api/info",
            )
        )
        for inside in (
            demo.url.partition("://")[2],
            "text-to-image",
            "ann",
            str(Path.home()),
            str(Path.cwd()),
        ):
            assert not re.search(rf"\b{re.escape(inside)}\b", said), inside


@pytest.mark.parametrize("below", ["static", "assets", "svelte", "gradio_api/file=", "files"])
@pytest.mark.parametrize(
    "up", ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "....//", "%252e%252e/", "/"]
)
def test_no_address_leaves_its_folder(app: RunningApp, below: str, up: str) -> None:
    """A path with parent segments never leaves its folder, however it is spelled."""
    for target in ("etc/passwd", "pyproject.toml", "app.py"):
        request = requests.Request("GET", app.url)
        prepared = request.prepare()
        prepared.url = f"{app.url}/{below}/{up * 12}{target}"  # as it stands: no client tidies it
        with requests.Session() as session:
            answer = session.send(prepared, timeout=LONGEST_WAIT, allow_redirects=False)
        assert answer.status_code in (400, 403, 404), prepared.url


def test_a_wrong_name_gets_the_same_answer_as_a_wrong_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An attacker who guesses doesn't learn which names exist. The app logs no password, cookie or
    prompt."""
    caplog.set_level(logging.DEBUG)
    with running_demo_app(step_seconds=0, settings=LOGIN) as (_, app):
        guesses = [("ann", "a guess of mine"), ("nobody", "a guess of mine")]
        answers = [
            ask(app, "POST", "/login", data={"username": name, "password": word})
            for name, word in guesses
        ]
        assert answers[0].status_code == answers[1].status_code >= 400
        assert answers[0].content == answers[1].content
        someone = person(app, ANN)
        tokens = re.findall(r"=([^;]{20,})", someone.cookie)
    assert tokens
    for secret in ("a guess of mine", ANN[1], SECRET, *tokens):
        assert secret not in caplog.text


def listeners(app: RunningApp, who: str) -> Iterator[Mapping[str, object]]:
    yield from ask(app, "GET", "/config", who).json()["dependencies"]


@pytest.mark.parametrize("logs_in", [True, False])
def test_the_page_events_show_own_runs_only(logs_in: bool) -> None:
    """Every listener of the page gets another user's run in several forms, and reveals nothing
    about it."""
    with running_demo_app(step_seconds=0, **({"settings": LOGIN} if logs_in else {})) as (_, app):
        ann = person(app, ANN if logs_in else None)
        bob = browser(app, BOB if logs_in else None)
        run = ann.owned.run
        words: tuple[object, ...] = (
            run,
            {"id": run, "run": run, "at": 0},
            {"workflow": ann.owned.workflow, "name": ann.owned.workflow, "run": run},
            {"workflow": "text-to-image", "kept": {"2.text": {"run": run}}, "run": run},
        )
        for one in listeners(app, bob):
            for word in words:
                call = {
                    "fn_index": one["id"],
                    "session_hash": "bobs",
                    "data": [word] * len(one["inputs"]),
                }  # type: ignore[arg-type]
                said = ask(app, "POST", "/gradio_api/run/predict", bob, json=call).text
                assert SECRET not in said
                assert f"/files/{run}" not in said
        assert (
            ask(app, "GET", f"/api/v1/runs/{run}/values", ann.cookie).json()["values"]["2.text"]
            == SECRET
        )


def test_only_its_opener_may_share_a_workflow(tmp_path: Path) -> None:
    """Another user gets the same answer as for a workflow that never existed, and the app writes
    nothing. It keeps no settings files either, only the title that the user saw."""
    with running_demo_app(step_seconds=0, workflows=tmp_path, may_keep=True) as (_, app):
        ann, bob = browser(app), browser(app)
        name = a_workflow(app, ann)
        answers = [
            ask(app, "POST", f"/api/v1/workflows/{one}/keep", bob)
            for one in (name, f"{name[:-4]}zzzz")
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text.replace(name, "") == answers[1].text.replace(f"{name[:-4]}zzzz", "")
        for file in ("a.toml", "config.toml", "a.json.toml"):
            assert (
                ask(
                    app, "POST", f"/api/v1/workflows?file={file}", ann, data=b'title = "mine"'
                ).status_code
                == 422
            )
            ask(app, "POST", f"/api/v1/workflows?file={file}", ann, data=json.dumps(PROMPT))
            assert (
                ask(app, "POST", f"/api/v1/workflows/{name}/keep", ann).status_code == 422
            )  # it is called so now
        assert not list(tmp_path.iterdir())
        assert (
            ask(app, "POST", f"/api/v1/workflows/{a_workflow(app, ann)}/keep", ann).status_code
            == 201
        )
        written = {path.suffix: path.read_text() for path in tmp_path.iterdir()}
        assert written.keys() == {".json", ".toml"}
        assert tomllib.loads(written[".toml"]).keys() == {"title"}


def test_odd_files_in_the_folder_are_reported_with_a_sentence(tmp_path: Path) -> None:
    """Dangling and circular links, folders and truncated files each get an error, and don't hide
    other workflows."""
    (tmp_path / "good.json").write_text(json.dumps(PROMPT))
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "none")
    (tmp_path / "ring.json").symlink_to(tmp_path / "ring.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "half.json").write_text(json.dumps(PROMPT)[:30])
    (tmp_path / "good.toml").write_text("title = ")
    entries = WorkflowFolder(tmp_path).entries()
    assert "good" in {entry.name for entry in entries}
    assert all(entry.problem for entry in entries if entry.name != "good")
    assert not [entry for entry in entries if "Traceback" in entry.problem]


RUN_BY_BROWSERS = (
    "page.html",
    "image.svg",
    "list.xml",
    "paper.pdf",
    "page.mht",
    "script.js",
    "page.xhtml",
)


def describe(_: object) -> NodeInfo:
    """Describe a node that outputs every kind of file that a browser would execute."""
    return node_info("Files", "Files", "", required={}, output_node=True)


def work(run: NodeRun, _: Inputs) -> NodeResult:
    directory, subfolder, _, _ = run.storage.next_name("output", "x")
    for name in RUN_BY_BROWSERS:
        (directory / name).write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    files = [
        {"filename": name, "subfolder": subfolder, "type": "output"} for name in RUN_BY_BROWSERS
    ]
    return NodeResult((), {"files": files})


def test_results_that_a_browser_would_run_are_downloads(tmp_path: Path) -> None:
    """The app serves results and uploads that are pages or scripts as attachments, and forbids the
    browser to guess their type."""
    (tmp_path / "files.json").write_text(json.dumps({"1": {"class_type": "Files", "inputs": {}}}))
    with (
        DemoServer(
            step_seconds=0, painted=PAINTED, nodes={**NODES, "Files": NodeClass(describe, work)}
        ) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        who = browser(app)
        run = ran(app, who, "files")
        addresses = [f"/files/{run}/{at}/{name}" for at, name in enumerate(RUN_BY_BROWSERS)]
        addresses += [f"/gradio_api/file={uploaded(app, who, name)}" for name in RUN_BY_BROWSERS]
        for address in addresses:
            answer = ask(app, "GET", address, who)
            assert answer.status_code == 200, address
            assert answer.headers["x-content-type-options"] == "nosniff"
            shut = "default-src 'none'" in answer.headers.get("content-security-policy", "")
            assert answer.headers["content-disposition"].startswith("attachment") or (
                shut and "svg" in address
            )


def ran(app: RunningApp, who: str, workflow: str) -> str:
    """Run a workflow to its end and return the run's id."""
    address = "/gradio_api/call/run"
    event = ask(app, "POST", address, who, json={"data": [workflow, {}]}).json()["event_id"]
    return re.findall(r'"run": ?"([^"]+)"', ask(app, "GET", f"{address}/{event}", who).text)[-1]


def uploaded(app: RunningApp, who: str, name: str) -> str:
    """Upload a file with this name and return its location."""
    files = {"files": (name, b"<script>alert(1)</script>")}
    return str(ask(app, "POST", "/gradio_api/upload", who, files=files).json()[0])


NONSENSE: dict[str, tuple[int, bytes]] = {
    "a list": (200, b"[]"),
    "a page": (200, b"<html><script>alert(1)</script></html>"),
    "noise": (200, b"\x00\xff" * 500),
    "a failure": (500, b"oops"),
    "a way back": (302, b""),
    "odd nodes": (
        200,
        b'{"SaveImage": {"input": [1, {"required": null}]}, "x": 5, "LoadImage": []}',
    ),
}
HURRIED = Timeouts(call=2.0, patience=1.0, retry=0.05, retry_most=0.2)


@contextmanager
def nonsense() -> Iterator[tuple[str, list[tuple[int, bytes]]]]:
    """Run a server that gives the same answer to every request. Yield its address, and the status
    and body, which a test can change."""
    said = [(500, b"")]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ((status, body),) = said
            self.send_response(status)
            self.send_header("Location", "/again")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", said
        server.shutdown()
        thread.join()


def test_nonsense_from_a_server_is_reported_with_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The page opens, the app refuses a run with an error, and it logs no traceback."""
    with nonsense() as (url, said), running_app(url, timing=HURRIED) as app:
        who = browser(app)
        for kind, answer in NONSENSE.items():
            said[:] = [answer]
            assert ask(app, "GET", "/", who).status_code == 200, kind
            call = ask(
                app, "POST", "/gradio_api/call/run", who, json={"data": ["text-to-image", {}]}
            ).json()
            told = ask(app, "GET", f"/gradio_api/call/run/{call['event_id']}", who).text
            assert "error" in told, kind
            assert "Traceback" not in told + caplog.text, kind


def test_two_apps_on_one_server_keep_their_users_apart() -> None:
    """An id or a user name from this app means nothing to another app, although the same ComfyUI
    server made everything."""
    with (
        running_demo_app(step_seconds=0, settings=LOGIN) as (demo, app),
        running_app(demo.url, settings=LOGIN) as other,
    ):
        ann, elsewhere = person(app, ANN), browser(other, ANN)
        for path in (
            "/api/v1/runs/{}?with_page=true",
            "/api/v1/runs/{}/values",
            "/files/{}/all.zip",
            "/files/{}/0/a.png",
        ):
            assert ask(app, "GET", path.format(ann.owned.run), ann.cookie).status_code == 200
            assert ask(other, "GET", path.format(ann.owned.run), elsewhere).status_code == 404
        assert ask(other, "GET", "/api/v1/runs", ann.cookie).status_code == 401
