"""Clients of comfy_runner: the app supports its paths, bodies and answers."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.base.errors import ManyProblems
from comfy.runs.interface import UNWATCHED, Origin
from comfyforms.plugins.comfy_runner.runner import read_runner_config
from comfyforms.plugins.comfy_runner.service import TextQuestion, TextServiceError
from comfyforms.plugins.comfy_runner.settings import RunnerSettings
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.settings.web_settings import WebSettings

CONFIG = """
[comfy]
host = "127.0.0.1"
port = 8188
workflow = "workflows/text-to-image.json"
ollama_prompt_node_id = 2
[http-server]
port = 8189
[server]
ws_port = 8190
[node_mappings]
negative_prompt = "3"
width = "4.width"
[node_mappings.image-to-image]
photo = 4
[node_mappings.two]
save_image_node_id = 9
"""
_MANY = 40  # more than asyncio's default number of threads on any machine
PROMPTS = {"positive_prompt": "a knight, a mouse", "negative_prompt": "rain"}


class Ollama(http.server.BaseHTTPRequestHandler):
    """Fake Ollama server. The model's name selects the answer, such as an error for “missing”."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_whole = self.path == "/api/generate" and not asked["stream"] and asked["format"]
        status = 200 if is_whole else 400
        told: dict[str, Any] = {"response": json.dumps(PROMPTS), "done": True}
        match asked["model"]:
            case "missing":
                status, told = 404, {"error": "model 'missing' not found"}
            case "chatty":
                told["response"] = "Of course! Here is a prompt."
            case "silent":
                with contextlib.suppress(ConnectionError):
                    self.rfile.read(1)  # until its client has left
                return
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """HTTP server with a backlog for all the test's clients at once."""

    request_queue_size = _MANY


@pytest.fixture(scope="module")
def ollama() -> Iterator[str]:
    with listening(Ollama) as url:
        yield url


@contextlib.contextmanager
def listening(kind: type[Ollama]) -> Iterator[str]:
    """Run an Ollama of this kind and yield its address."""
    with Server(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path, ollama: str) -> Iterator[Served]:
    folder = own_temporary_folder / "workflows"
    folder.mkdir()
    for file in (*WORKFLOWS.glob("text-to-image.*"), *WORKFLOWS.glob("image-to-image.*")):
        shutil.copy(file, folder)
    shutil.copy(folder / "text-to-image.toml", folder / "two.toml")
    two = json.loads((folder / "text-to-image.json").read_text(encoding="utf-8"))
    saving = next(node for node in two.values() if node["class_type"] == "SaveImage")
    two["9"] = saving | {"inputs": saving["inputs"] | {"filename_prefix": "second"}}
    (folder / "two.json").write_text(json.dumps(two), encoding="utf-8")
    settings = told_settings(own_temporary_folder, f'[ollama]\nurl = "{ollama}"\nmodel = "llama"\n')
    with running_demo_app(
        step_seconds=0, settings=settings, may_keep=True, workflows=folder
    ) as served:
        yield served
    shutil.rmtree(folder)


def told_settings(folder: Path, more: str = "") -> WebSettings:
    """Return the settings of an app that reads this config."""
    config = folder / "config.toml"
    config.write_text(CONFIG + more, encoding="utf-8")
    return WebSettings(port=0, of_plugins=RunnerSettings(comfy_runner=config))


def ask(
    app: RunningApp, method: str, path: str, who: str = ANN, /, **options: Any
) -> requests.Response:
    options.setdefault("timeout", LONGEST_WAIT)
    return requests.request(method, app.url + path, cookies=cookie_of(who), **options)


def post(app: RunningApp, path: str, who: str = ANN, /, **body: object) -> requests.Response:
    return ask(app, "POST", path, who, json=body)


def values_of(app: RunningApp, who: str = ANN, workflow: str = "") -> dict[str, Any]:
    told = ask(app, "GET", "/queue", who, params={"workflow": workflow}).json()
    assert told["STATUS"] == "Workflow completed successfully", told
    run = ask(app, "GET", f"/api/v1/runs/{told['prompt_id']}", who).json()
    return dict(run["values"]) | run["inputs"]


IMAGE = "/update/image?workflow=image-to-image"
# path, body, status and expected message
REFUSED: tuple[tuple[str, dict[str, Any] | None, int, str], ...] = (
    (IMAGE, {"node_id": "photo"}, 400, "Missing required fields: filename"),
    ("/update/text", {}, 400, "node_id, text"),
    ("/generate/image", {}, 400, "image_description"),
    ("/update/text", {"node_id": 99, "text": "a"}, 404, "no node “99”. Nodes that can be updated:"),
    ("/update/text", {"node_id": "photo", "text": "a"}, 404, "no node “photo”"),
    ("/update/text", {"node_id": 5, "text": "a"}, 404, "Node “5” has no text to update"),
    ("/update/text", {"node_id": "5.positive", "text": "a"}, 404, "Update node “2”"),
    ("/update/text?workflow=none", {"node_id": 2, "text": "a"}, 404, "“none” not found"),
    ("/update/image", {"node_id": 2, "filename": "x.png"}, 404, "Node “2” has no file to update"),
    (IMAGE, {"node_id": 4, "filename": "../never.png"}, 404, "has no file “../never.png”"),
    (
        "/generate/image?workflow=image-to-image",
        {"image_description": "a"},
        404,
        "no node for the prompt",
    ),
    ("/queue?workflow=none", None, 404, "“none” not found"),
    ("/update/text", {"node_id": "width", "text": -1}, 422, "Minimum 256"),
)


def test_errors_name_their_cause_as_comfy_runner_does(app: RunningApp) -> None:
    """Errors are problem documents that also have comfy_runner's key. Both use the names from the
    config."""
    assert post(app, "/update/text", node_id="width", text=512).ok
    for path, body, status, says in REFUSED:
        answer = ask(app, "GET", path) if body is None else ask(app, "POST", path, json=body)
        told = answer.json()
        assert (answer.status_code, told["status"]) == (status, status), (path, told)
        assert says in told["STATUS"], (path, told)
        assert answer.headers["content-type"] == "application/problem+json"


def test_values_that_a_user_sets_are_private(app: RunningApp) -> None:
    """One user's values reach no other user's runs, nor runs of another workflow. The app doesn't
    keep a value that the form refuses."""
    post(app, "/update/text", ANN, node_id=2, text="of Ann")
    post(app, "/update/text", BOB, node_id=2, text="of Bob")
    assert post(app, "/update/text", BOB, node_id=2, text=["no text"]).status_code == 422
    assert values_of(app, ANN)["2.text"] == "of Ann"
    assert values_of(app, BOB)["2.text"] == "of Bob"
    assert "of Ann" not in values_of(app, ANN, "image-to-image").values()


def test_the_config_selects_the_image(app: RunningApp) -> None:
    """If a run has several images, the workflow's save_image_node_id selects one."""
    told = ask(app, "GET", "/queue?workflow=two").json()
    assert told["image_filename"].startswith("second")


def test_an_image_is_sent_by_its_upload_id(app: RunningApp) -> None:
    """A user who may not name files on the ComfyUI server sends an upload's id."""
    files = {"files": ("mine.png", saved("PNG"))}
    (upload,) = ask(app, "POST", "/api/v1/uploads", files=files).json()["uploads"]
    path = "/update/image?workflow=image-to-image"
    assert post(app, path, node_id=4, filename=upload["id"]).ok
    assert values_of(app, workflow="image-to-image")["4.image"] == "mine.png"


def test_a_page_of_another_site_begins_no_run(app: RunningApp) -> None:
    """The app refuses a link or an image on another site. It accepts an address that the user typed
    and a request from a program."""

    def answered(**headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(app, "GET", "/queue?workflow=none", headers=named).status_code

    assert answered(user_agent="Mozilla/5.0") == 403
    assert answered(sec_fetch_site="cross-site") == 403
    assert answered(sec_fetch_site="same-site") == 403
    assert answered(origin="https://evil.example") == 401
    assert answered(user_agent="Mozilla/5.0", sec_fetch_site="none") == 404
    assert answered(user_agent="node-red") == 404


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("missing", "refused: model 'missing' not found"),
        ("chatty", "returned no prompt"),
        ("silent", "took too long"),
        ("", "doesn't answer"),
    ],
)
def test_a_failing_text_service_is_reported(
    tmp_path: Path, ollama: str, model: str, says: str
) -> None:
    """The service refuses, answers with something else, stays silent, or isn't there. Each case has
    its own message."""
    url = ollama if model else "http://127.0.0.1:9"
    config = tmp_path / "config.toml"
    config.write_text(
        f'[ollama]\nurl = "{url}"\nmodel = "{model or "any"}"\ntimeout = 0.2', encoding="utf-8"
    )
    service = read_runner_config(config).text_service
    assert service is not None
    with pytest.raises(TextServiceError, match=says):
        TextQuestion(service).ask({"description": "a knight"})


def test_a_text_service_that_fails_sets_nothing(tmp_path: Path) -> None:
    """The client gets a 502, and its next run uses the values set before."""
    more = '[ollama]\nurl = "http://127.0.0.1:9"\nmodel = "any"\n'
    settings = told_settings(tmp_path, more)
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        post(app, "/update/text", node_id=2, text="a boat")
        answer = post(app, "/generate/image", image_description="a knight")
        assert answer.status_code == 502
        assert answer.json()["STATUS"].startswith("The text service doesn't answer.")
        assert values_of(app)["2.text"] == "a boat"


def test_a_slow_text_service_blocks_no_other_call(tmp_path: Path) -> None:
    """Other users' calls succeed, however many calls wait for the service."""
    asked, may_answer = threading.Semaphore(0), threading.Event()

    class Slow(Ollama):
        def do_POST(self) -> None:
            asked.release()
            may_answer.wait(LONGEST_WAIT)
            super().do_POST()

    with listening(Slow) as url, ThreadPoolExecutor(_MANY) as clients:
        settings = told_settings(tmp_path, f'[ollama]\nurl = "{url}"\nmodel = "any"\n')
        with running_demo_app(step_seconds=0, settings=settings) as (_, app):
            waiting = [
                clients.submit(post, app, "/generate/image", image_description="a knight")
                for _ in range(_MANY)
            ]
            try:
                assert all(asked.acquire(timeout=LONGEST_WAIT) for _ in waiting)
                assert post(app, "/update/text", BOB, node_id=2, text="a boat").ok
            finally:
                may_answer.set()
            assert all(one.result().ok for one in waiting)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[comfy", "is not valid TOML"),
        ("comfy = 3", "“comfy” must be a table"),
        ("[comfy]\nworkflow = 3", "[comfy]: “workflow” must be a string"),
        ("[ollama]", "[ollama]: “model” must be a string"),
        ('[ollama]\nmodel = "a"\nmodle = "b"', "Did you mean “model”?"),
        ('[ollama]\nmodel = "a"\nurl = "ftp://a"', "Write it like http://"),
        ('[ollama]\nmodel = "a"\ntimeout = 0', "must be a number of seconds"),
    ],
)
def test_a_config_that_cannot_be_used_ends_the_start(
    tmp_path: Path, content: str, says: str
) -> None:
    """The error names the option and the setting."""
    config = tmp_path / "config.toml"
    config.write_text(content, encoding="utf-8")
    with pytest.raises(ManyProblems) as refused:
        read_runner_config(config)
    assert str(refused.value).startswith("--comfy-runner: config.toml")
    assert says in str(refused.value)


def test_each_call_of_the_table_is_answered(served: Served) -> None:
    """A comfy_runner client can use the app instead. It gets the same words and its image."""
    demo, app = served
    assert ask(app, "GET", "/health").json() == {"STATUS": "ComfyUI Workflow Runner is running"}
    told = post(app, "/update/text", node_id=2, text="a mystical forest").json()
    assert told == {"STATUS": "Updated text in node 2 successfully"}
    files = {"image": ("x.png", saved("PNG"))}
    requests.post(f"{demo.url}/upload/image", files=files, timeout=LONGEST_WAIT)
    to_image = "/update/image?workflow=image-to-image"
    told = post(app, to_image, node_id=4, filename="x.png").json()
    assert told == {"STATUS": "Updated image in node 4 to x.png successfully"}
    told = ask(app, "GET", "/queue").json()
    assert told["STATUS"] == "Workflow completed successfully"
    assert told["image_filename"].endswith(".png")
    image = requests.get(told["image_url"], cookies=cookie_of(ANN), timeout=LONGEST_WAIT)
    assert image.content.startswith(b"\x89PNG")
    assert values_of(app)["2.text"] == "a mystical forest"
    assert values_of(app, workflow="image-to-image")["4.image"] == "x.png"
    about = {"description": "knight mouse", "moodCue": "heroic"}
    told = post(app, "/generate/image", image_description=about).json()
    assert told == {"STATUS": "success", **PROMPTS}
    values = values_of(app)
    assert (values["2.text"], values["3.text"]) == tuple(PROMPTS.values())
    told = post(app, "/interrupt").json()
    assert told == {"STATUS": "Interrupt request received, processing..."}


@pytest.mark.parametrize("path", ["workflows/video/x.json", "video\\x.json", "x.json"])
def test_workflows_and_results_may_be_in_folders(tmp_path: Path, path: str) -> None:
    """The config's workflow has a path that may include the workflow folder. As in comfy_runner,
    the image's name is the bare file name. Its address works for any folder in which ComfyUI saved
    it."""
    file = tmp_path / "workflows" / path.replace("\\", "/").removeprefix("workflows/")
    file.parent.mkdir(parents=True)
    shutil.copy(WORKFLOWS / "text-to-image.toml", file.with_suffix(".toml"))
    prompt = json.loads((WORKFLOWS / "text-to-image.json").read_text(encoding="utf-8"))
    saving = next(node for node in prompt.values() if node["class_type"] == "SaveImage")
    saving["inputs"]["filename_prefix"] = "video/of day/x"
    file.write_text(json.dumps(prompt), encoding="utf-8")
    config = tmp_path / "config.toml"
    said = f"[comfy]\nworkflow = '{path}'\nollama_prompt_node_id = 2\n"
    config.write_text(said, encoding="utf-8")
    settings = WebSettings(port=0, of_plugins=RunnerSettings(comfy_runner=config))
    workflows = tmp_path / "workflows"
    with running_demo_app(step_seconds=0, settings=settings, workflows=workflows) as (demo, app):
        told = ask(app, "GET", "/queue").json()
        assert told.get("image_filename") == "x_00001_.png", told
        image = ask(app, "GET", told["image_url"].removeprefix(app.url)).content
        place = {"filename": "x_00001_.png", "subfolder": "video/of day", "type": "output"}
        assert image == requests.get(f"{demo.url}/view", place, timeout=LONGEST_WAIT).content
        told = post(app, "/generate/image", image_description="a").json()  # it has a prompt's node
        assert told["STATUS"].startswith("No text service"), told


def test_only_own_runs_are_interrupted(tmp_path: Path) -> None:
    """When Ann interrupts, the app stops her client's run and reports that to the client. Bob's
    client gets its image, and the run that Ann started on the page finishes. Without trust, the app
    refuses requests that name a ComfyUI file."""
    settings = told_settings(tmp_path)
    with running_demo_app(step_seconds=0.05, settings=settings) as (_, app):
        answers: dict[str, requests.Response] = {}

        def client(who: str) -> None:
            answers[who] = ask(app, "GET", "/queue", who)

        post(app, "/update/text", BOB, node_id="5.steps", text=1)
        of_page = app.services.starter.start(
            "text-to-image", {}, Origin(f"browser:{ANN}"), UNWATCHED
        )
        threads = [threading.Thread(target=client, args=(who,)) for who in (ANN, BOB)]
        for thread in threads:
            thread.start()
        leaving = http.client.HTTPConnection(app.url.removeprefix("http://"))
        cookie = "; ".join(map("=".join, cookie_of(BOB).items()))
        leaving.request("GET", "/queue", headers={"cookie": cookie})
        eventually(lambda: len(app.runs.known()) == 4)
        leaving.close()
        assert post(app, "/interrupt", ANN).ok
        for thread in threads:
            thread.join()
        assert (answers[ANN].status_code, answers[BOB].status_code) == (502, 200)
        assert answers[ANN].json()["STATUS"].startswith("Stopped")
        of_bob = app.runs.line_of(f"browser:{BOB}")
        eventually(lambda: all(run.state.phase == "done" for run in (of_page, *of_bob)))
        path = "/update/image?workflow=image-to-image"
        told = post(app, path, node_id=4, filename="x.png")
        assert (told.status_code, "Send the file" in told.json()["STATUS"]) == (422, True)
        told = post(app, "/generate/image", image_description="a")
        assert (told.status_code, "No text service" in told.json()["STATUS"]) == (409, True)
