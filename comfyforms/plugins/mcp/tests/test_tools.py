"""Definitions of tools: they stay small, and every model family accepts them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from comfyforms.plugins.mcp.settings import McpSettings
from comfyforms.plugins.mcp.tests.test_mcp import QUICK, assistant, text_of, tools_of
from comfyui_standin import DemoServer
from tests.support.http_client import ANN
from tests.support.samples.rows import DEMO_LORAS, LORA_IMAGE
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_app, running_demo_app
from tests.support.waiting import awaited
from ui.settings.web_settings import WebSettings

COMMON = {
    *("type", "description", "properties", "required", "items", "enum", "default"),
    *("minimum", "maximum", "minItems", "maxItems"),
}
TYPES = {"object", "array", "string", "integer", "number", "boolean"}
GENERAL = ["find_workflows", "describe_workflow", "find_choices", "run_workflow"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an app with a hundred workflows, and one with rows."""
    folder: Path = tmp_path_factory.mktemp("workflows")
    for number in range(100):
        shutil.copy(WORKFLOWS / "text-to-image.json", folder / f"image-{number}.json")
    (folder / "loras.json").write_text(json.dumps(LORA_IMAGE))
    with DemoServer(step_seconds=0) as demo, running_app(demo.url, workflows=folder) as app:
        yield demo, app


def schemas_in(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and all schemas inside."""
    yield schema
    for one in schema.get("properties", {}).values():
        yield from schemas_in(one)
    if "items" in schema:
        yield from schemas_in(schema["items"])


def check_common(schema: Mapping[str, Any]) -> None:
    """Fail if a model family refuses the schema, or ignores a part of it."""
    jsonschema.Draft202012Validator.check_schema(schema)
    for one in schemas_in(schema):
        assert one.keys() <= COMMON
        assert one["type"] in TYPES
        assert ("items" in one) == (one["type"] == "array")
        assert all(isinstance(choice, str) for choice in one.get("enum", ()))
        assert len(one.get("enum", ())) <= 20
        if "default" in one:
            jsonschema.validate(one["default"], one)


def test_many_workflows_share_four_small_tools(app: RunningApp) -> None:
    """The definitions for 101 workflows take less than 1,000 tokens, at four bytes each."""
    tools = awaited(tools_of(app))
    assert [*tools] == GENERAL
    size = sum(
        len(tool.model_dump_json(by_alias=True, exclude_none=True)) for tool in tools.values()
    )
    assert size / 4 < 1000
    for tool in tools.values():
        check_common(tool.input_schema)


def test_an_assistant_finds_describes_and_runs(app: RunningApp) -> None:
    """It needs nothing but the answers of the tools. Results also come as structured content."""

    async def ask() -> None:
        async with assistant(app) as client:
            found = await client.call_tool("find_workflows", {"query": "LoRA"})
            assert [one["workflow"] for one in found.structured_content["workflows"]] == ["loras"]  # type: ignore[index]
            every = json.loads(text_of(await client.call_tool("find_workflows", {})))
            assert (len(every["workflows"]), every["more"]) == (50, 51)
            told = await client.call_tool("describe_workflow", {"workflow": "loras"})
            arguments = json.loads(text_of(told))["arguments"]
            check_common(arguments)
            assert arguments["properties"]["loras"]["items"]["properties"]["lora_name"]["enum"]
            column = {"workflow": "loras", "argument": "loras.lora_name", "query": DEMO_LORAS[0]}
            choices = await client.call_tool("find_choices", column)
            assert choices.structured_content == {"choices": [DEMO_LORAS[0]], "more": 0}
            rows = json.dumps([{"lora_name": DEMO_LORAS[0], "strength": 0.5}])
            texts = {"loras": rows} | {name: str(value) for name, value in QUICK.items()}
            known = texts.keys() & arguments["properties"].keys()
            values = [{"name": name, "value": texts[name]} for name in known]
            made = await client.call_tool("run_workflow", {"workflow": "loras", "values": values})
            (run,) = json.loads(text_of(made))["runs"]
            (row,) = app.runs.record(run, f"browser:{ANN}").job.values["20.loras"]
            assert (row["lora_name"], row["strength"]) == (DEMO_LORAS[0], 0.5)

    awaited(ask())


def test_long_lists_of_choices_are_searched(app: RunningApp) -> None:
    """The schema has their number only. Wrong names are answered with the closest one."""

    async def ask() -> None:
        async with assistant(app) as client:
            told = await client.call_tool("describe_workflow", {"workflow": "image-1"})
            sampler = json.loads(text_of(told))["arguments"]["properties"]["sampler"]
            assert "enum" not in sampler
            assert "find_choices" in sampler["description"]
            asked = {"workflow": "image_1", "argument": "sampler", "query": "dpm 2 ancestral"}
            found = await client.call_tool("find_choices", asked)
            assert "dpm_2_ancestral" in json.loads(text_of(found))["choices"]
            for name, wrong in (
                ("find_choices", asked | {"argument": "samplr"}),
                ("describe_workflow", {"workflow": "image_1000"}),
                ("run_workflow", {"workflow": "image_1000"}),
            ):
                refused = await client.call_tool(name, wrong)
                assert refused.is_error
                assert "Did you mean" in text_of(refused)
            broken = await client.call_tool("run_workflow", {"workflow": "loras", "values": [1]})
            assert (broken.is_error, "“values”" in text_of(broken)) == (True, True)

    awaited(ask())


@pytest.mark.parametrize("fields", ["main", "all"])
def test_tools_describe_main_fields_unless_told_otherwise(fields: str, tmp_path: Path) -> None:
    """A tool also accepts the fields that it doesn't describe."""
    shutil.copy(WORKFLOWS / "text-to-image.json", tmp_path)
    shutil.copy(WORKFLOWS / "text-to-image.toml", tmp_path)
    settings = WebSettings(port=0, of_plugins=McpSettings(mcp_fields=fields))  # type: ignore[arg-type]
    with running_demo_app(step_seconds=0, workflows=tmp_path, settings=settings) as (_, app):
        tools = awaited(tools_of(app))
        assert [*tools] == ["text_to_image", "describe_workflow", "find_choices"]
        schema = tools["text_to_image"].input_schema
        seed = schema["properties"].get("seed", {}).get("type")
        assert seed == ("string" if fields == "all" else None)
        check_common(schema)

        async def ask() -> str:
            async with assistant(app) as client:
                values = QUICK | {"sampler": "heun", "seed": "18446744073709551615"}
                return text_of(await client.call_tool("text_to_image", values))

        (run,) = json.loads(awaited(ask()))["runs"]
        values = app.runs.record(run, f"browser:{ANN}").job.values
        assert {"heun", 18446744073709551615} <= {values["5.sampler_name"], values["5.seed"]}
