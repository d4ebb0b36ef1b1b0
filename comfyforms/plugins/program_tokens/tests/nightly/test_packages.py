"""Each row of the table in `docs.md` with the program's own package, where one installs from a
registry. `test_programs.py` has those that are installed beside the app."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from comfyforms.plugins.program_tokens.tests.conftest import Team
from comfyforms.plugins.program_tokens.tests.nightly.test_connect import connected, listening
from comfyforms.plugins.program_tokens.tests.nightly.test_programs import prompt
from tests.support.environments import plain_environment
from tests.support.programs import needs
from tests.support.waiting import LONGEST_WAIT, eventually

PAGE = Path(__file__).parents[2] / "docs.md"
INSTALL_SECONDS = 600


class Program(NamedTuple):
    """Package, the form of its address (see `ADDRESSES`), and a script that prints `done` after a
    result arrived. It finds the address in `url`, the prompt in `nodes` and its file in `file`."""

    package: str
    address: str
    script: str


# Addresses by their form: with the token in the path, and of a running `connect`.
ADDRESSES: dict[str, Callable[[Team, str], str]] = {
    "path": lambda team, _: team.address,
    "bare path": lambda team, _: team.address.partition("//")[2],
    "connect": lambda _, here: here,
}
PROGRAMS = {
    "comfy-toolkit": Program(
        "comfy-toolkit",
        "path",
        """
from comfy_toolkit.client import ComfyClient
from comfy_toolkit.tracking import submit_and_track
assert submit_and_track(ComfyClient(url), nodes)["images"]
""",
    ),
    "comfy-commander": Program(
        "comfy-commander",
        "path",
        """
from comfy_commander import ComfyUIServer, Workflow
assert ComfyUIServer(url).execute(Workflow.from_file(file)).media
""",
    ),
    "comfyui-skill-cli": Program(
        "comfyui-skill-cli",
        "path",
        """
from comfyui_skills_cli.client import ComfyUIClient
client = ComfyUIClient(url)
sent = client.queue_prompt(nodes, client_id="a" * 16)["prompt_id"]
assert list(client.ws_events("a" * 16, sent))
[image] = client.get_history(sent)["outputs"]["7"]["images"]
assert client.download_output(image["filename"], image["subfolder"])[:4] == b"\\x89PNG"
""",
    ),
    "sd-backend-client": Program(
        "sd-backend-client",
        "path",
        """
from sd_backend_client import DiffusionParams, connect_to_backend
model = "demo-landscapes.safetensors"
params = DiffusionParams(prompt="a", steps=3, width=256, height=256, seed=1, sd_model_name=model)
assert connect_to_backend(url).submit_txt2img(params).wait().images
""",
    ),
    "comfy-catapult": Program(
        "comfy-catapult",
        "path",
        """
import asyncio
from comfy_catapult.api_client import ComfyAPIClient
from comfy_catapult.catapult import ComfyCatapult
async def run():
    async with ComfyAPIClient(comfy_api_url=url) as client, ComfyCatapult(
        comfy_client=client, debug_path=None
    ) as catapult:
        return await catapult.Catapult(job_id="a", prepared_workflow=nodes, important=["7"])
assert asyncio.run(run())
""",
    ),
    "comfyui-autograph": Program(
        "comfyui-autograph",
        "path",
        """
from autograph.api import ApiFlow
assert ApiFlow.load(file).submit(server_url=url, wait=True).fetch_images()
""",
    ),
    "comfyui-xy": Program(
        "comfyui-xy",
        "path",
        """
from comfyui_xy.client import ComfyUiClient
assert [one.is_file for one in ComfyUiClient(url).process_workflow(nodes)] == [True]
""",
    ),
    "comfykit": Program(
        "comfykit",
        "path",
        """
import asyncio
from comfykit import ComfyKit
for kind in ("http", "websocket"):
    assert asyncio.run(ComfyKit(comfyui_url=url, executor_type=kind).execute(file, {})).images
""",
    ),
    "comfyui-utils": Program(
        "comfyui-utils",
        "bare path",
        """
import asyncio
from comfyui_utils.comfy import Callbacks, ComfyAPI
class Kept(Callbacks):
    async def queue_position(self, position): pass
    async def in_progress(self, node_id, progress, total): pass
    async def completed(self, outputs, cached): self.outputs = outputs
kept = Kept()
asyncio.run(ComfyAPI(url).submit(nodes, kept))
assert kept.outputs["images"]
""",
    ),
    "comfyui-workflow-client": Program(
        "comfyui-workflow-client",
        "bare path",
        """
from comfyuiclient import ComfyUIClient
client = ComfyUIClient(url, file)
client.connect()
assert client.generate(["Save image"])["Save image"].size
""",
    ),
    "comfy-proxy": Program(
        "comfy-proxy",
        "bare path",
        """
import asyncio
from comfy_proxy.comfy import SingleComfy
name = "save_image_websocket_node"
sent = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["6", 0]}}
class Workflow:
    def to_dict(self): return {**nodes, name: sent}
async def run():
    return [image[:4] async for image in SingleComfy(url).generate(Workflow())]
assert asyncio.run(run()) == [b"\\x89PNG"]
""",
    ),
    "Comfy SDK": Program(
        "comfy-sdk",
        "path",
        """
import os
os.environ["COMFY_BASE_URL"] = url
from comfy_sdk import Comfy
client = Comfy()
assert client.run(client.workflows.from_file(file)).get_outputs("7")
""",
    ),
    "pycomfy": Program(
        "pycomfy",
        "connect",
        """
from pycomfy import ComfyAPI
with ComfyAPI(url) as api:
    assert api.load_workflow(file).execute()
""",
    ),
    "comfyapi": Program(
        "comfyapi",
        "connect",
        """
from comfyapi import ComfyAPIManager
manager = ComfyAPIManager()
manager.set_base_url(url)
manager.load_workflow(file)
run = manager.submit_workflow()
manager.wait_for_finish(run, poll_interval=1)
found, name = manager.find_output(run, with_filename=True)
assert manager.download_output(found, ".", name)
""",
    ),
    "comfyui-cli": Program(
        "comfyui-cli",
        "connect",
        """
from comfyui.core.client import ComfyUIClient
host, port = url.partition("//")[2].split(":")
client = ComfyUIClient(host, int(port))
assert client.execute_and_wait(nodes)
""",
    ),
    "comfy-cli": Program(
        "comfy-cli",
        "connect",
        """
import subprocess, sys
host, port = url.partition("//")[2].split(":")
code = "from comfy_cli.__main__ import main; main()"
options = ["--skip-prompt", "--no-enable-telemetry", "run", "--workflow", file, "--wait"]
arguments = [sys.executable, "-c", code, *options, "--host", host, "--port", port]
assert '"ok": true' in subprocess.run(arguments, capture_output=True, text=True).stdout
""",
    ),
    "`@saintno/comfyui-sdk`": Program(
        "@saintno/comfyui-sdk",
        "path",
        """
import { CallWrapper, ComfyApi, PromptBuilder } from "@saintno/comfyui-sdk";
const api = new ComfyApi(url).init();
await api.waitForReady();
const built = new PromptBuilder(nodes, [], ["images"]).setOutputNode("images", "7");
const found = await new CallWrapper(api, built).run();
const [image] = found.images.images;
if (!(await fetch(api.getPathImage(image))).ok) throw new Error("no image");
""",
    ),
    "`@stable-canvas/comfyui-client`": Program(
        "@stable-canvas/comfyui-client ws",
        "connect",
        """
import { Client } from "@stable-canvas/comfyui-client";
import WebSocket from "ws";
const client = new Client({ api_host: url.split("//")[1], WebSocket, fetch });
client.connect();
const { images } = await client.enqueue(nodes);
if (!(await fetch(images[0].data)).ok) throw new Error("no image");
""",
    ),
    "comfy-ui-client": Program(
        "comfy-ui-client",
        "bare path",
        """
import { ComfyUIClient } from "comfy-ui-client";
const client = new ComfyUIClient(url, crypto.randomUUID());
await client.connect();
if (!(await client.getImages(nodes))["7"].length) throw new Error("no image");
""",
    ),
}
# Rows whose programs are no packages, or are tested beside the app.
ELSEWHERE = {
    *("comfy-headless", "ComfyScript", "comfy-api-simplified"),  # test_programs.py
    "ComfyUI's `script_examples`",  # its requests are in test_programs.py
    "Dify's ComfyUI plugin",  # its requests are in test_programs.py
    "worker-comfyui",  # no package; it first waits for `/`, see test_carried.py
    "others that use only a host and a port",
}


def test_the_table_has_each_program() -> None:
    table = PAGE.read_text("utf-8").partition("| program |")[2]
    rows = re.findall(r"^\| ([^|]+) \|.+\|$", table, re.MULTILINE)
    named = {name.removeprefix("and ") for row in rows for name in row.split(", ")}
    assert named == {*PROGRAMS, *ELSEWHERE}


@pytest.fixture
def here(team: Team, tmp_path: Path) -> Iterator[str]:
    """Run `connect`, and return its address."""
    (tmp_path / "connect").mkdir()
    with connected(team.app.url, tmp_path / "connect", team.token) as running:
        eventually(lambda: listening(running.url))
        yield running.url


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_table_gets_its_result(
    team: Team, here: str, name: str, tmp_path: Path
) -> None:
    program, file = PROGRAMS[name], tmp_path / "prompt.json"
    nodes = prompt(len(name))
    file.write_text(json.dumps(nodes))
    url = ADDRESSES[program.address](team, here)
    if "import {" in program.script:
        script = f"const [url, nodes] = {json.dumps([url, nodes])};{program.script}"
        ended = ran_by_node(program.package, f"{script}process.exit(0);", tmp_path)
    else:
        values = f"url, file = {[url, str(file)]!r}\nimport json\nnodes = json.load(open(file))"
        ended = ran_by_python(program.package, f"{values}{program.script}", tmp_path)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    assert any(run.id for run in team.app.runs.owned("user:ann"))


def ran_by_python(package: str, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    target = folder / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target)]
    install([*pip, *package.split(), "websocket-client", "requests"], folder)
    more = {"PYTHONPATH": str(target), "HOME": str(folder)}
    return run([sys.executable, "-c", script], folder, more)


def ran_by_node(package: str, script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    needs("node", "npm")
    install(["npm", "install", "--no-audit", "--no-fund", "--silent", *package.split()], folder)
    return run(["node", "--input-type=module", "-e", script], folder, {})


def install(command: list[str], folder: Path) -> None:
    """Skip the test if the registry can't be reached."""
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    if ended.returncode != 0:
        pytest.skip(f"{' '.join(command)}: {ended.stderr[-300:]}")


def run(command: list[str], folder: Path, more: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=plain_environment() | more,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT,
    )
