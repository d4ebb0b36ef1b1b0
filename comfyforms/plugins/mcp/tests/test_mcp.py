"""Workflows as tools of assistants, called by the client in the package `mcp`."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import httpx2
import pytest
import requests
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import BlobResourceContents, CallToolResult, ImageContent, TextContent, Tool
from PIL import Image
from starlette.requests import Request

from comfy.base.version import app_version
from comfy.comfyui.protocol.run_state import Phase, RunError
from comfyforms.plugins.mcp.results import finished_call
from comfyforms.plugins.mcp.tests.attacked import ACCEPTED, OPENING
from tests.security.signing_in import signed_in
from tests.support.http_client import ANN, BOB, cookie_of
from tests.support.samples.media import saved
from tests.support.serving import WORKFLOWS, RunningApp, Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, awaited, eventually
from tests.ui.api.api_calls import run_of
from ui.documents.run_doc import RunJson
from ui.files.result_files import ResultFiles
from ui.settings.web_settings import WebSettings
from ui.web.limits import WebLimits

ERAS = ("legacy", "auto")  # with a session, and without
QUICK = {"steps": 1, "width": 256, "height": 256}
ANNA = ("anna", "lighthouse")


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """Serve an app with ten workflows, on a server that takes some time."""
    folder = own_temporary_folder / "ten"
    shutil.copytree(WORKFLOWS, folder, ignore=shutil.ignore_patterns("inpaint*"))
    with running_demo_app(step_seconds=0.02, workflows=folder) as served:
        yield served


@asynccontextmanager
async def assistant(
    app: RunningApp, era: str = "auto", cookie: str = ANN, **headers: str
) -> AsyncIterator[Client]:
    """Connect a client with this browser's cookie."""
    async with (
        httpx2.AsyncClient(
            cookies=cookie_of(cookie), headers=headers, timeout=LONGEST_WAIT
        ) as http,
        Client(streamable_http_client(f"{app.url}/mcp", http_client=http), mode=era) as client,
    ):
        yield client


async def tools_of(app: RunningApp) -> dict[str, Tool]:
    """Return the tools that an assistant gets, by name."""
    async with assistant(app) as client:
        return {tool.name: tool for tool in (await client.list_tools()).tools}


def text_of(result: CallToolResult) -> str:
    """Return the result's last text."""
    last = result.content[-1]
    assert isinstance(last, TextContent)
    return last.text


@pytest.mark.parametrize("era", ERAS)
def test_a_workflow_is_a_tool(app: RunningApp, era: str) -> None:
    """The tool has the form's labels and limits. A call reports progress and returns the image. Its
    run belongs to the caller, and another call can use its file."""

    async def ask() -> None:
        async with assistant(app, era) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            tool = tools["text_to_image"]
            assert (tool.title, "image" in str(tool.description)) == ("Text to image", True)
            width = tool.input_schema["properties"]["width"]
            assert (width["type"], width["minimum"]) == ("integer", 256)
            (cover,) = tool.icons or ()
            with requests.get(cover.src, cookies=cookie_of(ANN), timeout=LONGEST_WAIT) as icon:
                assert icon.headers["content-type"] == "image/webp"
            heard: list[float] = []

            async def hear(done: float, total: float | None, said: str | None) -> None:
                heard.append(done)
                assert total == 1
                assert said

            given = QUICK | {"prompt": None, "seed": None}  # as if omitted
            result = await client.call_tool(tool.name, given, progress_callback=hear)
            assert heard == sorted(set(heard))
            assert heard
            (image,) = (one for one in result.content if isinstance(one, ImageContent))
            with Image.open(io.BytesIO(base64.b64decode(image.data))) as shown:
                assert shown.format == "PNG"
            told = json.loads(text_of(result))
            assert result.structured_content == told | {"texts": []}
            (run,) = told["runs"]
            job = app.runs.record(run, f"browser:{ANN}").job
            assert (job.workflow, bool(job.values["2.text"])) == ("text-to-image", True)
            content = base64.b64encode(saved("PNG")).decode()
            for file in (
                told["files"][0]["uri"],
                f"data:image/png;base64,{content}",
                {"run": run, "file": 0},
                {"base64": content, "name": "a.png"},
            ):
                given = {"your_image": file, "steps": 1}
                again = await client.call_tool("image_to_image", given)
                assert not again.is_error, text_of(again)

    awaited(ask())


def test_an_image_that_is_gone_has_a_uri(app: RunningApp) -> None:
    """If a stored image has been deleted, the answer names its address, as for other files."""
    made = run_of(app)
    services = app.services
    record = services.runs.record(made["id"], f"browser:{ANN}")
    kept = services.copies.blobs.path(record.state.files[0].digest)
    assert kept is not None
    kept.unlink()
    files = ResultFiles(services.runs, services.copies.blobs, services.server_files)
    request = Request({"type": "http", "path": "/mcp", "headers": [(b"host", b"app.test")]})
    told = finished_call([(record, RunJson().document(record))], files, request)
    assert [block["type"] for block in told["content"]] == ["text"]
    (file,) = told["structuredContent"]["files"]
    assert file["uri"] == f"http://app.test{made['files'][0]['url']}"


def test_an_answer_names_missing_results(app: RunningApp) -> None:
    """A run that is done without all its results says so to an assistant, too."""
    record = app.services.runs.record(run_of(app)["id"], f"browser:{ANN}")
    why = RunError("b.png is no longer available.", "Run the workflow again.")
    record = replace(record, state=replace(record.state, error=why))
    files = ResultFiles(app.runs, app.services.copies.blobs, app.services.server_files)
    request = Request({"type": "http", "path": "/mcp", "headers": [(b"host", b"app.test")]})
    told = finished_call([(record, RunJson().document(record))], files, request)
    missing = [f"{why.message} {why.hint}"]
    assert told["structuredContent"]["missing"] == missing
    assert json.loads(told["content"][-1]["text"])["missing"] == missing


def test_texts_and_other_files_come_too(app: RunningApp) -> None:
    """A text comes as text, and a video as the URI of a resource."""

    async def ask() -> None:
        async with assistant(app) as client:
            said = await client.call_tool("steps_describe_image", {})
            assert isinstance(said.content[0], TextContent)
            assert len(said.content) == 2
            assert said.structured_content["texts"] == [said.content[0].text]  # type: ignore[index]
            moving = {"frames": 2, "steps": 1, "steps_per_frame": 1, "width": 256, "height": 256}
            made = await client.call_tool("animation", moving)
            files = json.loads(text_of(made))["files"]
            (video,) = (one["uri"] for one in files if one["name"].endswith("mp4"))
            assert video.startswith(f"{app.url}/api/v1/runs/")
            (content,) = (await client.read_resource(video)).contents
            assert isinstance(content, BlobResourceContents)
            with requests.get(video, cookies=cookie_of(ANN), timeout=LONGEST_WAIT) as answer:
                assert answer.content == base64.b64decode(content.blob)
                assert answer.headers["content-type"] == content.mime_type == "video/mp4"

    awaited(ask())


def test_results_are_resources_of_their_owner(app: RunningApp) -> None:
    """The newest ones are listed. Another user gets the same answer as for a file that never
    existed, and a script without a cookie gets no list."""
    uri = f"{app.url}{run_of(app)['files'][0]['url']}"

    async def ask() -> None:
        async with assistant(app) as ann, assistant(app, cookie=BOB) as bob:
            listed = (await ann.list_resources()).resources
            assert (listed[0].uri, listed[0].mime_type) == (uri, "image/png")
            assert not (await bob.list_resources()).resources
            (template,) = (await ann.list_resource_templates()).resource_templates
            assert template.uri_template.startswith(f"{app.url}/api/v1/runs/")
            (content,) = (await ann.read_resource(uri)).contents
            assert content.mime_type == "image/png"
            for client, wrong in ((bob, uri), (ann, f"{uri}7"), (ann, "file:///etc/passwd")):
                with pytest.raises(MCPError, match="This result no longer exists"):
                    await client.read_resource(wrong)
        async with assistant(app, cookie="") as script:
            await script.call_tool("text_to_image", QUICK)
            assert not (await script.list_resources()).resources

    awaited(ask())


def test_a_chain_is_a_tool(app: RunningApp) -> None:
    """The tool reports progress and returns the last step's result. Error messages use the tool's
    argument names. Canceling the call stops the chain."""
    tool, short = "create_upscale_detail_chain", {"run_enlarge": False, "run_refine": False}

    async def ask() -> None:
        async with assistant(app) as client:
            heard: list[float] = []

            async def hear(done: float, total: float | None, said: str | None) -> None:
                heard.append(done)
                assert (total, bool(said)) == (1, True)

            small = {**short, "width": 256, "height": 256}
            result = await client.call_tool(tool, small, progress_callback=hear)
            assert (heard, heard[-1]) == (sorted(set(heard)), 1)
            (image,) = (one for one in result.content if isinstance(one, ImageContent))
            with Image.open(io.BytesIO(base64.b64decode(image.data))) as shown:
                assert shown.format == "PNG"
            (run,) = json.loads(text_of(result))["runs"]
            assert app.runs.record(run, f"browser:{ANN}").state.phase is Phase.DONE
            wrong = await client.call_tool(tool, {"width": 7})
            assert (wrong.is_error, "width: " in text_of(wrong)) == (True, True)
            async with anyio.create_task_group() as group:

                async def take_back(*_: object) -> None:
                    group.cancel_scope.cancel()

                await client.call_tool(tool, {}, progress_callback=take_back)
                raise AssertionError("the call came to its end")

    awaited(ask())
    chains = app.services.chains
    eventually(
        lambda: {one.state for one in chains.recent(f"browser:{ANN}")} == {"done", "stopped"}
    )


def test_errors_get_a_sentence(app: RunningApp) -> None:
    """An error about a value names the argument, in the requested language. An error about an
    unknown name lists the existing names. A failed run also gets a sentence."""

    async def ask() -> None:
        async with assistant(app) as client, assistant(app, **{"accept-language": "de"}) as german:
            few = {"steps": 0}
            assert text_of(await client.call_tool("text_to_image", few)).endswith(
                "steps: Minimum 1."
            )
            in_german = text_of(await german.call_tool("text_to_image", few))
            assert "steps: " in in_german
            assert "Minimum 1." not in in_german
            unknown = text_of(await client.call_tool("text_to_image", {"step": 1}))
            assert "“steps”" in unknown
            nothing = await client.call_tool("sculpture", {})
            assert nothing.is_error
            assert "sculpture" in text_of(nothing)

    awaited(ask())


def test_a_session_belongs_to_its_opener(app: RunningApp) -> None:
    """Another user gets the same answer as for a session that never existed. Pages of other sites
    can't open a session. Its answer names the app's version."""
    address = f"{app.url}/mcp"
    with requests.post(
        address, json=OPENING, headers=ACCEPTED, cookies=cookie_of(ANN), timeout=LONGEST_WAIT
    ) as own:
        session = {"mcp-session-id": own.headers["mcp-session-id"]} | ACCEPTED
        (opened,) = (line[6:] for line in own.text.splitlines() if line.startswith("data: {"))
    assert json.loads(opened)["result"]["serverInfo"]["version"] == app_version()
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    statuses = {
        who: requests.post(
            address, json=ping, headers=session, cookies=cookie_of(who), timeout=LONGEST_WAIT
        ).status_code
        for who in (BOB, ANN, "")
    }
    assert statuses == {ANN: 200, BOB: 404, "": 404}
    foreign = ACCEPTED | {"origin": "https://evil.example"}
    assert (
        requests.post(address, json=OPENING, headers=foreign, timeout=LONGEST_WAIT).status_code
        == 403
    )
    ended = requests.delete(address, headers=session, cookies=cookie_of(ANN), timeout=LONGEST_WAIT)
    assert ended.status_code == 200


def opened_at(app: RunningApp, address: str) -> dict[str, str]:
    """Open a session from this address and return its headers."""
    own = ACCEPTED | {"x-forwarded-for": address}
    with requests.post(f"{app.url}/mcp", json=OPENING, headers=own, timeout=LONGEST_WAIT) as answer:
        assert answer.status_code == 200
        return own | {"mcp-session-id": answer.headers["mcp-session-id"]}


def is_open(app: RunningApp, session: dict[str, str]) -> bool:
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    answer = requests.post(f"{app.url}/mcp", json=ping, headers=session, timeout=LONGEST_WAIT)
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


def test_a_new_session_ends_the_oldest_of_its_address() -> None:
    """The app closes the session that was idle longest. A client without a session can always
    call."""

    async def ask(app: RunningApp) -> None:
        async with assistant(app) as client:
            for _ in range(4):
                assert "nope" in text_of(await client.call_tool("nope", {}))

    with running_demo_app(step_seconds=0, limits=WebLimits(address_pages=2)) as (_, app):
        first, second = opened_at(app, "9.9.9.9"), opened_at(app, "9.9.9.9")
        assert is_open(app, first)
        third = opened_at(app, "9.9.9.9")
        assert [is_open(app, one) for one in (first, second, third)] == [True, False, True]
        awaited(ask(app))


def test_many_sessions_of_one_address_block_no_other() -> None:
    """At the global limit, a new address replaces the oldest session of the address with the most
    sessions."""
    limits = WebLimits(pages=4, address_pages=3)
    with running_demo_app(step_seconds=0, limits=limits) as (_, app):
        quiet = opened_at(app, "9.9.9.8")
        rude = [opened_at(app, "9.9.9.9") for _ in range(5)]
        assert [is_open(app, one) for one in rude] == [False, False, True, True, True]
        newcomer = opened_at(app, "9.9.9.10")
        assert is_open(app, newcomer)
        assert is_open(app, quiet)
        assert [is_open(app, one) for one in rude] == [False, False, False, True, True]


def test_a_token_lets_an_assistant_in() -> None:
    """With sign-in, the assistant's run belongs to the token's user. Without a token, the app
    reveals nothing."""
    settings = WebSettings(port=0, users=(ANNA,))
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        assert (
            requests.post(f"{app.url}/mcp", json=OPENING, timeout=LONGEST_WAIT).status_code == 401
        )
        with signed_in(app, ANNA) as browser:
            answer = browser.post(
                f"{app.url}/account/tokens", {"label": "assistant"}, timeout=LONGEST_WAIT
            )
            (token,) = re.findall(r"comfyforms_[\w-]{43}", answer.text)

        async def ask() -> str:
            headers = {"authorization": f"Bearer {token}"}
            async with assistant(app, "auto", "", **headers) as client:
                return text_of(await client.call_tool("text_to_image", QUICK))

        (run,) = json.loads(awaited(ask()))["runs"]
        assert app.runs.record(run, "user:anna").state.phase is Phase.DONE


def test_a_call_with_too_many_values_is_refused(app: RunningApp) -> None:
    """The app refuses a call with too many values before parsing it."""
    many = b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [' + b"[]," * 100_000 + b"0]}"
    headers = ACCEPTED | {"content-type": "application/json"}
    with requests.post(f"{app.url}/mcp", many, headers=headers, timeout=LONGEST_WAIT) as answer:
        assert (answer.status_code, "values" in answer.text) == (422, True)


def test_only_the_arguments_of_a_tool_may_be_large(app: RunningApp) -> None:
    """The app refuses a large message that isn't a right call, because an error of the package
    would repeat it several times."""
    text = "a" * 100_000
    arguments = {"name": "text_to_image", "arguments": {"prompt": text}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
    wrong = [
        {"title": text},
        call | {"id": True},
        call | {"id": text},
        call | {"title": text},
        call | {"method": "ping"},
        call | {"params": text},
        call | {"params": {"name": "x", "arguments": text}},
        call | {"params": {"arguments": {"prompt": text}}},
        call | {"params": arguments | {"_meta": text}},
    ]

    def answer(sent: object) -> str:
        url, headers = f"{app.url}/mcp", ACCEPTED
        with requests.post(url, json=sent, headers=headers, timeout=LONGEST_WAIT) as answer:
            return answer.text if answer.status_code == 422 else ""

    assert all("Only the arguments" in answer(one) for one in wrong)
    assert not answer(call)
