"""Forms of workflows: fields, passes, shapes and labels."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.candidates import Candidate, find_candidates
from comfy.form.check import check
from comfy.form.conventions.layers import Layer, Statement
from comfy.form.declare import declare
from comfy.form.fill import fill
from comfy.form.labels import Wanted, distinct, telling_part
from comfy.form.limits import choose_widgets, limit_values
from comfy.form.merge import merge
from comfy.form.model import Form, main_prompt
from comfy.form.rules import place
from comfy.prompt.model import InputRef, Prompt
from comfy.prompt.trace import Trace
from comfy.workflow.config import FieldConfig
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server
from tests.support.samples import graphs
from tests.support.samples.forms import (
    field_of,
    form_of,
    image_prompt,
    main_labels,
    node,
    parse_workflow,
    small_catalog,
    text_to_image,
    with_values,
    workflow_of,
)


def test_a_plain_prompt_becomes_a_plain_form() -> None:
    """Texts, size and count come first, in that order and with plain labels."""
    form = form_of(text_to_image())
    assert main_labels(form) == [
        "Prompt",
        "Negative prompt",
        "Width",
        "Height",
        "Images",
    ]
    assert form.problems == ()


def test_the_page_knows_the_fields_it_names() -> None:
    """Their roles don't depend on labels."""
    roles = {field.role: field.key for field in form_of(text_to_image()).fields if field.role}
    assert roles == {
        "prompt": "6.text",
        "negative": "7.text",
        "count": "5.batch_size",
        "width": "5.width",
        "height": "5.height",
        "model": "4.ckpt_name",
    }


def test_less_used_fields_are_advanced() -> None:
    """The form folds away steps and seed, then model, guidance, sampler and file name."""
    advanced = [field for field in form_of(text_to_image()).fields if field.group == "advanced"]
    assert [field.key for field in advanced if field.folded] == ["3.steps", "3.seed"]
    assert {field.key for field in advanced if not field.folded} == {
        "4.ckpt_name",
        "3.cfg",
        "3.denoise",
        "3.sampler_name",
        "3.scheduler",
        "9.filename_prefix",
    }


def test_linked_inputs_have_no_fields() -> None:
    """The form doesn't ask for a value that comes through a link."""
    assert "3.model" not in {field.key for field in form_of(text_to_image()).fields}


@pytest.mark.parametrize(
    ("key", "type_", "widget"),
    [
        ("6.text", "STRING", "textarea"),
        ("9.filename_prefix", "STRING", "text"),
        ("3.steps", "INT", "slider"),
        ("3.cfg", "FLOAT", "slider"),
        ("3.denoise", "FLOAT", "slider"),
        ("3.sampler_name", "COMBO", "dropdown"),
        ("3.seed", "INT", "seed"),
    ],
)
def test_widgets_follow_the_servers_types(key: str, type_: str, widget: str) -> None:
    """Each type has its widget. A slider appears only if dragging is precise enough to hit a
    value."""
    field = field_of(text_to_image(), key)
    assert (field.type, field.widget) == (type_, widget)


def test_the_server_types_a_value_not_the_json() -> None:
    """The text “7” for a FLOAT becomes a number field that holds 7.0."""
    field = field_of(with_values(text_to_image(), "3", cfg="7", steps=12.0), "3.cfg")
    assert (field.widget, field.default) == ("slider", 7.0)


def test_limits_are_the_servers() -> None:
    """The catalog gives min, max, step and round."""
    field = field_of(text_to_image(), "3.cfg")
    assert (field.min, field.max, field.step, field.round) == (0.0, 100.0, 0.1, 0.01)


def test_sixty_four_bit_seeds_are_exact() -> None:
    """The value and the limit never pass through a float, not even in JSON."""
    prompt = with_values(text_to_image(), "3", seed=2**64 - 1)
    field = json.loads(json.dumps(form_of(prompt).field("3.seed").to_json()))
    assert (field["default"], field["max"]) == (2**64 - 1, 2**64 - 1)


@pytest.mark.parametrize("value", ["randomize", "PARAM_INT_SEED", None, float("nan")])
def test_a_seed_that_is_not_a_number_is_random(value: object) -> None:
    """Placeholders of other programs mean a new seed each time. They aren't a problem."""
    form = form_of(with_values(text_to_image(), "3", seed=value))
    assert form.field("3.seed").default in (None, 0)
    assert form.problems == ()


def test_a_value_of_the_wrong_kind_is_named_and_replaced() -> None:
    """A number field always starts with a number."""
    form = form_of(with_values(text_to_image(), "3", steps="many"))
    assert form.field("3.steps").default == 20
    assert form.problems == ("Steps: The value in the workflow is “many”. Enter a whole number.",)


def test_an_input_without_its_connection_is_named() -> None:
    """The workflow can't run, unless another result has all its connections."""
    prompt = text_to_image()
    saver = next(key for key, one in prompt.items() if one["class_type"] == "SaveImage")
    loose = {**prompt, "99": node("SaveImage", "Last one", filename_prefix="a")}
    both = form_of(loose)
    assert (both.flaws, both.can_run) == ((), True)
    form = form_of({key: one for key, one in loose.items() if key != saver})
    assert form.flaws == ("“Images” of “Last one” isn't connected.",)
    assert form.flaws[0] in form.problems
    assert not form.can_run


def test_a_node_of_another_version_is_named() -> None:
    """Values that don't fit the node's inputs are defaults, and one note says so."""
    values = (7, "fixed", "seconds", "heun", 0.5)
    data = graphs.graph(
        graphs.graph_node(1, "Sample", *values, title="My sampler"),
        graphs.graph_node(2, "Decode"),
        graphs.graph_node(3, "SaveImage"),
        links="1.0 LATENT > 2.latent\n2.0 IMAGE > 3.images",
    )
    workflow = open_workflow("old.json", json.dumps(data).encode())
    form = build_form(on_server(workflow, graphs.CATALOG), graphs.CATALOG)
    assert form.field("1.steps").default == 20
    assert [note.said for note in form.notes] == [
        "“My sampler” was saved with another version of this node. Values that don't fit were"
        " replaced by defaults."
    ]


def test_a_value_outside_the_limits_is_named_and_moved() -> None:
    """The server would refuse the value, so the form starts at the limit."""
    form = form_of(with_values(text_to_image(), "3", steps=0))
    assert form.field("3.steps").default == 1
    assert form.problems == ("Steps: The value in the workflow is 0. Minimum 1.",)


def test_a_model_the_server_lacks_is_a_problem_with_the_closest() -> None:
    """The sentence names the workflow, the field, the value and the closest choice. The value
    doesn't change."""
    form = form_of(with_values(text_to_image(), "4", ckpt_name="v1-5-pruned.safetensors"))
    (problem,) = form.problems
    for part in ("Model", "v1-5-pruned.safetensors", "tiny_sd15.safetensors"):
        assert part in problem
    field = form.field("4.ckpt_name")
    assert (field.default, field.default_offered) == ("v1-5-pruned.safetensors", False)


def test_a_missing_node_is_named_once_with_advanced_inputs() -> None:
    """If the server doesn't know a node, the form guesses its inputs from the JSON and puts them
    under advanced."""
    extra = {
        "n20": node("Sharpen+", amount=3, on=True, image=["8", 0]),
        "n21": node("Sharpen+", image=["8", 0]),
    }
    form = form_of(text_to_image(**extra))
    assert form.problems == ("Missing node: Sharpen+. It is used 2 times.",)
    assert {(form.field(key).group, form.field(key).widget) for key in ("20.amount", "20.on")} == {
        ("advanced", "number"),
        ("advanced", "checkbox"),
    }


def test_a_link_to_a_missing_node_is_named() -> None:
    """The server would answer such a prompt with a KeyError."""
    form = form_of(with_values(text_to_image(), "8", samples=["99", 0]))
    assert form.problems == ("“VAE Decode” takes “Samples” from node 99, which doesn't exist.",)


def test_editor_state_is_hidden() -> None:
    """The form hides upload buttons, viewer state, blobs and inputs that the node no longer has."""
    prompt = image_prompt(control_after_generate="randomize")
    prompt["10"]["inputs"]["upload"] = "image"
    prompt["6"]["inputs"]["text"] = "A" * 50_000
    prompt["20"] = node("Viewer", camera={"x": 1}, images=["8", 0])
    form = form_of(prompt)
    for key in ("10.upload", "3.control_after_generate", "6.text", "20.camera"):
        assert form.field(key).group == "hidden"


def test_an_input_that_reaches_no_output_is_hidden() -> None:
    """A forgotten text changes nothing, and the form doesn't ask for it."""
    form = form_of(text_to_image(n30=node("CLIPTextEncode", text="forgotten", clip=["4", 1])))
    assert form.field("30.text").group == "hidden"


def test_the_main_prompt_is_a_whole_text() -> None:
    """Words that the author puts before and after it aren't what the result is about."""
    texts = {
        "1": node("PrimitiveStringMultiline", value="Aspect ratio:"),
        "2": node("PrimitiveStringMultiline", value="A harbor at dawn, seen from a hill"),
        "3": node("StringConcatenate", string_a=["1", 0], string_b=["2", 0], delimiter=" "),
        "4": node("CLIPTextEncode", text=["3", 0], clip=["9", 1]),
        "5": node("CLIPTextEncode", text="blurry", clip=["9", 1]),
        "6": node("KSampler", model=["9", 0], positive=["4", 0], negative=["5", 0], seed=1),
        "7": node("SaveImage", images=["6", 0]),
        "9": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
    }
    found = main_prompt(form_of(texts).fields)
    assert found
    assert found.key == "2.value"
    assert main_prompt(field for field in form_of(texts).fields if field.role == "negative") is None


def test_zeroed_conditioning_is_not_the_negative_prompt() -> None:
    """If the negative side is only zeros, the form has a single text, and it's positive."""
    prompt = with_values(text_to_image(), "3", negative=["20", 0])
    prompt["20"] = node("ConditioningZeroOut", conditioning=["6", 0])
    del prompt["7"]
    assert main_labels(form_of(prompt))[:2] == ["Prompt", "Width"]


def test_a_controlnet_keeps_positive_and_negative_texts_apart() -> None:
    """The app tells the positive and the negative input of a node apart."""
    prompt = with_values(text_to_image(), "3", positive=["20", 0], negative=["20", 1])
    prompt["20"] = node(
        "ControlNetApplyAdvanced",
        positive=["6", 0],
        negative=["7", 0],
        strength=1.0,
        start_percent=0.0,
        end_percent=1.0,
    )
    form = form_of(prompt)
    assert (form.field("6.text").label, form.field("7.text").label) == (
        "Prompt",
        "Negative prompt",
    )
    assert form.field("7.text").tooltip == "What to avoid."
    assert form.field("6.text").tooltip != "What to avoid."


def test_texts_are_found_through_guiders_and_primitives() -> None:
    """Flux-like graphs keep their text in a value node behind a guider."""
    prompt = {
        "1": node("PrimitiveStringMultiline", value="a fox"),
        "2": node("CLIPTextEncode", text=["1", 0], clip=["9", 0]),
        "3": node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
        "4": node("BasicGuider", model=["9", 0], conditioning=["3", 0]),
        "5": node("RandomNoise", noise_seed=5),
        "6": node("SamplerCustomAdvanced", noise=["5", 0], guider=["4", 0], latent_image=["7", 0]),
        "7": node("EmptyLatentImage", width=["8", 0], height=512, batch_size=1),
        "8": node("PrimitiveInt", value=768),
        "10": node("SaveImage", images=["6", 0], filename_prefix="x"),
    }
    form = form_of(prompt)
    assert form.field("1.value").label == "Prompt"
    width = form.field("8.value")
    assert (width.label, width.widget, width.min, width.max, width.step) == (
        "Width",
        "number",
        16,
        16384,
        8,
    )


def test_a_sampler_without_noise_does_not_ask_for_a_seed() -> None:
    """The second of two advanced samplers adds no noise, so its seed has no effect."""
    prompt = text_to_image(
        n3=node(
            "KSamplerAdvanced", add_noise="disable", noise_seed=3, steps=9, latent_image=["5", 0]
        )
    )
    assert field_of(prompt, "3.noise_seed").group == "advanced"


def test_titles_that_differ_from_the_class_become_labels() -> None:
    """A title that the author chose names the field. A title that repeats the class doesn't."""
    prompt = image_prompt()
    prompt["10"]["_meta"] = {"title": "Your photo"}
    prompt["6"]["_meta"] = {"title": "CLIP Text Encode (Positive Prompt)"}
    form = form_of(prompt)
    assert form.field("10.image").label == "Your photo"
    assert form.field("6.text").label == "Prompt"


def test_two_samplers_have_different_labels() -> None:
    """Titles tell the labels apart if they say something. Otherwise the order of the samplers does,
    but never node ids."""
    second = with_values(text_to_image(), "3", latent_image=["3", 0], cfg=5.0)["3"]
    prompt = with_values(text_to_image(n13=second), "8", samples=["13", 0])

    def labels() -> list[str]:
        return [form_of(prompt).field(key).label for key in ("3.cfg", "13.cfg")]

    assert labels() == ["Guidance scale (pass 1)", "Guidance scale (pass 2)"]
    prompt["3"]["_meta"] = {"title": "First pass"}
    prompt["13"]["_meta"] = {"title": "Refine"}
    assert labels() == ["Guidance scale (First pass)", "Guidance scale (Refine)"]


def test_model_choices_are_readable() -> None:
    """Labels leave out folders and extensions, unless two models would then have the same name. The
    values stay exact."""
    prompt = text_to_image(
        n10=node("LoraLoader", lora_name="film.safetensors", model=["4", 0], clip=["4", 1])
    )
    prompt = with_values(prompt, "3", model=["10", 0])
    assert field_of(prompt, "4.ckpt_name").choices == (
        ("broken", "broken.safetensors"),
        ("tiny_sd15", "tiny_sd15.safetensors"),
    )
    assert [label for label, _ in field_of(prompt, "10.lora_name").choices or ()] == [
        "styles/ink",
        "people/ink",
        "film",
    ]


def test_outputs_have_a_kind() -> None:
    """The form lists the nodes whose results count, with their kind of result."""
    prompt = text_to_image(
        n20=node("PreviewImage", images=["8", 0]),
        n21=node("CreateVideo", images=["8", 0], fps=8.0),
        n22=node("SaveVideo", video=["21", 0], format="auto", codec="auto", filename_prefix="v"),
        n23=node("PreviewAny", source=["4", 0]),
        n24=node("VHS_VideoCombine", images=["8", 0]),
    )
    outputs = form_of(prompt).outputs
    kinds = {output.node: output.kind for output in outputs}
    assert kinds == {"9": "image", "20": "image", "22": "video", "23": "text", "24": "video"}
    assert [output.node for output in outputs if output.is_preview] == ["20"]
    assert [output.node for output in outputs if output.is_aside] == ["20", "23"]


def test_outputs_are_named_like_their_nodes() -> None:
    """The node's own title is the name, else the class's display name. Equal names get numbers."""
    prompt = text_to_image(
        n20=node("SaveImage", images=["8", 0], filename_prefix="a"),
        n21=node("SaveImage", images=["8", 0], filename_prefix="b"),
    )
    prompt["20"]["_meta"] = {"title": "Line drawing"}
    labels = [output.label for output in form_of(prompt).outputs]
    assert labels == ["Save Image", "Line drawing", "Save Image 2"]


def test_dynamic_combos_are_dropdowns_with_their_own_inputs() -> None:
    """A chosen option's inputs are fields like any other."""
    video = {
        "format": "mp4",
        "format.codec": "h264",
        "format.codec.encoding": "re-encode",
        "format.codec.encoding.crf": 20,
    }
    prompt = {
        "1": node("LoadVideo", file="a.mp4"),
        "2": node("SaveVideo", video=["1", 0], filename_prefix="v", **video),
    }
    form = form_of(prompt)
    assert [value for _, value in form.field("2.format").choices or ()] == ["auto", "mp4"]
    assert form.field("2.format.codec.encoding.crf").max == 51.0


def test_cycles_end() -> None:
    """A graph with a cycle still makes a form."""
    prompt = with_values(text_to_image(), "6", text=["9", 0])
    prompt["5"] = node("RepeatLatentBatch", samples=["3", 0], amount=2)
    assert form_of(prompt).fields


def test_markup_in_titles_stays_text() -> None:
    """The form interprets no markup. The label is the title's text."""
    prompt = image_prompt()
    prompt["10"]["_meta"] = {"title": "<img src=x onerror=alert(1)>"}
    assert field_of(prompt, "10.image").label == "<img src=x onerror=alert(1)>"


def test_json_has_the_documented_shape() -> None:
    """`comfy form --json` prints exactly these keys."""
    form = form_of(text_to_image()).to_json()
    assert list(form) == ["title", "fields", "outputs", "problems", "notes"]
    assert list(form["fields"][0]) == [
        "key",
        "node",
        "input",
        "label",
        "type",
        "widget",
        "group",
        "default",
        "min",
        "max",
        "step",
        "choices",
        "tooltip",
        "required",
        "source",
        "targets",
    ]
    assert form["fields"][0]["targets"] == [["6", "text"]]
    assert form["outputs"] == [
        {"node": "9", "label": "Save Image", "kind": "image", "preview": False}
    ]


def test_a_server_without_any_node_still_gives_a_form() -> None:
    """The form opens and names the missing nodes."""
    form = build_form(parse_workflow("x", text_to_image()), Catalog({}))
    assert len(form.problems) == len(form.missing) == 6
    assert [field.label for field in form.fields if field.group == "main"] == [
        "Prompt",
        "Negative prompt",
        "Width",
        "Height",
        "Images",
    ]


CATALOG = small_catalog()


def declared(prompt: Prompt, *statements: Statement) -> tuple[Candidate, ...]:
    """Return a prompt's candidates after the third pass."""
    layers = (Layer(statements),)
    candidates = declare(find_candidates(prompt, CATALOG), layers, Layer())
    return place(candidates, Trace(prompt, CATALOG))


def about(key: InputRef, said: FieldConfig) -> Candidate:
    """Return a candidate with an author's setting, after all passes."""
    prompt = text_to_image()
    fields = declared(prompt, Statement("toml", (key,), said))
    (found,) = [one for one in limit_values(choose_widgets(merge(fields))) if one.ref == key]
    return found


def test_every_input_with_a_value_is_a_candidate() -> None:
    """Links have no value."""
    prompt = text_to_image()
    literals = {
        InputRef(node_id, name)
        for node_id, node in prompt.items()
        for name, value in node["inputs"].items()
        if not isinstance(value, list)
    }
    assert {one.ref for one in find_candidates(prompt, CATALOG)} == literals


def test_declared_candidates_come_first() -> None:
    """The other candidates follow in the prompt's order."""
    prompt, seed = text_to_image(), InputRef("3", "seed")
    fields = declared(prompt, Statement("toml", (seed,)))
    assert (fields[0].ref, fields[0].source) == (seed, "toml")
    rest = [one.ref for one in find_candidates(prompt, CATALOG) if one.ref != seed]
    assert [one.ref for one in fields[1:]] == rest


def test_merging_keeps_every_input() -> None:
    """Two texts with the same role become a single field that sets both."""
    text = node("CLIPTextEncode", text="a lighthouse at dusk", clip=["4", 1])
    prompt = text_to_image(n7=text)
    before = declared(prompt)
    after = merge(before)
    kept = sorted(each.key for one in after for each in (one, *one.also))
    assert kept == sorted(one.key for one in before)


@pytest.mark.parametrize(
    ("said", "widget", "problems"),
    [
        (FieldConfig("", min=1, max=50), "slider", 0),
        (FieldConfig("", widget="number", min=1, max=50), "number", 0),
        (FieldConfig("", widget="color"), "color", 0),
        (FieldConfig("", widget="dropdown"), "number", 1),
    ],
)
def test_an_author_chooses_the_widget_that_fits(
    said: FieldConfig, widget: str, problems: int
) -> None:
    """The input keeps its own widget if the author's widget doesn't fit."""
    steps = about(InputRef("3", "steps"), said)
    assert (steps.widget, len(steps.problems)) == (widget, problems)


def test_a_default_beyond_the_limits_is_the_limit() -> None:
    """A sentence reports the change."""
    steps = about(InputRef("3", "steps"), FieldConfig("", max=10))
    assert (steps.default, steps.limits.max, len(steps.problems)) == (10, 10, 1)


BOX = {"x": 1, "y": 2, "width": 300, "height": 200}
CURVE = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
NODES = {
    "ImageCropV2": {
        "input": {"required": {"crop_region": ["BOUNDING_BOX", {"socketless": True}]}},
        "output": ["IMAGE"],
        "name": "ImageCropV2",
    },
    "CurveEditor": {
        "input": {"required": {"image": ["IMAGE"], "curve": ["CURVE", {"socketless": True}]}},
        "output": [],
        "name": "CurveEditor",
        "output_node": True,
    },
}


def prompt(box: object = BOX, curve: object = CURVE) -> dict[str, Any]:
    return {
        "1": node("ImageCropV2", crop_region=box),
        "2": node("CurveEditor", image=["1", 0], curve=curve),
    }


def form(**values: object) -> Form:
    """Return the form of both nodes, on a server that has them."""
    return build_form(workflow_of(prompt(**values)), Catalog(NODES))


def sent(values: dict[str, object], **authors: object) -> tuple[object, object]:
    clean, errors = check(form(**authors), values)
    assert errors == {}
    filled, _ = fill(workflow_of(prompt(**authors)), form(**authors), clean, random.Random(1))
    return filled["1"]["inputs"]["crop_region"], filled["2"]["inputs"]["curve"]


def test_boxes_and_curves_have_fields_of_their_own() -> None:
    """Each field has the author's value as it is. A value of any other shape stays a text field."""
    fields = {field.key: (field.widget, field.group, field.default) for field in form().fields}
    assert fields == {
        "1.crop_region": ("box", "main", BOX),
        "2.curve": ("curve", "main", CURVE),
    }
    odd = {field.key: (field.widget, field.group) for field in form(box={"x": "a"}, curve=7).fields}
    assert odd == {"1.crop_region": ("text", "hidden"), "2.curve": ("text", "hidden")}


@pytest.mark.parametrize(
    "given", [[5, 6, 70, 80], {"x": 5, "y": 6, "width": 70, "height": 80}, "5, 6, 70, 80"]
)
def test_a_box_is_sent_as_the_server_takes_it(given: object) -> None:
    """The four numbers may come in the form of a page, a script or a shell."""
    assert sent({"1.crop_region": given})[0] == {"x": 5, "y": 6, "width": 70, "height": 80}


@pytest.mark.parametrize("given", [[[1, 1], [0.5, 0.2], [0, 0], [None, None]], "0 0; 0.5 0.2; 1 1"])
def test_a_curve_is_sent_from_left_to_right(given: object) -> None:
    """The app sorts the curve's rows and leaves out empty rows. The author's interpolation doesn't
    change."""
    points = [[0.0, 0.0], [0.5, 0.2], [1.0, 1.0]]
    assert sent({"2.curve": given})[1] == {"points": points, "interpolation": "linear"}
    old = {"__type__": "CURVE", "__value__": [[0, 0], [1, 1]]}
    assert sent({"2.curve": given}, curve=old)[1] == {"__type__": "CURVE", "__value__": points}


def test_unchanged_values_stay_as_the_author_wrote_them() -> None:
    """Whole numbers stay whole numbers."""
    box, curve = sent({"1.crop_region": [1, 2, 300, 200], "2.curve": [[0.0, 0.0], [1.0, 1.0]]})
    assert (box, curve) == (BOX, CURVE)
    assert curve["points"] == [[0, 0], [1, 1]]
    assert all(isinstance(part, int) for point in curve["points"] for part in point)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([1, 2, 3], "Enter four numbers: X and Y from 0, width and height from 1."),
        ([1, 2, 3, None], "Enter a number."),
        ([-1, 0, 5, 5], "Enter four numbers: X and Y from 0, width and height from 1."),
        ([0, 0, 0, 5], "Enter four numbers: X and Y from 0, width and height from 1."),
        (None, "Enter numbers."),
    ],
)
def test_an_invalid_box_is_refused_with_a_sentence(box: object, said: str) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"1.crop_region": box})[1] == {"1.crop_region": said}


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([[0, 0]], "A curve needs 2 to 100 points."),
        ([[0, 0], [0, 1]], "Two points can't have the same X."),
        ([[0, 0], [1, None]], "Enter a number."),
        ([[0, 0], [1]], "Each point needs an X and a Y."),
        (None, "Enter numbers."),
    ],
)
def test_an_invalid_curve_is_refused_with_a_sentence(curve: object, said: str) -> None:
    """The sentence appears on the field."""
    assert check(form(), {"2.curve": curve})[1] == {"2.curve": said}


SAMPLER = ("KSamplerAdvanced", "KSampler (Advanced)")
PIECES = [
    "KSampler",
    "(Advanced)",
    "BASE",
    "Load",
    "Image",
    "(mask (A))",
    "[hi]",
    "\uff08タイル\uff09",
    ": ",
    "2",
]
OPENING = {")": "(", "]": "[", "\uff09": "\uff08"}


def is_balanced(text: str) -> bool:
    """Return whether each bracket has its partner."""
    opened: list[str] = []
    for character in text:
        if character in OPENING.values():
            opened.append(character)
        elif character in OPENING and (not opened or opened.pop() != OPENING[character]):
            return False
    return not opened


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("KSampler (Advanced) - BASE", "BASE"),
        ("KSampler (Advanced) (BASE)", "BASE"),
        ("KSampler (Advanced)", ""),
        ("KSampler (Advanced): mask (A)", "mask (A)"),
        ("KSampler (Advanced second) 2", "KSampler (Advanced second) 2"),
    ],
)
def test_brackets_of_the_class_name_are_dropped(title: str, label: str) -> None:
    """ComfyUI's own names have brackets. The author's words stand behind them or in other
    brackets."""
    assert telling_part(title, *SAMPLER) == label


@given(
    pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    space=st.sampled_from(["", " "]),
    cut=st.integers(0, 40),
)
def test_balanced_titles_make_balanced_labels(pieces: list[str], space: str, cut: int) -> None:
    """No bracket loses its partner, for any part of a title as the name of its class."""
    title = space.join(pieces)
    assert is_balanced(telling_part(title, title[:cut], "KSampler (Advanced)"))
    assert is_balanced(telling_part(title, "KSampler", title[:cut]))


def test_an_addition_with_brackets_is_not_bracketed_again() -> None:
    """A dash separates it instead."""
    labels = [Wanted("Steps", ["Base (first)"]), Wanted("Steps", ["Refiner"])]
    assert distinct(labels) == ["Steps \N{EN DASH} Base (first)", "Steps (Refiner)"]


def test_labels_are_numbered_in_each_group() -> None:
    """A group of the editor tells more than a number, and it stands behind other details."""
    labels = [Wanted("Crop", group=group) for group in ("Pose", "Pose", "Face")]
    assert distinct(labels) == ["Crop (Pose)", "Crop (Pose) 2", "Crop (Face)"]
    encoders = [Wanted("Crop", group=group, of_node=["Encode"]) for group in ("Pose", "Face", "")]
    others = [Wanted("Crop", of_node=["Resize"])]
    assert distinct([*encoders, *others]) == [
        "Crop (Encode) \N{EN DASH} Pose",
        "Crop (Encode) \N{EN DASH} Face",
        "Crop (Encode)",
        "Crop (Resize)",
    ]
