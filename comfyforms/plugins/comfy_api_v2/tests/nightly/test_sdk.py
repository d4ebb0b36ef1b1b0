"""Comfy SDK, unmodified, at the app: for Python and for JavaScript, without and with a sign-in."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from comfy_sdk import AsyncComfy, Comfy, NotFound, OutputReady, Preview, Progress, StatusChange
from comfy_sdk.exceptions import ComfyError, Unauthorized

from comfy.comfyui.protocol.run_state import Phase
from comfyforms.plugins.comfy_api_v2.tests.calls import image, inverted
from tests.attacks.people import ANN
from tests.support.programs import SCRIPTS, needs, skip_without
from tests.support.samples.shipped import prompt
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited
from ui.accounts.login import PROGRAMS, SignedIn, SignInSettings, sign_in_address
from ui.settings.web_settings import WebSettings

ADDRESS, KEY = "COMFY_BASE_URL", "COMFY_API_KEY"
JAVASCRIPT = """
import { Comfy } from "@comfyorg/sdk";
const [png, prompt, inverted] = process.argv.slice(1).map((one) => JSON.parse(one));
const client = new Comfy({ apiKey: process.env.COMFY_API_KEY || undefined });
const asset = client.assets.fromBytes(new Uint8Array(png), { filename: "js.png" });
const workflow = client.workflows.fromJson(inverted);
workflow.setInput("1", "image", asset);
const job = await client.run(workflow);
const kinds = new Set();
const followed = await client.submit(client.workflows.fromJson(prompt));
for await (const event of followed.events()) kinds.add(event.kind);
await followed.result();
prompt["5"].inputs.steps = 3000;
const long = await client.submit(client.workflows.fromJson(prompt));
await long.cancel();
const bytes = (await job.outputs[0].toBytes()).length;
await asset.delete();
console.log(JSON.stringify([job.status, bytes, [...kinds].sort(), (await long.wait()).status]));
"""


class Place(NamedTuple):
    """App, and a token for programs, "" without a sign-in."""

    app: RunningApp
    token: str


@pytest.fixture(scope="module", params=["with a login", "without a login"])
def place(request: pytest.FixtureRequest, own_temporary_folder: Path) -> Iterator[Place]:
    options: dict[str, object] = {}
    if logs_in := request.param == "with a login":
        ways = SignInSettings(kept=sign_in_address("", own_temporary_folder))
        options["settings"] = WebSettings(port=0, users=(ANN,), sign_in=ways)
    with running_demo_app(step_seconds=0.03, **options) as (_, app):
        login, token = app.asgi.state.identity.login, ""
        if logs_in:
            ann = SignedIn(ANN[0], "password", proof=login.user(ANN[0]).proof)
            token = login.new_token(ann, "sdk", PROGRAMS)
        yield Place(app, token)


@pytest.fixture
def client(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Comfy]:
    monkeypatch.setenv(ADDRESS, place.app.url)
    monkeypatch.setenv(KEY, place.token)
    with Comfy() as client:
        yield client
    place.app.end_runs()


def test_an_asset_is_sent_once_and_used(place: Place, client: Comfy) -> None:
    content = image()
    asset = client.assets.from_bytes(content, filename="in.png")
    workflow = client.workflows.from_json(inverted(""))
    workflow.set_input("1", "image", asset)
    job = client.run(workflow)
    (output,) = job.get_outputs("3")
    assert (job.status, output.type, output.job_id) == ("succeeded", "image", job.id)
    assert output.to_bytes(range=(1, 3)) == b"PNG"
    assert output.get_download_url().url.startswith(place.app.url)
    again = client.assets.from_bytes(content, filename="in.png")
    assert again.commit() == asset.id
    assert again.created_new == (not place.token)  # callers without an identity share no hashes
    assert again.file_path == "in.png"
    asset.delete()
    with pytest.raises(NotFound):
        client.assets.get(str(again.id))


def test_a_job_is_followed(client: Comfy) -> None:
    job = client.submit(client.workflows.from_json(prompt(n5_steps=30)))
    events = list(job.events())
    assert {Progress, Preview, OutputReady, StatusChange} == {type(event) for event in events}
    assert next(one for one in events if isinstance(one, Preview)).to_pil().size
    assert events[-1] == StatusChange("succeeded")
    result = client.jobs.get(job.id).result()
    assert (result.get_workflow().format, len(result.outputs)) == ("api", 1)


def test_a_job_is_canceled(place: Place, client: Comfy) -> None:
    job = client.submit(client.workflows.from_json(prompt(n5_steps=3000)))
    for event in job.events():
        if isinstance(event, Preview):
            job.cancel()
    assert job.wait(LONGEST_WAIT).status == "canceled"
    (run,) = [one for one in place.app.runs.known() if one.id == job.id]
    assert run.state.phase is Phase.STOPPED


def test_refusals_are_the_errors_of_the_sdk(
    place: Place, client: Comfy, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, workflow = str(uuid.uuid4()), client.workflows.from_json(prompt(n5_steps=1))
    client.submit(workflow, idempotency_key=key).result()
    for nodes, code in (
        (prompt(), "idempotency_key_reuse"),
        (inverted("nothing.png"), "invalid_workflow"),
        (inverted({"__type": "core/ASSET", "info": {"id": "x"}}), "missing_asset"),
    ):
        own = {"idempotency_key": key} if code == "idempotency_key_reuse" else {}
        with pytest.raises(ComfyError) as refusal:
            client.submit(client.workflows.from_json(nodes), **own)
        assert refusal.value.code == code
    if place.token:
        monkeypatch.setenv(KEY, "comfyforms_wrong")
        with Comfy() as stranger, pytest.raises(Unauthorized):
            stranger.submit(workflow)


def test_the_asynchronous_client_works(client: Comfy) -> None:
    async def run() -> str:
        async with AsyncComfy() as other:
            workflow = other.workflows.from_json(prompt(n5_steps=2))
            job = await (await other.submit(workflow)).result()
            assert await job.outputs[0].to_bytes()
            return str(job.status)

    assert awaited(run()) == "succeeded"


def test_the_client_for_javascript_works(client: Comfy) -> None:
    needs("node")
    if not (SCRIPTS / "node_modules" / "@comfyorg" / "sdk").is_dir():
        skip_without("@comfyorg/sdk: npm install --prefix tests/script --no-package-lock")
    sent = [json.dumps(one) for one in ([*image()], prompt(n5_steps=31), inverted(""))]
    command = ["node", "--input-type=module", "-e", JAVASCRIPT, *sent]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    status, size, kinds, canceled = json.loads(done.stdout)
    assert (status, bool(size), canceled) == ("succeeded", True, "canceled")
    assert kinds == ["outputReady", "preview", "progress", "statusChange"]
