"""The page's own components as Gradio sees them: values in both directions, events, and the
descriptions for scripts."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client.utils import json_schema_to_python_type

import ui.page
from comfy.workflow.config import parse_config
from tests.support.samples.forms import form_of, text_to_image, with_values
from ui.documents.run_doc import QueueLine, RunDoc, RunTile, ShownFile
from ui.page.form.panel import draw_notes
from ui.page.run_lists import RunHistory, RunQueue
from ui.page.stage import Follow, Refusal, Selection, ShowFiles, Stage
from ui.page.workflow_chooser import Offer, WorkflowChoice, WorkflowChooser

LINE = QueueLine("one boat", "Next in line", movable=True)
ENTRY = RunDoc("a", "boats", "Boats", "waiting", page=LINE)
TILE = RunTile("Image", "one boat", 2, "/files/b/0/thumb")
PAST = RunDoc("b", "boats", "Boats", "done", finished=True, finished_at=1.5, page=TILE)
LISTS = [(RunQueue, ENTRY), (RunHistory, PAST)]
STYLES = Path(ui.page.__file__).with_name("styles")
COMPONENTS = [Stage, RunQueue, RunHistory, WorkflowChooser]


@pytest.mark.parametrize(("component", "run"), LISTS)
def test_a_list_goes_to_the_browser_and_comes_back(component: type[Any], run: Any) -> None:
    """Python gets back the list that it sent, in the same order. No value becomes an empty list."""
    runs = (run, replace(run, id="second"))
    made = component()
    assert made.postprocess(runs) == [one.to_json() for one in runs]
    assert made.preprocess(made.postprocess(runs)) == runs
    assert made.postprocess(None) == []
    assert made.preprocess("") == made.preprocess(None) == ()


@pytest.mark.parametrize("component", [RunQueue, RunHistory])
@pytest.mark.parametrize("payload", [[1], [{}], [{"id": 1}], "a list", {"id": "a"}, 5])
def test_an_invalid_list_of_runs_is_refused(component: type[Any], payload: object) -> None:
    """A script that sends an invalid list gets an error that explains the problem."""
    with pytest.raises(gr.Error, match="must be a list of runs"):
        component().preprocess(payload)


@pytest.mark.parametrize(
    ("told", "key", "value"),
    [
        (Follow("a"), "run", "a"),
        (ShowFiles(texts=("b",)), "results", {"files": (), "texts": ("b",)}),
        (Refusal("no", errors={"c": "d"}), "refusal", asdict(Refusal("no", errors={"c": "d"}))),
    ],
)
def test_a_stage_gets_one_view(told: Any, key: str, value: object) -> None:
    """A view is a run, files or an error. If the app sends the same view twice, the browser sees
    each as new."""
    first, second = Stage().postprocess(told), Stage().postprocess(told)
    assert first is not None
    assert second is not None
    assert {name for name, part in first.items() if part is not None} == {"nonce", key}
    assert first[key] == value
    assert first["nonce"] != second["nonce"]


def test_a_stage_takes_no_other_word() -> None:
    """Any other value raises an error that names the allowed values."""
    with pytest.raises(ValueError, match="Follow, ShowFiles"):
        Stage().postprocess("an image")  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", [None, "", {}, {"seen": None}, {"seen": {"run": 1, "at": "0"}}])
def test_nothing_is_seen(payload: object) -> None:
    """A payload that isn't the location of a file means no selection."""
    assert Stage().preprocess(payload) is None


def test_a_shown_position_is_the_place_in_the_queue() -> None:
    """The selection has the run and the file's position in it. It has no run if the files belong to
    no known run."""
    assert Stage().preprocess({"seen": {"run": "a", "at": 2}}) == Selection("a", 2)
    assert Stage().preprocess({"seen": {"run": "", "at": 0}}) == Selection("", 0)


def test_a_chooser_is_offered_choices_and_gives_a_name() -> None:
    """Python sends the choices and the chosen name. The browser returns a name; an invalid payload
    becomes None."""
    offer, made = Offer((WorkflowChoice("boats", "Boats"),), "boats"), WorkflowChooser()
    assert made.postprocess(offer) == asdict(offer)
    assert made.postprocess(None) == asdict(Offer())
    assert made.preprocess(made.postprocess(offer)) == made.preprocess("boats") == "boats"
    assert [made.preprocess(one) for one in (None, "", {}, {"name": None}, 5)] == [None] * 5


@pytest.mark.parametrize("component", COMPONENTS)
def test_examples_are_values(component: type[Any]) -> None:
    """Each component accepts the examples that it gives to scripts and templates."""
    made = component()
    assert made.preprocess(made.example_payload())
    assert made.postprocess(made.example_value())


def test_a_component_can_have_an_initial_value() -> None:
    """The app can create each component with a value, like any other component."""
    for component, run in LISTS:
        assert component([run]).value == json.loads(json.dumps([run.to_json()]))
    file = ShownFile("a.png", "/a.png", "image")
    assert Stage(ShowFiles((file,))).value["results"]["files"] == [asdict(file)]


@pytest.mark.parametrize(
    ("component", "given", "answered"),
    [
        (Stage, "dict(seen: dict(run: str, at: int)) | None", "dict(nonce: str, run: str | None, "),
        (RunQueue, "list[dict(id: str, workflow: str, ", "list[dict(id: str, workflow: str, "),
        (RunHistory, "list[dict(id: str, workflow: str, ", "list[dict(id: str, workflow: str, "),
        (WorkflowChooser, "str | None", "dict(choices: list[dict(name: str, title: str, "),
    ],
)
def test_scripts_get_the_types(component: type[Any], given: str, answered: str) -> None:
    """Gradio's client understands the schemas of the input and the output."""
    made = component()
    assert json_schema_to_python_type(made.api_info_as_input()).startswith(given)
    assert json_schema_to_python_type(made.api_info_as_output()).startswith(answered)


@pytest.mark.parametrize(
    ("component", "event"),
    [
        *((RunQueue, event) for event in ("move", "remove", "run_again", "dismiss")),
        *((RunHistory, event) for event in ("select", "search")),
        (WorkflowChooser, "select"),
        *((Stage, event) for event in ("select", "use", "use_values", "run_again", "delete")),
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_an_event_takes_a_listener(component: type[Any], event: str, live: bool) -> None:
    """Code can listen to each event, on this app's page and in other Blocks."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        made = component(live=live) if live and component is not Stage else component()
        getattr(made, event)(lambda: None, None, None)
    assert [target for fn in blocks.fns.values() for target in fn.targets] == [(made._id, event)]
    assert f"trigger('{event}', data)" in made.js_on_load


def test_style_sheets_have_no_backtick() -> None:
    """Gradio evaluates a component's style sheet as a JavaScript template literal."""
    for sheet in STYLES.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"`|\$\{", text), sheet.name


def test_the_demo_notes_texts_for_other_programs() -> None:
    """It leaves out notes about models, which its own ones stand for."""
    said = {}
    for model in ("tiny_sd15.safetensors", "gone.safetensors"):
        prompt = with_values(text_to_image(), "4", ckpt_name=model)
        config = parse_config("x", {"fields": {"4.ckpt_name": {"closest": True}}})
        form = form_of(with_values(prompt, "6", text="%prompt%"), config)
        for demo in (True, False):
            with gr.Blocks() as page:
                draw_notes(form, demo=demo)
            (drawn,) = (one.value for one in page.blocks.values() if isinstance(one, gr.HTML))
            said[model, demo] = drawn.count("<p>")
    assert said == {
        ("tiny_sd15.safetensors", True): 1,
        ("tiny_sd15.safetensors", False): 1,
        ("gone.safetensors", True): 1,
        ("gone.safetensors", False): 2,
    }
