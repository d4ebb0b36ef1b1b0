"""Conventions of other programs that write a form into titles, notes or files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.base.wording import plain_words
from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.conventions.kind_titles import read_kind_title
from comfy.form.conventions.mcww_titles import read_wrapper_title
from comfy.form.conventions.pixelle import read_pixelle_title
from comfy.form.conventions.placeholders import is_placeholder
from comfy.form.fill import fill
from comfy.form.model import Field, Form
from comfy.prompt.model import Prompt
from comfy.workflow.config import FieldConfig, FormConfig
from comfy.workflow.model import App, ShownInput, Workflow, read_workflow
from comfy.workflow.node_mappings import parse_mappings, read_mappings
from comfy.workflow.resolve import on_server
from tests.support.samples.forms import (
    form_of,
    node,
    parse_workflow,
    shown,
    small_catalog,
    sources,
    text_to_image,
    titled,
    with_values,
)


def test_pixelle_titles_name_the_input() -> None:
    """`$name.input!:help` exposes that input as required, with a help text. The app also reads the
    marks for an output and a description."""
    prompt = titled(
        text_to_image(n20=node("PrimitiveStringMultiline", "MCP", value="Draws anything.")),
        n6="$prompt.text!:What to draw",
        n5="$image_width.width:Width in pixels",
        n9="$output.result",
    )
    form = form_of(prompt)
    assert shown(form) == [("5.width", "Image width"), ("6.text", "Prompt")]
    field = form.field("6.text")
    assert (field.required, field.tooltip, field.source) == (True, "What to draw", "pixelle")
    assert form.description == "Draws anything."
    assert [form.titles[node_id] for node_id in ("5", "6", "9")] == [
        "Image width",
        "Prompt",
        "Result",
    ]
    assert form.field("3.seed").group == "advanced"


def test_a_pixelle_title_for_a_linked_input_is_ignored() -> None:
    """An input that comes through a link is no parameter."""
    assert sources(form_of(titled(text_to_image(), n8="$x.samples!"))) == {"heuristic"}


def test_a_title_prefix_names_the_kind_of_node() -> None:
    """The prefix gives the kind and the rest gives the name. The other fields don't change."""
    prompt = titled(text_to_image(), n6="TEXT_positive", n7="TEXT_style_notes", n4="MODEL_base")
    prompt["20"] = node("ImpactSwitch", "SWITCH_1", select=1, input1=["8", 0])
    prompt["9"]["inputs"]["images"] = ["20", 0]
    form = form_of(prompt)
    labels = {field.key: field.label for field in form.fields}
    assert labels["6.text"] == "Prompt"
    assert labels["7.text"] == "Style notes"
    assert labels["4.ckpt_name"] == "Model (Base)"
    assert labels["20.select"] == form.titles["20"] == "Switch 1"
    assert labels["3.steps"] == "Steps"


def test_swarmui_nodes_are_fields() -> None:
    """Inputs of the node give the title, help, limits, order and “advanced”. They aren't fields
    themselves."""
    settings_ = {"description": "", "order_priority": 2, "is_advanced": False}
    prompt = text_to_image(
        n20=node(
            "SwarmInputInteger",
            title="Steps to take",
            value=12,
            min=1,
            max=40,
            step=1,
            view_max=30,
            view_type="slider",
            **settings_,
        ),
        n21=node(
            "SwarmInputText",
            title="Wish",
            value="${prompt:a cat}",
            view_type="prompt",
            **settings_ | {"order_priority": 1, "description": "Anything"},
        ),
        n22=node("SwarmInputFloat", title="Hidden away", value=1.5, group=["23", 0], **settings_),
        n23=node("SwarmInputGroup", title="Details", is_advanced=True),
    )
    prompt = with_values(
        with_values(prompt, "3", steps=["20", 0], cfg=["22", 0]), "6", text=["21", 0]
    )
    form = form_of(prompt)
    assert shown(form)[:2] == [("21.value", "Wish"), ("20.value", "Steps to take")]
    assert (form.field("21.value").default, form.field("21.value").tooltip) == ("a cat", "Anything")
    assert form.field("22.value").section == "Details"
    assert {
        form.field(key).group for key in ("20.title", "20.max", "21.order_priority", "23.title")
    } == {"hidden"}


def test_comfyui_deploy_nodes_are_fields() -> None:
    """`display_name` and `description` name the field, and `default_value` is its value."""
    prompt = text_to_image(
        n20=node(
            "ComfyUIDeployExternalText",
            input_id="prompt",
            display_name="Your text",
            description="Say it",
            default_value="a dog",
        ),
        n21=node("ComfyUIDeployExternalNumberInt", input_id="number_of_steps", default_value=9),
    )
    prompt = with_values(with_values(prompt, "3", steps=["21", 0]), "6", text=["20", 0])
    form = form_of(prompt)
    assert shown(form) == [
        ("20.default_value", "Your text"),
        ("21.default_value", "Number of steps"),
    ]
    assert form.field("20.default_value").tooltip == "Say it"
    assert form.field("20.input_id").group == "hidden"


def test_comfy_pack_nodes_are_fields_and_outputs() -> None:
    """The title names the field. The output nodes are the outputs that count."""
    prompt = text_to_image(
        n20=node("CPackInputInt", "steps to take", value=9, min=1, max=30),
        n21=node("CPackOutputImage", "result", images=["8", 0], filename_prefix="x"),
    )
    form = form_of(with_values(prompt, "3", steps=["20", 0]))
    assert shown(form) == [("20.value", "Steps to take")]
    assert sources(form) == {"comfy_pack"}


PARAMETER = {
    "ETN_Parameter": {
        "input": {
            "required": {
                "name": ["STRING", {}],
                "type": [["auto", "number", "number (integer)", "text", "prompt (positive)"]],
                "default": ["STRING", {}],
            },
            "optional": {"min": ["FLOAT", {"default": 0.0}], "max": ["FLOAT", {"default": 0.0}]},
        },
        "output": ["*"],
        "output_name": ["value"],
    }
}


def test_kritas_parameters_are_fields() -> None:
    """The name, type, default and limits of a parameter describe its field, and a number before
    the name orders it. The node declares a text, which the form edits as a number."""
    prompt = text_to_image(
        n20=node(
            "ETN_Parameter", name="10. Strength", type="number", default="0.6", min=0.0, max=1.0
        ),
        n21=node(
            "ETN_Parameter",
            name="2. Steps",
            type="number (integer)",
            default="9",
            min=-1e10,
            max=1e10,
        ),
        n22=node(
            "ETN_Parameter", name="1. Style/Wish", type="prompt (positive)", default="a castle"
        ),
    )
    prompt = with_values(prompt, "3", denoise=["20", 0], steps=["21", 0])
    prompt = with_values(prompt, "6", text=["22", 0])
    catalog = Catalog({**small_catalog().raw, **PARAMETER})
    workflow = parse_workflow("sample", prompt)
    form = build_form(workflow, catalog)
    assert shown(form) == [
        ("21.default", "Steps"),
        ("20.default", "Strength"),
        ("22.default", "Wish"),
    ]
    strength, steps, wish = (form.field(f"{n}.default") for n in (20, 21, 22))
    assert (strength.type, strength.default, strength.min, strength.max) == ("FLOAT", 0.6, 0, 1)
    assert (steps.type, steps.default, steps.max) == ("INT", 9, None)
    assert (wish.widget, wish.default) == ("textarea", "a castle")
    assert form.field("7.text").group == "advanced"
    sent, _ = fill(workflow, form, {"20.default": 0.5}, random.Random(1))
    assert sent["20"]["inputs"]["default"] == 0.5


def test_a_reported_krita_workflow_has_its_fields() -> None:
    """The parameters are the main fields, in their order."""
    form = reported_form("f1_krita_parameter", "f1.object_info")
    assert shown(form) == [("40.default", "Prompt"), ("41.default", "Strength")]


def reported_form(graph: str, definitions: str) -> Form:
    reports = Path(__file__).parents[3] / "shared" / "reports"
    if not reports.exists():
        pytest.skip("the reported graphs are not here")
    catalog = Catalog.read(reports / f"{definitions}.json")
    return build_form(on_server(read_workflow(reports / f"{graph}.json"), catalog), catalog)


def test_placeholders_become_default_values() -> None:
    """`PARAM_…` becomes the server's default or an empty value. `${…:default}` becomes the default
    in it. The app draws a seed."""
    prompt = with_values(
        text_to_image(), "3", seed="PARAM_INT_SEED", steps="PARAM_INT_STEPS", cfg="${guidance:6.5}"
    )
    prompt = with_values(prompt, "6", text="PARAM_PROMPT")
    prompt = with_values(prompt, "7", text="%%_COMFYFIXME_${negative:blurry}_ENDFIXME_%%")
    prompt = with_values(prompt, "4", ckpt_name="PARAM_MODEL")
    form = form_of(prompt)
    assert form.problems == ()
    values = {
        key: form.field(key).default for key in ("3.seed", "3.steps", "3.cfg", "6.text", "7.text")
    }
    assert values == {"3.seed": None, "3.steps": 20, "3.cfg": 6.5, "6.text": "", "7.text": "blurry"}
    assert form.field("4.ckpt_name").default_offered
    assert {form.field(key).source for key in values} == {"placeholder"}


@pytest.mark.parametrize(
    ("text", "name"),
    [("%prompt%", "“%prompt%”"), ("bad, %negative_prompt%", "“%negative_prompt%”"), ("50 %", "")],
)
def test_a_name_that_another_program_replaces_is_noted(text: str, name: str) -> None:
    """The form says so as long as the field has that text, which it keeps."""
    form = form_of(with_values(text_to_image(), "6", text=text))
    assert form.field("6.text").default == text
    noted = [(note.key, note.value, name in note.said) for note in form.notes]
    assert noted == ([("6.text", text, True)] if name else [])


def test_ordinary_texts_are_not_placeholders() -> None:
    """A value is a placeholder only if all of it has that shape."""
    assert not any(
        map(is_placeholder, ["a PARAM_INT_SEED", "PARAM_", "${open", "costs ${price:3} today", ""])
    )


CONFIG = """
[comfy]
workflow = "workflows/main.json"
[node_mappings]
positive_prompt_node = 6
steps_id = "3.steps"
[node_mappings.other]
wish = "7"
save_image_node_id = 21
"""


def mapped(folder: Path, name: str) -> Form:
    """Return the form of a workflow beside that config.toml."""
    prompt = text_to_image(n21=node("PreviewImage", images=["8", 0]))
    (folder / f"{name}.json").write_text(json.dumps(prompt))
    (folder / "config.toml").write_text(CONFIG)
    return build_form(read_workflow(folder / f"{name}.json"), small_catalog())


def test_node_mappings_name_nodes(tmp_path: Path) -> None:
    """A mapping to a node stands for its text. The general mappings apply to the workflow that the
    file names."""
    form = mapped(tmp_path, "main")
    assert shown(form)[0] == ("6.text", "Positive prompt")
    assert form.field("6.text").source == "node_mappings"
    assert form.field("3.steps").source == "node_mappings"
    assert form.problems == ()
    assert len(form.outputs) == 2


def test_node_mappings_of_one_workflow(tmp_path: Path) -> None:
    """A table with the workflow's name applies only to that workflow. It names the output that
    counts."""
    form = mapped(tmp_path, "other")
    assert shown(form)[0] == ("7.text", "Wish")
    assert form.field("6.text").source == "heuristic"
    assert [output.node for output in form.outputs] == ["21"]


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("sampler", "3", ("“sampler”", "“3”", "KSampler", 'sampler = "3.seed" or "3.steps"')),
        ("count", "3.stepz", ("“count”", "“3.stepz”", "no such value", '"3.steps"')),
        ("image", "8", ("“image”", "“8”", "VAEDecode", "Use the node that has the value")),
        ("gone", "99", ()),
    ],
)
def test_an_invalid_mapping_is_reported(name: str, place: str, words: tuple[str, ...]) -> None:
    """A name for a node without a suitable input is a problem. A name for a missing node isn't."""
    mappings = parse_mappings("sample", {"node_mappings": {name: place}})
    form = build_form(Workflow("sample", text_to_image(), mappings=mappings), small_catalog())
    assert len(form.problems) == bool(words)
    assert all(word in problem for problem in form.problems for word in words)


@pytest.mark.parametrize(
    "content", [b"[node_mappings", b"\xff", b"node_mappings = 3", b"[server]\nws_port = 1"]
)
def test_an_irrelevant_config_is_ignored(tmp_path: Path, content: bytes) -> None:
    """An unreadable config is a problem. A config about other things is ignored."""
    (tmp_path / "config.toml").write_bytes(content)
    mappings = read_mappings(tmp_path / "main.json")
    assert mappings.nodes == ()
    assert len(mappings.problems) == (content in (b"[node_mappings", b"\xff"))


def app_form(app: App | None = None, config: FormConfig | None = None, **titles: str) -> Form:
    """Return a form that App mode, a config and titles can define."""
    prompt = parse_workflow("sample", titled(text_to_image(), **titles)).prompt
    return build_form(Workflow("sample", prompt, None, config, app=app), small_catalog())


def test_app_mode_defines_the_shown_fields() -> None:
    """The App's inputs are the main fields, in its order and with its labels. An input of the App
    may set several inputs."""
    app = App(
        (ShownInput((("3", "steps"),), "How long"), ShownInput((("6", "text"), ("7", "text")))),
        ("9",),
    )
    form = app_form(app)
    assert [key for key, _ in shown(form)] == ["3.steps", "6.text"]
    assert (form.field("3.steps").label, form.field("3.steps").source) == ("How long", "app")
    assert form.field("6.text").targets == (("6", "text"), ("7", "text"))
    assert form.field("3.seed").group == "advanced"


def test_an_app_sets_the_height_of_its_fields() -> None:
    """The field keeps the height that the author drew for a text. The height is not part of the
    JSON."""
    app = App((ShownInput((("6", "text"),), height=240), ShownInput((("7", "text"),))))
    form = app_form(app)
    assert (form.field("6.text").height, form.field("7.text").height) == (240, None)
    assert "height" not in form.field("6.text").to_json()


def test_an_apps_limits_count() -> None:
    """The author's limits are narrower than the server's."""
    field = app_form(App((ShownInput((("3", "steps"),), min=2, max=30),))).field("3.steps")
    assert (field.min, field.max) == (2, 30)


def test_a_toml_comes_before_an_app_and_an_app_before_titles() -> None:
    """The convention that names an input first decides."""
    app = App((ShownInput((("3", "steps"),), "App"), ShownInput((("6", "text"),), "App text")))
    config = FormConfig(others="auto", fields=(FieldConfig("3.steps", label="Toml"),))
    form = app_form(app, config, n6="TEXT_title", n7="TEXT_other")
    assert shown(form) == [("3.steps", "Toml"), ("6.text", "App text")]
    assert (form.field("7.text").group, form.field("7.text").label) == ("advanced", "Other")


def test_app_mode_may_name_missing_inputs() -> None:
    """The form leaves out inputs that lead nowhere and keeps the rest."""
    app = App((ShownInput((("99", "x"),), "Gone"), ShownInput((), "Nothing")), ("9",))
    assert shown(app_form(app))


def test_a_promoted_subgraph_setting_keeps_its_name() -> None:
    """A setting that the author promoted out of a subgraph appears under the author's name."""
    prompt = parse_workflow("sample", text_to_image()).prompt
    promoted = (
        ShownInput((("3", "cfg"),), "Obedience"),
        ShownInput((("4", "ckpt_name"),), "Brain"),
    )
    form = build_form(Workflow("sample", prompt, promoted=promoted), small_catalog())
    field = form.field("3.cfg")
    assert (field.label, field.folded) == ("Obedience", True)
    assert (form.field("4.ckpt_name").group, form.field("4.ckpt_name").label) == (
        "advanced",
        "Brain",
    )


@pytest.mark.parametrize(
    "title",
    [
        "Total Steps (Base + Ref.)",
        "Wan2.2 LoRA-strength",
        "Flux.1",
        "Blur (0.5-1.0)",
        "No. of steps",
    ],
)
def test_an_authors_words_stay_whole(title: str) -> None:
    """Only names of inputs are taken apart: "model.cfg" is "CFG"."""
    prompt = parse_workflow("sample", text_to_image()).prompt
    promoted = (ShownInput((("3", "cfg"),), title), ShownInput((("3", "steps"),), "model.cfg"))
    form = build_form(Workflow("sample", prompt, promoted=promoted), small_catalog())
    labels = (form.field("3.cfg").label, form.field("3.steps").label)
    assert labels == (title, plain_words("cfg"))


def test_a_reported_sampler_is_replaced_with_a_note() -> None:
    """The note is also in the JSON of the form."""
    form = reported_form("f3_sampler_gone", "f1_f3_object_info")
    said = "Sampler: “no_such_sampler” isn't offered here. Using “euler” instead."
    assert form.to_json()["notes"] == [said]


@pytest.mark.parametrize(
    ("graph", "label"),
    [
        ("f1_label_dot_primitive", "Total Steps (Base + Ref.)"),
        ("f1_label_dot_subgraph", "Nr. 2 Blur-Radius"),
    ],
)
def test_a_reported_label_stays_whole(graph: str, label: str) -> None:
    """A primitive's title and a promoted input's label are the names of their fields."""
    form = reported_form(graph, "f1_f3_object_info")
    assert label in [field.label for field in form.fields]


def test_a_toml_file_also_hides_inputs_promoted_together() -> None:
    """The more important of two promoted inputs is hidden, too, if it isn't the first one."""
    config = FormConfig(fields=(FieldConfig("6.text"),), others="hidden")
    promoted = (ShownInput((("3", "cfg"), ("5", "width"))),)
    workflow = Workflow("sample", text_to_image(), None, config, promoted=promoted)
    form = build_form(workflow, small_catalog())
    assert [field.key for field in form.fields if field.group != "hidden"] == ["6.text"]


@pytest.mark.parametrize(("own", "label"), [(None, "Obedience"), ("Strength", "Strength")])
def test_settings_without_a_name_keep_the_promoted_one(own: str | None, label: str) -> None:
    """A TOML file that only lists an input doesn't take its name away."""
    prompt = parse_workflow("sample", text_to_image()).prompt
    config = FormConfig(fields=(FieldConfig("3.cfg", own),))
    promoted = (ShownInput((("3", "cfg"),), "Obedience"),)
    workflow = Workflow("sample", prompt, None, config, promoted=promoted)
    field = build_form(workflow, small_catalog()).field("3.cfg")
    assert (field.label, field.source) == (label, "toml")


TITLES = st.text(max_size=30) | st.builds(
    "".join,
    st.lists(st.sampled_from([*"<>:/$!.~_ 12 ", "prompt", "output", "TEXT_", "seed"]), max_size=14),
)
VALUES = (
    st.text(max_size=20)
    | st.sampled_from(["PARAM_INT_X", "${a:1}", "${seed:-1}", "PARAM_STR_"])
    | st.none()
)
CLASSES = [
    "CLIPTextEncode",
    "KSampler",
    "SwarmInputText",
    "SwarmInputGroup",
    "ComfyUIDeployExternalText",
    "CPackInputInt",
]


@given(TITLES)
def test_any_title_is_parsed_or_ignored(title: str) -> None:
    """No title makes a reader raise an error."""
    for read in (read_wrapper_title, read_pixelle_title, read_kind_title):
        read(title)


@given(st.lists(st.tuples(st.sampled_from(CLASSES), TITLES, VALUES), max_size=4))
def test_any_mix_of_conventions_makes_a_form(nodes: list[tuple[str, str, Any]]) -> None:
    """For any titles and values, no input is lost, set twice, or named like another."""
    names = ("text", "title", "value", "order_priority", "seed", "default_value", "min")
    extra = {
        f"n{30 + i}": node(class_type, title, **dict.fromkeys(names, value))
        for i, (class_type, title, value) in enumerate(nodes)
    }
    form = form_of(text_to_image(**extra))
    labels = [field.label for field in form.fields]
    assert len(labels) == len(set(labels))
    targets = [target for field in form.fields for target in field.targets]
    assert len(targets) == len(set(targets)) == 13 + 7 * len(nodes)


@given(
    st.dictionaries(
        st.text(max_size=4), st.integers() | st.text(max_size=4) | st.booleans(), max_size=4
    )
)
def test_any_mapping_is_read(table: dict[str, Any]) -> None:
    """The reader accepts names and node ids of any kind."""
    assert len(parse_mappings("main", {"node_mappings": table}).nodes) <= len(table)


def wrapped() -> Prompt:
    """Return a prompt with titles for that program."""
    return titled(
        text_to_image(n10=node("PrimitiveInt", value=30)),
        n6="<Prompt:prompt:1>",
        n7="<Negative:prompt:2>",
        n5="<Count:important:1> 1, 8, 1",
        n3="<Sampling seed:advanced/Sampling:3>",
        n9="<Output:output:1>",
    )


def test_a_wrappers_titles_make_its_form() -> None:
    """Each titled node becomes a field in the place that its title gives. The form shows nothing
    else."""
    form = form_of(wrapped())
    assert shown(form) == [("6.text", "Prompt"), ("7.text", "Negative"), ("5.width", "Count")]
    assert sources(form) == {"mcww"}
    (seed,) = [field for field in form.fields if field.group == "advanced"]
    assert (seed.label, seed.section) == ("Sampling seed", "Sampling")
    assert [output.node for output in form.outputs] == ["9"]
    assert form.titles["9"] == "Output"


def test_a_wrappers_numbers_are_sliders_within_its_limits() -> None:
    """The values min, max and step follow the title, with or without commas."""
    prompt = titled(wrapped(), n10="<Steps:advanced:2/2> 1 50 1")
    prompt = with_values(prompt, "3", steps=["10", 0])
    field = form_of(prompt).field("10.value")
    assert (field.widget, field.min, field.max, field.step, field.default) == (
        "slider",
        1,
        50,
        1,
        30,
    )


def test_a_wrappers_seed_is_drawn() -> None:
    """A whole number with “seed” in its label and no arguments is a seed."""
    prompt = with_values(titled(wrapped(), n10="<My Seed:prompt:3>"), "3", seed=["10", 0])
    assert form_of(prompt).field("10.value").widget == "seed"
    prompt = titled(prompt, n10="<My Seed:prompt:3> 0, 9")
    assert form_of(prompt).field("10.value").widget == "slider"


def test_a_wrappers_order_is_category_tab_row_column() -> None:
    """Rows are ordered by number, and tabs by their lowest row. Within a row, columns come before
    single fields."""
    order = [
        "<D:prompt/B:9>",
        "<B:prompt/A:2>",
        "<C:prompt/A:3/2>",
        "<E:prompt/A:3/1>",
        "<F:prompt/A:3>",
        "<G:x:0>",
    ]
    extra: dict[str, Any] = {
        f"n{20 + i}": node("CLIPTextEncode", title, text="t", clip=["4", 1])
        for i, title in enumerate(order)
    }
    extra["n9"] = node("SaveImage", "<Out:output:1>", images=["8", 0], filename_prefix="x")
    form = form_of(text_to_image(**extra))
    fields = [field for field in form.fields if field.source == "mcww"]
    assert [field.label for field in fields] == ["B", "E", "C", "F", "D", "G"]
    assert fields[-1].section == "x"


def test_a_wrappers_own_words_are_read_in_any_case_and_number() -> None:
    """The prompt category may also be called “Prompts”. Any other word is the author's own
    section."""
    assert [
        read_wrapper_title(f"<a:{word}:1>").category for word in ("Prompts", "OUTPUT", "ControlNet")
    ] == [  # type: ignore[union-attr]
        "prompt",
        "output",
        "ControlNet",
    ]


@pytest.mark.parametrize(
    "title", ["<b>bold</b>", "<Prompt>", "<Prompt:prompt>", "<:prompt:1>", "a <Prompt:prompt:1>"]
)
def test_incomplete_wrapper_titles_are_plain_titles(title: str) -> None:
    """A title with only half of the notation is just a title."""
    assert read_wrapper_title(title) is None
    assert sources(form_of(titled(text_to_image(), n6=title))) == {"heuristic"}


def test_an_incomplete_wrapper_graph_keeps_the_rest_at_hand() -> None:
    """Without a prompt and an output, that program shows nothing. Here the remaining fields are
    advanced."""
    form = form_of(titled(text_to_image(), n6="<Prompt:prompt:1>"))
    assert shown(form) == [("6.text", "Prompt")]
    assert form.field("3.steps").group == "advanced"


def test_a_model_the_server_lacks_stays_reachable() -> None:
    """A wrapper hides the field, but the user couldn't run the workflow without it."""
    form = form_of(with_values(wrapped(), "4", ckpt_name="gone.safetensors"))
    assert form.field("4.ckpt_name").group == "advanced"
    assert form.field("3.cfg").group == "hidden"


def test_a_titled_node_without_values_is_a_problem() -> None:
    """The sentence names the label and the node."""
    form = form_of(titled(wrapped(), n8="<Image:prompt:4>"))
    assert "“Image” has nothing to set: all inputs of node 8" in " ".join(form.problems)


def test_a_missing_node_is_named_by_its_label() -> None:
    """Sentences about missing nodes use the form's names for them."""
    lacking = wrapped() | {"30": node("Quux", "<Glow:advanced:9>", images=["8", 0])}
    (said,) = [problem for problem in form_of(lacking).problems if "Missing node" in problem]
    assert "Glow" in said
    assert "<Glow" not in said


SWARM = {"value": 12, "min": 2, "max": 40, "step": 1, "view_max": 30, "view_type": "slider"}
SWARM_STEPS = node("SwarmInputInteger", title="Steps to take", description="Anything", **SWARM)


def told(field: Field) -> tuple[object, ...]:
    return (
        *(field.label, field.tooltip, field.widget, field.required, field.default),
        *(field.min, field.max, field.step, field.choices),
    )


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        (titled(text_to_image(), n6="$prompt.text!:What to draw"), "6.text"),
        (with_values(text_to_image(n20=SWARM_STEPS), "3", steps=["20", 0]), "20.value"),
        (with_values(text_to_image(), "6", text="PARAM_PROMPT"), "6.text"),
        (with_values(text_to_image(), "3", cfg="${guidance:6.5}"), "3.cfg"),
    ],
    ids=["pixelle", "swarmui", "placeholder", "placeholder with a default"],
)
def test_a_toml_file_keeps_the_settings_of_conventions(prompt: dict[str, Any], key: str) -> None:
    """A table without settings changes nothing but the source. Its own settings come first."""
    before = form_of(prompt).field(key)
    listed = form_of(prompt, FormConfig(fields=(FieldConfig(key),))).field(key)
    assert (told(listed), listed.source) == (told(before), "toml")
    named = form_of(prompt, FormConfig(fields=(FieldConfig(key, "Mine", "Help"),))).field(key)
    assert (named.label, named.tooltip, told(named)[2:]) == ("Mine", "Help", told(before)[2:])


def test_a_toml_file_keeps_the_limits_of_an_app() -> None:
    """The file names the field and sets one limit; the App sets the others."""
    shown = ShownInput((("3", "steps"),), "How long", min=2, max=30)
    config = FormConfig(fields=(FieldConfig("3.steps", label="Mine", max=25),))
    prompt = parse_workflow("sample", text_to_image()).prompt
    workflow = Workflow("sample", prompt, None, config, app=App((shown,)))
    field = build_form(workflow, small_catalog()).field("3.steps")
    assert (field.label, field.min, field.max) == ("Mine", 2, 25)
