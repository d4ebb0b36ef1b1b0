"""The stage, the queue, the history and the list of workflows in other Blocks. They show what
Python sends, and Python receives their events."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import BrowserContext, Page, expect

from comfy.comfyui.protocol.run_state import Phase
from tests.support.gradio_calls import script_client
from tests.support.serving import listening_socket
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.documents.run_doc import PhaseWord, QueueLine, RunDoc, RunTile, ShownFile
from ui.page.run_lists import RunHistory, RunQueue
from ui.page.script_files import script_routes
from ui.page.stage import Follow, Selection, ShowFiles, Stage
from ui.page.workflow_chooser import Offer, WorkflowChoice, WorkflowChooser

ARCHITECTURE = (Path(__file__).parents[4] / "docs" / "architecture.md").read_text(encoding="utf-8")
# A dot as a data URL, which no ComfyUI server sends.
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
FILES = (
    ShownFile("a.gif", DOT, "image"),
    ShownFile("b.gif", f"{DOT}#b", "image"),
    ShownFile("c.bin", DOT, "file"),
)


def queued(name: str, phase: PhaseWord, line: QueueLine) -> RunDoc:
    return RunDoc(name, "boats", "Boats", phase, page=line)


def ended(name: str, phase: PhaseWord, at: float, tile: RunTile) -> RunDoc:
    return RunDoc(name, "boats", "Boats", phase, finished=True, finished_at=at, page=tile)


WAITING = (
    queued("a", "waiting", QueueLine("one boat", "Next in line", movable=True)),
    queued("b", "waiting", QueueLine("two boats", "1 run before yours", movable=True)),
    queued("c", "failed", QueueLine("no boat", "Something went wrong.", movable=False, again=True)),
)
PAST = (
    ended("d", "done", 1.7e9, RunTile("Image", "a <b>boat</b>", 2, DOT)),
    ended("e", "stopped", 1.6e9, RunTile("Stopped")),
)
Told = list[tuple[Any, ...]]
Opened = Callable[[gr.Blocks], Page]


@contextmanager
def served(blocks: gr.Blocks) -> Iterator[str]:
    """Serve third-party Blocks with only this app's script and yield their address."""
    app = FastAPI()
    script_routes().add_to(app.router)
    gr.mount_gradio_app(app, blocks, path="/", ssr_mode=False, pwa=False)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    listening = listening_socket("127.0.0.1")
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        eventually(lambda: server.started, "the page is served")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=LONGEST_WAIT)


@pytest.fixture
def opened(profiles: Callable[..., BrowserContext], nothing_left_behind: None) -> Iterator[Opened]:
    """Yield a function that opens third-party Blocks in a browser. At the end, check that the
    console is empty and that the page requested nothing that only this app serves."""
    pages: list[Page] = []
    said: list[str] = []
    asked: list[str] = []
    servers: list[Any] = []

    def open_(blocks: gr.Blocks) -> Page:
        servers.append(served(blocks))
        url = servers[-1].__enter__()
        page = profiles(0).new_page()
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url.removeprefix(url)))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(url)
        pages.append(page)
        return page

    yield open_
    for page in pages:
        page.close()
    for server in servers:
        server.__exit__(None, None, None)
    assert not said, said
    own = re.compile(r"^/(history|runs|files|workflows)\b|^ws:")
    assert not [one for one in asked if own.search(one)]


def events_of(told: Told, component: gr.HTML, *events: str) -> None:
    """Record each event with the component's value and the event's data."""
    for event in events:

        def listener(value: object, data: gr.EventData, event: str = event) -> None:
            told.append((event, value, data._data))

        # Else an event is dropped that comes while one of its kind is pending.
        getattr(component, event)(listener, component, None, trigger_mode="multiple")


def test_a_stage_shows_files_and_sends_selection_events(opened: Opened) -> None:
    """The page starts with the component's own value. The stage shows the files that a listener
    returns. When the user selects a file or uses it as an input, Python receives the event."""
    told: Told = []
    with gr.Blocks(analytics_enabled=False) as blocks:
        make, other = gr.Button("Make"), gr.Button("Other")
        stage = Stage(takes=["image"], elem_id="stage")
        make.click(lambda: ShowFiles(FILES, ("a word",)), None, stage)
        other.click(lambda: ShowFiles((FILES[2],)), None, stage)
        events_of(told, stage, "select", "use")
        Stage(ShowFiles((FILES[0],)), elem_id="started")
    page = opened(blocks)
    expect(page.locator("#started .media img")).to_have_attribute("src", DOT)
    page.get_by_role("button", name="Make").click()
    expect(page.locator("#stage .grid img").first).to_have_attribute("src", DOT)
    expect(page.locator("#stage .grid .thumbnail")).to_have_count(2)
    expect(page.locator("#stage .grid .result-text")).to_have_text("a word")
    expect(page.get_by_role("link", name="Download: c.bin")).to_be_visible()
    page.locator("#stage .grid .thumbnail").nth(1).click()
    eventually(lambda: len(told) == 1, "the choice is heard")
    page.get_by_role("button", name="Use as input").click()
    eventually(lambda: len(told) == 2, "the wish is heard")
    seen = {"run": "", "at": 1, "index": 1, "value": FILES[1].url}
    assert told == [
        ("select", Selection("", 1), seen),
        ("use", Selection("", 1), seen),
    ]
    page.get_by_role("button", name="Other").click()
    expect(page.locator("#stage .media .card .name")).to_have_text("c.bin")
    expect(page.get_by_role("button", name="Use as input")).to_have_count(0)


def test_a_chooser_shows_choices_and_sends_the_chosen_name(opened: Opened) -> None:
    """The chooser lists the choices from Python with their images and notes. The chosen name
    reaches Python and stays on the button until Python offers other choices."""
    told: Told = []
    boats = WorkflowChoice("boats", "Boats <b>1</b>", "On water", thumb=DOT)
    trains = WorkflowChoice("trains", "Trains", group="On land", note="Slow")
    with gr.Blocks(analytics_enabled=False) as blocks:
        chooser = WorkflowChooser(Offer((boats, trains), "boats"), elem_id="chooser")
        events_of(told, chooser, "select")
        other = gr.Button("Other")
        other.click(lambda: Offer((boats,)), None, chooser)
    page = opened(blocks)
    button = page.locator("#chooser .chosen")
    expect(button).to_contain_text("Boats <b>1</b>")
    button.click()
    expect(page.get_by_role("option", name="Boats").locator("img")).to_have_attribute("src", DOT)
    land = page.get_by_role("group", name="On land").get_by_role("option")
    expect(land).to_contain_text("Slow")
    land.click()
    eventually(lambda: len(told) == 1, "the choice is heard")
    assert told == [("select", "trains", {"index": 1, "value": "trains"})]
    expect(button).to_contain_text("Trains")
    page.get_by_role("button", name="Other").click()
    expect(button).to_contain_text("Choose a workflow")


def test_lists_show_runs_and_their_questions(opened: Opened) -> None:
    """Each button of a queue sends Python an event that names the run, and the list changes when
    Python updates it. A chosen tile and a searched text of a history reach Python."""
    told: Told = []

    def without(runs: Sequence[RunDoc], event: gr.EventData) -> list[RunDoc]:
        return [run for run in runs if run.id != event.run]

    with gr.Blocks(analytics_enabled=False) as blocks:
        queue = RunQueue(lambda: WAITING, elem_id="queue")
        events_of(told, queue, "move", "remove", "run_again", "dismiss")
        queue.dismiss(without, queue, queue)
        removed = add_a_long_queue()
        chosen = add_a_history()
    page = opened(blocks)
    queue_tells_what_is_asked(page, told)
    all_that_wait_are_removed_by_one_press(page, removed)
    history_tells_which_is_chosen(page, chosen)


def queue_tells_what_is_asked(page: Page, told: Told) -> None:
    """Press each of the queue's buttons, and check the events in Python."""
    expect(page.locator("#queue .about")).to_have_text(["one boat", "two boats", "no boat"])
    expect(page.locator("#queue .waiting-title")).to_have_text("2 waiting")
    expect(page.locator("#queue .trouble .said")).to_have_text("Something went wrong.")
    expect(page.locator("#queue").get_by_role("button", name="Move up").first).to_have_attribute(
        "aria-disabled", "true"
    )
    wanted: Told = []
    for number, (name, event, data) in enumerate(
        (
            ("Move down: Boats, Next in line", "move", {"run": "a", "by": 1}),
            ("Move up: Boats, 1 run before yours", "move", {"run": "b", "by": -1}),
            ("Remove: Boats, Next in line", "remove", {"run": "a"}),
            ("Run again", "run_again", {"run": "c"}),
            ("Dismiss", "dismiss", {"run": "c"}),
        ),
        1,
    ):
        page.locator("#queue").get_by_role("button", name=name).click()
        eventually(lambda number=number: len(told) == number, f"{name} is heard")
        wanted.append((event, WAITING, data))
    assert told == wanted
    expect(page.locator("#queue .about")).to_have_text(["one boat", "two boats"])


def add_a_long_queue() -> list[str]:
    """Add a queue of five waiting runs. Return the list of removed runs, in their order."""
    told: list[str] = []
    waiting = [
        queued(name, "waiting", QueueLine("", f"Number {name}", movable=True)) for name in "12345"
    ]

    def without(runs: Sequence[RunDoc], event: gr.EventData) -> list[RunDoc]:
        told.append(event.run)
        return [run for run in runs if run.id != event.run]

    queue = RunQueue([*waiting, WAITING[-1]], elem_id="long-queue")
    queue.remove(without, queue, queue)
    return told


def all_that_wait_are_removed_by_one_press(page: Page, told: list[str]) -> None:
    queue = page.locator("#long-queue")
    queue.get_by_role("button", name="Remove all").click()
    expect(queue.locator(".about")).to_have_text(["no boat"])
    assert told == ["5", "4", "3", "2", "1"]


def add_a_history() -> Told:
    """Add a history that answers a search with fewer runs. Return the list of its events."""
    told: Told = []
    history = RunHistory(PAST, searchable=True, elem_id="history")
    events_of(told, history, "select", "search")
    history.search(lambda: PAST[1:], None, history)
    return told


def history_tells_which_is_chosen(page: Page, told: Told) -> None:
    """Check that a selected tile and a search text reach Python, and that the history lists
    Python's answer."""
    tiles = page.locator("#history .tile")
    expect(tiles).to_have_count(2)
    expect(tiles.nth(0).locator("img")).to_have_attribute("src", DOT)
    expect(tiles.nth(0)).to_have_attribute("aria-label", re.compile("Image · .*<b>boat"))
    expect(tiles.nth(1)).to_have_text("Stopped")
    tiles.nth(1).click()
    expect(tiles.nth(1)).to_have_attribute("aria-pressed", "true")
    eventually(lambda: len(told) == 1, "the choice is heard")
    page.get_by_role("searchbox").fill(" stopped ")
    expect(tiles).to_have_count(1)
    assert told == [
        ("select", PAST, {"run": "e", "index": 1, "value": "e"}),
        ("search", PAST, {"text": "stopped"}),
    ]


def test_component_values_round_trip_through_a_gradio_client(nothing_left_behind: None) -> None:
    """A Gradio client sees the types of all three components, and their values survive a round
    trip."""

    def told(
        seen: Selection | None, runs: Sequence[RunDoc], past: Sequence[RunDoc]
    ) -> tuple[Follow | None, Sequence[RunDoc], Sequence[RunDoc]]:
        return Follow(seen.run) if seen else None, runs, past

    with gr.Blocks(analytics_enabled=False) as blocks:
        parts: list[Any] = [Stage(), RunQueue(), RunHistory()]
        gr.Button().click(told, parts, parts, api_name="told")
    with served(blocks) as url, closing(script_client(url)) as api:
        info = api.view_api(print_info=False, return_format="dict")["named_endpoints"]["/told"]
        seen, *lists = [part["python_type"]["type"] for part in info["parameters"]]
        assert seen == "dict(seen: dict(run: str, at: int)) | None"
        phase = f"phase: Literal{[one.value for one in Phase]}"
        of_page = ("page: dict(about: str, said: str,", "page: dict(what: str, asked: str,")
        for told_type, page in zip(lists, of_page, strict=True):
            assert told_type.startswith("list[dict(id: str, workflow: str, title: str, ")
            assert phase in told_type
            assert page in told_type
        stage, queue, history = parts
        given = [part.example_payload() for part in parts]
        shown, runs, past = api.predict(*given, api_name="/told")
        assert shown["run"] == queue.example_value()[0].id
        assert runs == json.loads(json.dumps(queue.example_payload()))
        assert past == json.loads(json.dumps(history.example_payload()))
        assert stage.preprocess(given[0]) == Selection("0" * 32, 0)


@pytest.mark.parametrize("snippet", re.findall(r"```python\n(.*?)```", ARCHITECTURE, re.S))
def test_the_documented_component_example_works(
    snippet: str, profiles: Callable[..., BrowserContext], nothing_left_behind: None
) -> None:
    """Started without changes, the documented example shows a queue and a history. The user can
    remove a run from the queue and show an earlier run."""
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", snippet],
        cwd=Path(__file__).parents[4],
        env=os.environ | quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            heard = []
            for line in program.stdout:
                heard.append(line)
                if address := re.search(r"http://\S+", line):
                    break
            else:
                pytest.fail("".join(heard))
            page = profiles(0).new_page()
            page.goto(address[0])
            expect(page.locator(".queue .about")).to_have_text(["a boat", "two boats"])
            page.get_by_role("button", name="Remove:").first.click()
            expect(page.locator(".queue .about")).to_have_text(["two boats"])
            page.locator(".history .tile").click()
            expect(page.locator(".stage .media img")).to_be_visible()
            page.close()
        finally:
            program.terminate()
