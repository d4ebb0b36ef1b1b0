"""Users with permission remove added and opened workflows over HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.library.permissions import Permissions
from comfyui_standin import DemoServer
from tests.support.brought import own_prompt
from tests.support.http_client import ANN, BOB, cookie_of, finished, get, post, start
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import LONGEST_WAIT

OPERATOR = "c" * 43
SMALL = {"5.steps": 1, "4.width": 256, "4.height": 256}
FILLED_IN = {"1.ckpt_name": "demo-landscapes.safetensors", "2.text": "a lamp,\n at dusk"}
GONE = "“Lamp” is no longer available. Images usually contain their workflow. Download one and open it here."


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Run an app in which every user may add workflows and one browser is the administrator's."""
    folder = shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    permissions = Permissions(
        keep=lambda _: True,
        trusts=lambda _: True,
        operates=lambda owner: owner == f"browser:{OPERATOR}",
    )
    with (
        DemoServer(step_seconds=0) as demo,
        running_app(demo.url, workflows=folder, permissions=permissions) as app,
    ):
        yield app


def opened(app: RunningApp, who: str) -> str:
    """Open a workflow as this browser and return its name."""
    address = f"{app.url}/api/v1/workflows?file=lamp.json"
    data = json.dumps(own_prompt("a lamp"))
    with requests.post(address, data, cookies=cookie_of(who), timeout=LONGEST_WAIT) as answer:
        return str(answer.json()["name"])


def removed(app: RunningApp, name: str, who: str) -> int:
    address = f"{app.url}/api/v1/workflows/{name}"
    with requests.delete(address, cookies=cookie_of(who), timeout=LONGEST_WAIT) as answer:
        if not answer.ok:
            assert "detail" in answer.json()
        return answer.status_code


def known(app: RunningApp, who: str) -> dict[str, dict[str, object]]:
    """Return the state of each workflow that this browser can see, by name."""
    listed = get(app, "/api/v1/workflows?with_page=true", who).json()["workflows"]
    return {one["name"]: one["page"] for one in listed}


def captioned(app: RunningApp, run_id: str) -> dict[str, Any]:
    told = get(app, f"/api/v1/runs/{run_id}?with_page=true", ANN).json()
    return {"caption": told["page"]["caption"], "seeds": told["seeds"]}


def is_told_as_before(app: RunningApp, run_id: str, before: dict[str, Any]) -> None:
    """Check that a result without its workflow still shows its values. They aren't enough for a
    form, and the error says what helps."""
    assert before["seeds"]
    assert before["caption"] == {
        "prompt": FILLED_IN["2.text"],
        "opening": FILLED_IN["2.text"],
        "negative": "blurry, text, watermark",
        "steps": "1",
        "model": FILLED_IN["1.ckpt_name"],
    }
    told = captioned(app, run_id)
    assert told["seeds"] == before["seeds"]
    only_with_form = {"negative": "", "steps": ""}
    assert told["caption"] == before["caption"] | only_with_form
    assert get(app, f"/api/v1/runs/{run_id}?with_page=true", ANN).json()["page"]["form_gone"]
    answer = get(app, f"/api/v1/runs/{run_id}/values", ANN)
    told = answer.json()
    assert (answer.status_code, " ".join([told["detail"], told.get("hint", "")]).strip()) == (
        404,
        GONE,
    )


def test_an_empty_prompt_isnt_replaced_by_the_negative_one(app: RunningApp) -> None:
    run = finished(start(app, "text-to-image", **SMALL, **FILLED_IN | {"2.text": ""}))
    caption = captioned(app, run.id)["caption"]
    assert (caption["prompt"], caption["negative"]) == ("", "blurry, text, watermark")
    listed = get(app, "/api/v1/runs?with_page=true", ANN).json()["runs"]
    assert [one["page"]["asked"] for one in listed if one["id"] == run.id] == [""]


def test_only_its_adder_and_administrators_remove_it(app: RunningApp) -> None:
    """The user who added a workflow, or an administrator, can remove it. Other users get the same
    404 as for an unknown workflow, and no user can remove an author's workflow. Its results stay,
    and a chain that uses it shows as blocked."""
    folder = app.services.folder.path
    for who in (ANN, OPERATOR):
        name = post(app, f"/api/v1/workflows/{opened(app, ANN)}/keep", ANN).json()["name"]
        assert name == "lamp"
        run = finished(start(app, name, **SMALL, **FILLED_IN))
        before = captioned(app, run.id)
        step = '[[steps]]\nname = "one"\nworkflow = "lamp"\n'
        (folder / "uses.chain.toml").write_text(step)
        for other in (BOB, ""):
            assert [removed(app, one, other) for one in (name, "none")] == [404, 404]
        for one in ("text-to-image", "uses.chain", "none", "text-to-image.json"):
            assert removed(app, one, who) == 404
        assert removed(app, name, who) == 204
        assert removed(app, name, who) == 404
        assert not list(folder.glob("lamp.*"))
        assert name not in known(app, ANN)
        is_told_as_before(app, run.id, before)
        assert known(app, ANN)["uses.chain"]["blocked"]
        told = get(app, "/api/v1/workflows/uses.chain").json()["detail"]
        assert told == "Step “one” needs the workflow “lamp”, which isn't here."
    assert (folder / "text-to-image.json").is_file()


def test_only_its_owner_removes_an_opened_workflow(app: RunningApp) -> None:
    """Other users and administrators can't remove it. The owner can open it again. Its results
    stay."""
    for _ in range(2):
        name = opened(app, ANN)
        run = finished(start(app, name, **SMALL, **FILLED_IN))
        before = captioned(app, run.id)
        assert [removed(app, name, who) for who in (BOB, OPERATOR, "")] == [404] * 3
        assert name in known(app, ANN)
        assert not get(app, f"/api/v1/runs/{run.id}?with_page=true", ANN).json()["page"][
            "form_gone"
        ]
        assert removed(app, name, ANN) == 204
        is_told_as_before(app, run.id, before)
        assert removed(app, name, ANN) == 404
        assert name not in known(app, ANN)
