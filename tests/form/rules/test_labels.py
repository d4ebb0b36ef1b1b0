"""Labels by the role of a field and its author's words."""

from __future__ import annotations

import json

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.build import build_form
from comfy.form.model import Form
from comfy.prompt.model import Node, Prompt
from tests.form.more_nodes import TEXT, form_with, main, more_nodes, spec
from tests.support.samples.forms import node, text_to_image, with_values, workflow_of

NODES = {
    "FrameVideo": spec(
        {"model": ["MODEL"]},
        "LATENT",
        optional={
            **{name: ["IMAGE"] for name in ("start_image", "end_image", "reference_images")},
            **{f"image{number}": ["IMAGE"] for number in (1, 2, 3)},
        },
    ),
    "Shrink": spec({"image": ["IMAGE"]}, "IMAGE"),
    "ControlNetApply": spec({"image": ["IMAGE"], "conditioning": ["CONDITIONING"]}, "CONDITIONING"),
    "Tagger|pack": spec({"text": TEXT}, "STRING"),
    "Song": spec({"lyrics": ["STRING", {"forceInput": True}]}, "LATENT"),
}


def form_of(**nodes: Node) -> Form:
    """Return the form of a text-to-image prompt with these nodes, on a server that has them."""
    catalog = Catalog({**more_nodes().raw, **NODES})
    prompt = with_values(text_to_image(**nodes), "3", latent_image=["30", 0])
    return build_form(workflow_of(prompt), catalog)


def images(*titles: str, through: str = "") -> dict[str, Node]:
    """Return loaders 20, 21 …, and nodes 40, 41 … of the class `through` behind them."""
    loaders = {
        f"n{20 + at}": node("LoadImage", title, image="a.png") for at, title in enumerate(titles)
    }
    behind = {f"n{40 + at}": node(through, image=[f"{20 + at}", 0]) for at in range(len(titles))}
    return loaders | (behind if through else {})


def test_an_image_is_named_by_the_socket_that_it_reaches() -> None:
    """Nodes between them that only change the image say nothing."""
    video = node("FrameVideo", model=["4", 0], start_image=["40", 0], end_image=["41", 0])
    labels = main(form_of(**images("", "", through="Shrink"), n30=video))
    assert (labels["20.image"], labels["21.image"]) == ("First frame", "Last frame")


def test_the_authors_title_of_an_image_wins() -> None:
    """A title that only says that the image is optional isn't one."""
    video = node("FrameVideo", model=["4", 0], start_image=["20", 0], end_image=["21", 0])
    labels = main(form_of(**images("Load Image (garment)", "Load Image (Optional)"), n30=video))
    assert (labels["20.image"], labels["21.image"]) == ("Garment", "Last frame")


def test_images_of_a_list_are_numbered_as_prompts_refer_to_them() -> None:
    """The first has a number, too."""
    video = node("FrameVideo", model=["4", 0], image1=["20", 0], image2=["41", 0])
    loaders = images("", "", through="Shrink")
    labels = main(form_of(**loaders, n30=video))
    wanted = ("Reference image 1", "Reference image 2")
    assert (labels["20.image"], labels["21.image"]) == wanted
    alone = node("FrameVideo", model=["4", 0], image1=["20", 0])
    assert main(form_of(**images(""), n30=alone))["20.image"] == "Image"


def test_a_second_mask_is_named_by_its_input() -> None:
    """It only guides the run, so that the form's sentence doesn't count it as an image."""
    inputs = {"image": ["IMAGE"], "mask": ["MASK"], "optional_context_mask": ["MASK"]}
    catalog = Catalog({**more_nodes().raw, "Crop": spec(inputs, "IMAGE")})
    loader = node("LoadImage", image="example.png")
    masks = {"image": ["1", 0], "mask": ["1", 1], "optional_context_mask": ["2", 1]}
    save = node("SaveImage", images=["3", 0], filename_prefix="x")
    prompt = {"1": loader, "2": loader, "3": node("Crop", **masks), "4": save}
    form = build_form(workflow_of(prompt), catalog)
    assert {one.label: one.role for one in form.fields if one.group == "main"} == {
        "Image (paint over what to change)": "",
        "Context mask": "guide",
    }
    assert form.description == "Create an image from your image."


def test_the_image_of_a_model_is_only_cut_out() -> None:
    """Its mask says what the 3D model shows, so that nothing is painted over."""
    made = spec({"image": ["IMAGE"], "mask": ["MASK"]}, "MESH")
    saved = spec({"mesh": ["MESH"]}, output_node=True)
    catalog = Catalog({**more_nodes().raw, "Shape": made, "SaveGLB": saved})
    prompt = {
        "1": node("LoadImage", image="example.png"),
        "2": node("Shape", image=["1", 0], mask=["1", 1]),
        "3": node("SaveGLB", mesh=["2", 0]),
    }
    assert main(build_form(workflow_of(prompt), catalog)) == {"1.image": "Image"}


def test_the_image_of_a_control_net_is_a_control_image() -> None:
    """Its socket is only called an image."""
    control = node("ControlNetApply", image=["40", 0], conditioning=["6", 0])
    video = node("FrameVideo", model=["4", 0])
    prompt = {**images("", through="Shrink"), "n30": video, "n31": control}
    catalog = Catalog({**more_nodes().raw, **NODES})
    changed = with_values(text_to_image(**prompt), "3", positive=["31", 0], latent_image=["30", 0])
    assert main(build_form(workflow_of(changed), catalog))["20.image"] == "Control image"


def test_a_model_may_draw_the_control_image() -> None:
    """A result that also repaints the loaded image shows it, so that it is no control image."""
    depth = node("KSampler", model=["4", 0], latent_image=["32", 0], seed=1, denoise=1.0)
    nodes = {
        **images(""),
        "n30": node("VAEEncode", pixels=["20", 0], vae=["4", 2]),
        "n32": node("VAEEncode", pixels=["20", 0], vae=["4", 2]),
        "n33": {**depth, "inputs": {**depth["inputs"], "denoise": 0.5}},
        "n34": node("VAEDecode", samples=["33", 0], vae=["4", 2]),
        "n31": node("ControlNetApply", image=["34", 0], conditioning=["6", 0]),
    }
    catalog = Catalog({**more_nodes().raw, **NODES})
    changed = with_values(text_to_image(**nodes), "3", positive=["31", 0], latent_image=["30", 0])
    drawn = build_form(workflow_of(changed), catalog).field("20.image")
    assert (drawn.label, drawn.role) == ("Control image", "guide")
    changed = with_values(changed, "3", denoise=0.5)
    assert build_form(workflow_of(changed), catalog).field("20.image").label == "Image"


def test_a_duration_that_becomes_frames_is_in_seconds() -> None:
    """Its node's title says so, or an author's short name for it."""
    formula = spec({"a": ["FLOAT", {}]}, "INT")
    held = spec({"value": ["FLOAT", {}]}, "FLOAT")
    frames = spec({"length": ["INT", {}]}, "LATENT")
    more = {"Formula": formula, "PrimitiveFloat": held, "Frames": frames}
    catalog = Catalog({**more_nodes().raw, **more})
    prompt = text_to_image(
        n20=node("PrimitiveFloat", "Float (duration)", value=5.0),
        n21=node("Formula", a=["20", 0]),
        n5=node("Frames", length=["21", 0]),
    )
    form = build_form(workflow_of(prompt), catalog)
    assert {one.key: one.label for one in form.fields}["20.value"] == "Duration (seconds)"


def test_a_text_is_named_by_the_input_where_it_arrives() -> None:
    """The class says only that it is a text, and its pack's name is left out."""
    songs = form_of(n20=node("Tagger|pack", text="la la"), n30=node("Song", lyrics=["20", 0]))
    assert main(songs)["20.text"] == "Lyrics"


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Float (Duration)", "Duration"),
        ("String (Multiline - Story)", "Story"),
        ("canvas width", "Canvas width"),
        ("enable_turbo", "Enable turbo"),
        ("Rate|pysssss", "Rate"),
        ("Blur (0.5-1.0)", "Blur (0.5-1.0)"),
    ],
)
def test_an_authors_words_are_shown_without_code(title: str, label: str) -> None:
    """Types, packs and underscores are for the editor."""
    prompt = text_to_image(
        n5=node("EmptyVideo", width=64, height=64, length=["20", 0]),
        n20=node("PrimitiveInt", title, value=16),
    )
    assert main(form_with(prompt))["20.value"] == label


def test_a_short_title_with_a_full_stop_does_not_replace_the_prompts_name() -> None:
    """The title says no more than the name."""
    prompt = with_values(text_to_image(), "6", text="a fox")
    prompt["6"]["_meta"] = {"title": "CLIP Text Encode (pos.)"}
    assert main(form_with(prompt))["6.text"] == "Prompt"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", json.dumps({"nodes": [1, 2]})),
        ("text", "0, 0, 0"),
        ("points_store", "anything"),
    ],
)
def test_what_a_program_writes_is_advanced(name: str, value: str) -> None:
    """Users can't read it."""
    raw = spec({name: TEXT, "clip": ["CLIP"]}, "MODEL")
    prompt: Prompt = with_values(
        text_to_image(n20=node("Poser", clip=["4", 1], **{name: value})), "3", model=["20", 0]
    )
    form = build_form(workflow_of(prompt), Catalog({**more_nodes().raw, "Poser": raw}))
    assert form.field(f"20.{name}").group == "advanced"


def test_a_heading_between_joined_texts_is_advanced() -> None:
    """It is for the model that reads the whole."""
    prompt = text_to_image(
        n20=node("PrimitiveStringMultiline", value="a fox"),
        n21=node("StringConcatenate", string_a="USER PROMPT:\n", string_b=["20", 0], delimiter=""),
    )
    form = form_with(with_values(prompt, "6", text=["21", 0]))
    assert form.field("21.string_a").group == "advanced"
    assert main(form)["20.value"] == "Prompt"


def test_a_folded_text_of_a_guessed_class_keeps_the_other_labels() -> None:
    """Its name is chosen last, though it comes first under Advanced."""
    guessed = spec({"image": ["IMAGE"], "text": TEXT}, "IMAGE") | {"standin_guessed": True}
    catalog = Catalog({**more_nodes().raw, "Finisher": guessed})
    prompt = text_to_image(n20=node("Finisher", image=["8", 0], text="soft"))
    form = build_form(workflow_of(with_values(prompt, "9", images=["20", 0])), catalog)
    labels = {one.key: one.label for one in form.fields}
    assert (labels["3.steps"], labels["3.seed"], labels["20.text"]) == ("Steps", "Seed", "Finisher")


@pytest.mark.parametrize(
    ("title", "text"), [("Quality Tags Prefix", "masterpiece"), ("", "{oil|ink|chalk}")]
)
def test_texts_that_only_add_to_a_prompt_come_after_it(title: str, text: str) -> None:
    """A prefix or a choice of words isn't what users ask for."""
    held = node("PrimitiveStringMultiline", title, value=text)
    joined = node("StringConcatenate", string_a=["20", 0], string_b="a fox in the snow at dawn")
    texts = {"PrimitiveStringMultiline": spec({"value": TEXT}, "STRING")}
    texts["StringConcatenate"] = spec({"string_a": TEXT, "string_b": TEXT}, "STRING")
    prompt = with_values(text_to_image(n20=held, n21=joined), "6", text=["21", 0])
    form = build_form(workflow_of(prompt), Catalog({**more_nodes().raw, **texts}))
    keys = [one.key for one in form.fields]
    assert keys[0] == "21.string_b"
    assert keys[1] == "20.value" or form.field("20.value").folded


def test_a_word_before_all_titles_is_left_out() -> None:
    """Capitals become words, except in acronyms."""
    titles = ("KUBRICK: Start", "KUBRICK: BACKGROUND", "KUBRICK: LOGO")
    video = node("FrameVideo", model=["4", 0], image1=["20", 0], image2=["21", 0], image3=["22", 0])
    labels = main(form_of(**images(*titles), n30=video))
    assert [labels[f"{at}.image"] for at in (20, 21, 22)] == ["Start", "Background", "LOGO"]
    other = ("KUBRICK: Start", "KUBRICK: End", "Step 3: Logo")
    assert main(form_of(**images(*other), n30=video))["20.image"] == "KUBRICK: Start"


def test_speech_has_a_text_to_speak_and_a_voice_in_front() -> None:
    """The voice may come from a node of its own."""
    speech = spec({"text": TEXT, "voice": ["VOICE"]}, "AUDIO") | {"api_node": True}
    voices = spec({"voice": [["Ada", "Ben"]]}, "VOICE")
    raw = {**more_nodes().raw, "TextToSpeech": speech, "Voices": voices}
    prompt = {
        "1": node("Voices", voice="Ada"),
        "2": node("TextToSpeech", text="Good morning", voice=["1", 0]),
        "3": node("SaveAudio", audio=["2", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), Catalog(raw))
    front = [one.label for one in form.fields if one.group == "main"]
    assert front == ["Text to speak", "Voice"]


def test_images_are_named_by_the_nodes_that_take_them() -> None:
    """The first image of an encoder for edits is the one to change; a face's and a pose's are
    named. A title that only names the tool doesn't count."""
    taken = {name: ["IMAGE"] for name in ("image1", "image2")}
    edit = {"clip": ["CLIP"], "prompt": TEXT}
    more = {
        "TextEncodeQwenImageEditPlus": spec(edit, "CONDITIONING", optional=taken),
        "ApplyInstantID": spec({"image": ["IMAGE"], "model": ["MODEL"]}, "MODEL"),
        "OpenposePreprocessor": spec({"image": ["IMAGE"]}, "IMAGE"),
    }
    catalog = Catalog({**more_nodes().raw, **NODES, **more})
    encode = {"prompt": "a fox", "clip": ["4", 1], "image1": ["20", 0], "image2": ["21", 0]}
    prompt = text_to_image(
        n6=node("TextEncodeQwenImageEditPlus", **encode),
        **images("", "", "Image for InstantID", ""),
        n31=node("ApplyInstantID", image=["22", 0], model=["4", 0]),
        n32=node("OpenposePreprocessor", image=["23", 0]),
        n33=node("ControlNetApply", image=["32", 0], conditioning=["6", 0]),
    )
    prompt = with_values(prompt, "3", model=["31", 0], positive=["33", 0])
    labels = main(build_form(workflow_of(prompt), catalog))
    wanted = ["Image to edit", "Reference image 2", "Face", "Pose"]
    assert [labels[f"{number}.image"] for number in range(20, 24)] == wanted


def test_sounds_are_named_by_the_nodes_that_take_them() -> None:
    """Or by the input, without the pack's word for an optional one."""
    speaks = {"text": TEXT, "opt_narrator": ["AUDIO"]}
    changes = {"source_audio": ["AUDIO"], "narrator_target": ["AUDIO"]}
    more = {
        "LoadAudio": spec({"audio": [["a.wav"], {"audio_upload": True}]}, "AUDIO"),
        "SaveAudio": spec({"audio": ["AUDIO"]}, output_node=True),
        "SpeechNode": spec(speaks, "AUDIO"),
        "VoiceChanger": spec(changes, "AUDIO"),
    }
    loaders = {str(number): node("LoadAudio", audio="a.wav") for number in (1, 2, 3)}
    prompt = {
        **loaders,
        "4": node("SpeechNode", text="Hello.", opt_narrator=["1", 0]),
        "5": node("VoiceChanger", source_audio=["2", 0], narrator_target=["3", 0]),
        "6": node("SaveAudio", audio=["4", 0]),
        "7": node("SaveAudio", audio=["5", 0]),
    }
    labels = main(build_form(workflow_of(prompt), Catalog({**more_nodes().raw, **more})))
    wanted = ["Narrator", "Voice to change", "Target voice"]
    assert [labels[f"{number}.audio"] for number in (1, 2, 3)] == wanted


def test_the_only_prompt_has_a_short_name() -> None:
    """A part that the author's title names doesn't tell it from others."""
    prompt = text_to_image()
    title = "Positive Prompt (clothes and background)"
    prompt["6"] = node("CLIPTextEncode", title, **prompt["6"]["inputs"])
    assert main(build_form(workflow_of(prompt), more_nodes()))["6.text"] == "Prompt"


def test_units_and_choices_are_in_plain_words() -> None:
    """A number of frames says its seconds, and a choice begins in upper case."""
    frames = spec(
        {"length": ["INT", {}], "fps": ["INT", {}], "quality": [["auto", "png"]]}, "VIDEO"
    )
    draw = spec({"video": ["VIDEO"], "resolution": ["INT", {"max": 8192}]}, "VIDEO")
    enlarge = spec({"video": ["VIDEO"], "upscale_by": ["FLOAT", {}]}, "VIDEO")
    service = {"api_node": True, "python_module": "custom_nodes.pack"}
    more = {"Frames": frames | service, "Draw": draw, "Enlarge": enlarge | service}
    prompt = {
        "1": node("Frames", length=121, fps=24, quality="auto"),
        "2": node("Draw", video=["1", 0], resolution=4096),
        "3": node("Enlarge", video=["2", 0], upscale_by=2.0),
        "4": node("SaveVideo", video=["3", 0], filename_prefix="x"),
    }
    form = build_form(workflow_of(prompt), Catalog({**more_nodes().raw, **more}))
    by_key = {one.key: one for one in form.fields}
    assert by_key["1.length"].tooltip == "At 24 frames per second, 121 frames take 5 s."
    assert by_key["2.resolution"].label == "Resolution (pixels)"
    assert by_key["3.upscale_by"].tooltip == "2 doubles width and height."
    quality = by_key["1.quality"]
    assert quality.group == "main"
    assert quality.choices == (("Auto", "auto"), ("PNG", "png"))
