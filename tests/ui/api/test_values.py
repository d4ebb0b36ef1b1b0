"""Files and forms for programs: each way to send a file, and the values that workflows accept."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import jsonschema
import pytest
from PIL import Image

from comfy.runs.interface import Origin
from tests.support.http_client import ANN, BOB, get
from tests.support.samples.media import saved
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import QUICK, call, problem, run_of

FIELD = "4.image"
FAST = {"8.steps": 1, "5.width": 256, "5.height": 256}
RUNS = "/workflows/image-to-image/runs?wait=true"
PNG = saved("PNG")


def uploaded(app: RunningApp, cookie: str = ANN) -> str:
    """Upload a file and return its id."""
    with call(app, "POST", "/uploads", cookie, files={"file": ("mine.png", PNG)}) as answer:
        assert answer.status_code == 201, answer.text
        ((told),) = answer.json()["uploads"]
    assert (told["name"], told["bytes"]) == ("mine.png", len(PNG))
    return str(told["id"])


def test_a_run_names_the_runs_of_its_files(app: RunningApp) -> None:
    """Runs of batches and chains name them too. If two runs made the same file, the history shows
    the run that the request named."""
    values = {**QUICK, "2.text": "one boat", "5.seed": 3}
    first, same = run_of(app, values=values), run_of(app, values=values)
    assert first["files"][0]["sha256"] == same["files"][0]["sha256"]
    given = {"run": first["id"], "file": 0}
    made = run_of(app, "image-to-image", {**FAST, FIELD: given})
    history = get(app, f"/api/v1/runs/{made['id']}?with_page=true").json()
    assert [one["id"] for one in history["page"]["made_from"]] == [first["id"]]
    listed = call(app, "GET", "/runs").json()["runs"]
    assert [one["parents"] for one in listed if one["id"] == made["id"]] == [[first["id"]]]
    start = "/workflows/image-to-image"
    axes = [{"field": FIELD, "values": [given]}]
    with call(
        app, "POST", f"{start}/batches?wait=true", json={"values": FAST, "axes": axes}
    ) as batch:
        rows = call(app, "GET", f"{batch.json()['url']}/rows").json()["rows"]
    assert [row["run"]["parents"] for row in rows] == [[first["id"]]]
    start = "/workflows/image-caption-image.chain"
    values = {"caption.1.image": given, "image.4.width": 256, "image.4.height": 256}
    with call(app, "POST", f"{start}/chains?wait=true", json={"values": values}) as chain:
        describe, repaint = (step["results"][0] for step in chain.json()["steps"])
    assert [describe["parents"], repaint["parents"]] == [[first["id"]], [describe["id"]]]
    again = app.services.starter.again(made["id"], Origin(f"browser:{ANN}"))
    *_, _ = again.watch(LONGEST_WAIT)
    assert call(app, "GET", f"/runs/{again.id}").json()["parents"] == [made["id"], first["id"]]


def test_a_result_brings_its_prompt_to_another_form(app: RunningApp) -> None:
    """The form's prompt field gets the text as it was sent, where nothing is drawn from it. The
    answer says which text it replaces."""
    made = run_of(app, values={**QUICK, "2.text": r"a \{red\} boat"})
    told = call(app, "GET", f"/runs/{made['id']}/files/0/for/upscale").json()
    assert told["key"] == FIELD
    assert told["prompt"] == {
        "key": "2.text",
        "value": r"a \{red\} boat",
        "default": "sharp, finely detailed",
    }
    of_frame = call(app, "GET", f"/runs/{made['id']}/files/0/for/upscale?frame=true").json()
    assert of_frame == {**told, "value": None}


def test_a_form_with_files_is_sent_as_browsers_send_one(app: RunningApp) -> None:
    """A multipart request has files and texts by field key, or all values as JSON in one part."""
    files = {FIELD: ("mine.png", PNG), "values": (None, json.dumps(FAST))}
    with call(app, "POST", RUNS, files=files, data={"2.text": "a red boat"}) as answer:
        run = answer.json()
    assert (answer.status_code, run["phase"]) == (201, "done")
    assert run["values"]["2.text"] == "a red boat"
    assert run["values"]["8.steps"] == 1
    assert run["inputs"] == {FIELD: "mine.png"}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"base64": "!"}, "The file is not valid base64."),
        ({"base64": base64.b64encode(b"no image").decode()}, "image"),
        ({"run": "none"}, "This result no longer exists."),
        ({"run": 3}, "A file must be the id of an upload"),
        (["a.png"], "A file must be the id of an upload"),
        ("../../secret.png", "Send the file itself."),
        (7, "This isn't an uploaded file."),
    ],
)
def test_an_invalid_file_is_reported_on_its_field(
    app: RunningApp, value: object, says: str
) -> None:
    """The error names the problem, and the app starts nothing."""
    answer = call(app, "POST", RUNS, json={"values": {**FAST, FIELD: value}})
    assert says in problem(answer, 422)["errors"][FIELD]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ([("8.steps", "1"), ("8.steps", "2")], "The request has 8.steps twice."),
        ([("count", "1"), ("count", "2")], "The request has count twice."),
        ([("count", '1,"values":3')], "A part of the request is not JSON."),
        ([("values", "3")], "The request must be a JSON object."),
    ],
)
def test_no_part_of_a_form_takes_the_place_of_another(
    app: RunningApp, parts: list[tuple[str, str]], says: str
) -> None:
    """The app reports a part that is sent twice, because it would lose one of the two. No part sets
    more than its own name."""
    files = [(name, (None, value)) for name, value in parts]
    assert says in problem(call(app, "POST", RUNS, files=files), 422)["detail"]


def test_files_of_other_users_cannot_be_used(app: RunningApp) -> None:
    """The app treats other users' uploads and results like files that never existed."""
    of_ann = uploaded(app), {"run": run_of(app)["id"]}
    for value in of_ann:
        answer = call(app, "POST", RUNS, BOB, json={"values": {**FAST, FIELD: value}})
        assert problem(answer, 422)["errors"].keys() == {FIELD}


def test_too_much_is_refused_before_it_is_read(app: RunningApp) -> None:
    """JSON has its own size limit, because the app holds all of it in memory."""
    most = app.services.limits.body
    answer = call(app, "POST", RUNS, data=b'{"values":"' + b"x" * most + b'"}')
    assert "24\xa0MB" in problem(answer, 413)["detail"]


def test_an_invalid_upload_is_not_stored(app: RunningApp) -> None:
    """The app refuses an upload on arrival if no field would take it."""
    answer = call(app, "POST", "/uploads", files={"file": ("a.png", b"")})
    problem(answer, 422)
    problem(call(app, "POST", "/uploads", data=b"x"), 422)


def test_workflows_are_listed_with_their_fields(app: RunningApp) -> None:
    """Each entry of the list leads to the fields of its form. The list includes chains."""
    listed = call(app, "GET", "/workflows").json()["workflows"]
    kinds = {one["name"]: one["kind"] for one in listed}
    assert kinds["text-to-image"] == "workflow"
    assert kinds["create-upscale-detail.chain"] == "chain"
    for one in listed:
        told = call(app, "GET", one["url"]).json()
        assert (told["name"], told["title"]) == (one["name"], one["title"])
        assert {field["key"] for field in told["fields"]} == told["schema"]["properties"].keys()
    steps = call(app, "GET", "/workflows/text-to-image").json()["schema"]["properties"]["5.steps"]
    limits = {"type": "integer", "minimum": 1, "maximum": 60, "default": 24}
    assert steps == steps | limits


def test_the_schema_describes_the_accepted_values(app: RunningApp) -> None:
    """Values that fit the workflow's schema run. The schema and the app refuse the same values."""
    schema = call(app, "GET", "/workflows/text-to-image").json()["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    fits = jsonschema.Draft202012Validator(schema)
    good: list[dict[str, Any]] = [
        QUICK,
        {**QUICK, "5.seed": None},
        {**QUICK, "5.seed": 2**64 - 1},
        {**QUICK, "1.ckpt_name": "demo-watercolour.safetensors"},
    ]
    bad = [{"5.steps": 0}, {"5.stebs": 1}, {"1.ckpt_name": "none"}, {"5.seed": -1}]
    for values in good:
        assert fits.is_valid(values)
        assert run_of(app, values=values)["phase"] == "done"
    for values in bad:
        assert not fits.is_valid(values)
        problem(call(app, "POST", "/workflows/text-to-image/runs", json={"values": values}), 422)


def test_the_file_url_returns_the_image_of_the_run(app: RunningApp) -> None:
    """The file's address returns the image that the run made. It opens and has the requested
    size."""
    (file,) = run_of(app)["files"]
    with Image.open(io.BytesIO(call(app, "GET", file["url"]).content)) as image:
        assert max(image.size) <= 256
