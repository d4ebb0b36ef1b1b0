"""Clients of comfy_runner: its paths, bodies and answers, at the app."""

from __future__ import annotations

import http.client
import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest
import requests

from comfy.runs.interface import UNWATCHED, Origin
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.doors.test_comfy_runner import PROMPTS, ask, post, told_settings, values_of
from ui.settings.web_settings import WebSettings


def test_each_call_of_the_table_is_answered(served: Served) -> None:
    """A client that asked comfy_runner asks the app, and gets the same words and its image."""
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
    """The config's workflow has a path, some part of which is the folder of workflows. As in
    comfy_runner the image's name is the file's alone; its address leads there whatever folder of
    ComfyUI's it was saved in."""
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
    settings = WebSettings(port=0, comfy_runner=config)
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
    """Ann's client is told that its run was stopped; Bob's gets its image, and what Ann began on the
    page goes on. Without trust, nobody names a file of ComfyUI's."""
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
