"""Models that a field offers, with their preview images and details."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from comfy.library.permissions import Permissions
from comfyui_standin import DemoModel, DemoServer
from tests.model_files.model_server import lora_prompt, lora_server, lora_workflow, picture
from tests.support.http_client import ANN, BOB
from tests.support.serving import RunningApp, Served, running_app
from tests.ui.api.api_calls import call, problem

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
INK = "styles/ink lines.safetensors"
LORAS = {
    INK: DemoModel(
        1_000,
        {
            "modelspec.trigger_phrase": "ink drawing",
            "modelspec.title": "<b>Ink</b>",
            "ss_base_model_version": "sdxl_base_v1-0",
        },
        picture,
    ),
    "plain.safetensors": DemoModel(2_000),
    "sd15.safetensors": DemoModel(2_000),
    "html.safetensors": DemoModel(preview=lambda: b"<script>alert(1)</script>"),
    "svg.safetensors": DemoModel(preview=lambda: SVG),
    "huge.safetensors": DemoModel(preview=lambda: b"\x89PNG" + bytes(40 * 2**20)),
    "wide.safetensors": DemoModel(preview=lambda: picture(side=4000, kind="PNG")),
}
PATH = "/workflows/lora/models"
FIELD = "field=10.lora_name"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a workflow with a LoRA."""
    folder = lora_workflow(tmp_path_factory.mktemp("workflows"), INK)
    with (
        lora_server(LORAS) as demo,
        running_app(
            demo.url, workflows=folder, permissions=Permissions(open=lambda _: True)
        ) as app,
    ):
        yield demo, app


def query(value: str, part: str = "preview") -> str:
    return f"{PATH}/{part}?{FIELD}&value={quote(value, safe='')}"


def test_a_field_lists_its_models(app: RunningApp) -> None:
    """With the sizes of the files, and the paths of images and details."""
    doc = call(app, "GET", f"{PATH}?{FIELD}").json()
    assert doc["folder"] == "loras"
    ink = next(one for one in doc["models"] if one["value"] == INK)
    assert (ink["folder"], ink["size"], ink["is_file"]) == ("styles", 1_000, True)
    assert len(doc["models"]) == len(LORAS)
    details = call(app, "GET", f"{doc['details']}&value={quote(INK)}").json()
    assert details["trigger_words"] == ["ink drawing"]
    assert details["title"] == "<b>Ink</b>"


def test_base_models_are_read_from_the_headers(app: RunningApp) -> None:
    """And compared with the one of the form's model, or of the one that the caller has chosen."""
    doc = call(app, "GET", f"{PATH}/base-models?{FIELD}").json()
    known = {one["value"]: (one["base_model"], one["fits"]) for one in doc["models"]}
    assert (known, doc["next"]) == (
        {INK: ("SDXL", False), "sd15.safetensors": ("SD 1", True)},
        None,
    )
    listed = call(app, "GET", f"{PATH}?{FIELD}").json()
    assert listed["base_model"] == "SD 1"
    assert [one["value"] for one in listed["models"] if not one["fits"]] == [INK]
    other = call(app, "GET", f"{PATH}?{FIELD}&chosen=demo-sdxl.safetensors").json()
    assert [one["value"] for one in other["models"] if not one["fits"]] == [INK]  # isn't offered


def test_a_model_shows_its_users_newest_result(app: RunningApp) -> None:
    """No other user's."""
    run = call(app, "POST", "/workflows/lora/runs?wait=true", ANN, json={"values": {}}).json()["id"]

    def made(cookie: str) -> dict[str, str]:
        models = call(app, "GET", f"{PATH}?{FIELD}", cookie).json()["models"]
        return {one["value"]: one["made"] for one in models if one["made"]}

    assert made(ANN) == {INK: f"/files/{run}/0/thumb"}
    assert made(BOB) == {}


def test_a_preview_is_a_small_webp(app: RunningApp) -> None:
    """The app draws it again, and browsers may keep it for their user."""
    answer = call(app, "GET", query(INK))
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content != picture()
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) <= 320
    same = call(app, "GET", query(INK), headers={"if-none-match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_preview_is_fetched_once(running: Served) -> None:
    """A missing image is remembered, too."""
    demo, app = running
    for name in (INK, "plain.safetensors"):
        call(app, "GET", query(name))
    before = demo.requests.total()
    for name in (INK, "plain.safetensors"):
        call(app, "GET", query(name))
    assert demo.requests.total() == before


@pytest.mark.parametrize("name", ["plain", "html", "svg", "huge"])
def test_other_files_are_no_previews(app: RunningApp, name: str) -> None:
    """The status 204 doesn't show as an error in browsers."""
    answer = call(app, "GET", query(f"{name}.safetensors"))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_large_preview_becomes_small(app: RunningApp) -> None:
    """Sixteen million pixels."""
    answer = call(app, "GET", query("wide.safetensors"))
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) <= 320


HOSTILE = (
    *("", "..", "../loras/" + INK, "/etc/passwd", "..\\..\\x.safetensors", INK + "\0"),
    *("http://127.0.0.1:1/x.safetensors", "//example.org/x.safetensors", INK + "?a=b", INK + "#x"),
    *("demo-landscapes.safetensors", INK.upper(), "%2e%2e/x.safetensors", "x" * 3000, "None"),
)


@pytest.mark.parametrize("value", HOSTILE)
def test_values_outside_the_choices_ask_no_server(running: Served, value: str) -> None:
    """Only the field's own choices reach a server."""
    demo, app = running
    call(app, "GET", f"{PATH}?{FIELD}")
    before = demo.requests.total()
    for part in ("preview", "details"):
        problem(call(app, "GET", query(value, part)), 404)
    assert demo.requests.total() == before


@pytest.mark.parametrize(
    "field", ["6.text", "3.seed", "gone.lora_name", "", "10.lora_name&column=x", "../10.lora_name"]
)
def test_other_fields_list_nothing(app: RunningApp, field: str) -> None:
    """They offer no choices."""
    problem(call(app, "GET", f"{PATH}?field={field}"), 404)
    problem(call(app, "GET", f"{PATH}/details?field={field}&value={quote(INK)}"), 404)


def test_other_users_workflows_list_nothing(app: RunningApp) -> None:
    """Access is the same as to the form."""
    name = call(app, "POST", "/workflows", data=_json(lora_prompt(INK))).json()["name"]
    path = f"/workflows/{quote(name)}/models"
    for more in (
        "",
        f"/details?{FIELD}&value={quote(INK)}",
        f"/preview?{FIELD}&value={quote(INK)}",
    ):
        address = f"{path}{more}" if more else f"{path}?{FIELD}"
        assert call(app, "GET", address, ANN).status_code == 200
        problem(call(app, "GET", address, BOB), 404)


def test_choices_of_rows_are_models_too(tmp_path: Path) -> None:
    """A column of rows is named beside its field."""
    prompt = lora_prompt("demo-ink-lines.safetensors")
    prompt["10"] = {
        "class_type": "LoraRows",
        "inputs": {
            "model": ["4", 0],
            "clip": ["4", 1],
            "loras": [{"on": True, "lora_name": "demo-ink-lines.safetensors", "strength": 1.0}],
        },
    }
    (tmp_path / "rows.json").write_bytes(_json(prompt))
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, workflows=tmp_path) as app:
        fields = call(app, "GET", "/workflows/rows").json()["fields"]
        key = next(one["key"] for one in fields if one["widget"] == "rows")
        path = f"/workflows/rows/models?field={key}&column=lora_name"
        doc = call(app, "GET", path).json()
        assert doc["folder"] == "loras"
        address = f"{doc['preview']}&value=demo-ink-lines.safetensors"
        assert call(app, "GET", address).headers["content-type"] == "image/webp"


def test_several_servers_list_their_models_together(tmp_path: Path) -> None:
    """The image comes from the server that has the file."""
    folder = lora_workflow(tmp_path, INK)
    other = {"other.safetensors": DemoModel(5, preview=picture), "plain.safetensors": DemoModel(2)}
    with (
        lora_server({INK: DemoModel(1)}) as first,
        lora_server(other) as second,
        running_app(first.url, second.url, workflows=folder) as app,
    ):
        doc = call(app, "GET", f"{PATH}?{FIELD}").json()
        sizes = {one["value"]: one["size"] for one in doc["models"]}
        assert sizes == {INK: 1, "other.safetensors": 5, "plain.safetensors": 2}
        assert call(app, "GET", query("other.safetensors")).status_code == 200


def _json(content: object) -> bytes:
    return json.dumps(content).encode()
