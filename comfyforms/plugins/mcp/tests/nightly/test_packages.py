"""Packages of model vendors, and release 1 of `mcp`, from the package index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from comfyforms.plugins.mcp.settings import McpSettings
from comfyforms.plugins.mcp.tests.test_mcp import tools_of
from comfyforms.plugins.mcp.tests.test_tools import running as running
from tests.imports import ROOT
from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited
from ui.settings.web_settings import WebSettings

VENDORS = ("google-genai", "openai-agents", "anthropic", "mcp>=2.3,<3")
CONVERT = """
import copy, json, sys
from agents.strict_schema import ensure_strict_json_schema
from anthropic.lib.tools.mcp import async_mcp_tool
from google.genai._mcp_utils import mcp_to_gemini_tool
from mcp.types import Tool

def parts(schema, path=""):
    # Each keyword of a schema, in the notation of all vendors.
    for key, value in schema.items():
        if key == "properties":
            for name, inner in value.items():
                yield from parts(inner, f"{path}/{name}")
        elif key == "items":
            yield from parts(value, f"{path}[]")
        elif key == "required":
            yield from ((path, key, name) for name in value)
        elif key == "type":
            yield path, key, value.lower()
        else:
            key = {"min_items": "minItems", "max_items": "maxItems"}.get(key, key)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            yield path, key, json.dumps(float(value) if is_number else value)

for told in json.load(sys.stdin):
    tool = Tool.model_validate(told)
    own = set(parts(tool.input_schema))
    (google,) = mcp_to_gemini_tool(tool).function_declarations
    google = google.parameters.model_dump(mode="json", exclude_none=True)
    strict = ensure_strict_json_schema(copy.deepcopy(tool.input_schema), _reject_open_objects=True)
    anthropic = async_mcp_tool(tool, None).to_dict()["input_schema"]
    for vendor, schema in (("google", google), ("openai", strict), ("anthropic", anthropic)):
        lost = own - set(parts(schema))
        if vendor == "google":  # drops the limits of lists
            lost = {one for one in lost if one[1] not in ("minItems", "maxItems")}
        print(vendor, tool.name, *sorted(lost))
"""
FIRST_RELEASE = """
import asyncio, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from tests.support.serving import running_demo_app

async def ask(app):
    async with streamablehttp_client(f"{app.url}/mcp") as (read, write, _):
        async with ClientSession(read, write) as client:
            print((await client.initialize()).serverInfo.version)
            print(*(tool.name for tool in (await client.list_tools()).tools))
            heard = []

            async def hear(done, total, said):
                heard.append(done)

            values = {"steps": 1, "width": 256, "height": 256}
            made = await client.call_tool("text_to_image", values, progress_callback=hear)
            print(*(block.type for block in made.content), heard[-1])
            (file,) = made.structuredContent["files"]
            print((await client.read_resource(file["uri"])).contents[0].mimeType)
            refused = await client.call_tool("text_to_image", {"steps": 0})
            print(refused.isError, refused.content[0].text.splitlines()[-1])

with running_demo_app(step_seconds=0) as (_, app):
    asyncio.run(ask(app))
"""


def installed(folder: Path, *packages: str) -> Path:
    """Install packages in a new environment, and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, timeout=900)
    return python


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the vendors' packages."""
    return installed(tmp_path_factory.mktemp("vendors"), *VENDORS)


def check_converted(python: Path, app: RunningApp) -> None:
    """Fail if a vendor's package refuses a tool of the app, or loses a part of its schema."""
    tools = awaited(tools_of(app)).values()
    sent = json.dumps([one.model_dump(by_alias=True, exclude_none=True) for one in tools])
    done = subprocess.run(
        [python, "-c", CONVERT],
        input=sent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) == 3 * len(tools)
    assert not [line for line in lines if len(line) > 2]


def test_every_vendor_takes_the_tools_of_many_workflows(vendors: Path, app: RunningApp) -> None:
    """Nothing of their schemas is lost."""
    check_converted(vendors, app)


def test_every_vendor_takes_a_tool_with_all_fields(vendors: Path, tmp_path: Path) -> None:
    """Nothing of a workflow's schema is lost."""
    for file in WORKFLOWS.glob("*-to-*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = WebSettings(port=0, of_plugins=McpSettings(mcp_fields="all"))
    with running_demo_app(step_seconds=0, workflows=tmp_path, settings=settings) as (_, app):
        check_converted(vendors, app)


def test_the_first_release_works_too(tmp_path: Path) -> None:
    """Gradio's own extra installs it. Results, progress, errors and resources are the same."""
    python = installed(tmp_path, "mcp>=1.30,<2")
    (packages,) = (tmp_path / "lib").glob("python*/site-packages")
    assert python.exists()
    done = subprocess.run(
        [sys.executable, "-c", FIRST_RELEASE],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * LONGEST_WAIT,
    )
    assert done.returncode == 0, done.stderr
    version, tools, kinds, media, refused = done.stdout.splitlines()
    assert version
    assert "run_workflow" in tools
    assert kinds == "image text 1.0"
    assert media == "image/png"
    assert refused == "True steps: Minimum 1."
