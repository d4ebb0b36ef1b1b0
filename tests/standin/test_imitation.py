"""Tests of what imitated nodes make: every kind of result, marks, lists and switches."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
import soundfile
import websocket
from PIL import Image, ImageChops, ImageStat

from comfyui_standin import DemoServer
from comfyui_standin.anything.results import marked
from comfyui_standin.anything.values import hints_of
from comfyui_standin.nodes.base import MediaFile
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.video import mp4
from tests.standin.calls import content, frames, kinds, picture, ran
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    """Yield a stand-in that runs anything, without delays."""
    with DemoServer(step_seconds=0, painted=128, anything=True) as server:
        yield server


def test_a_video_has_the_size_and_length_that_the_workflow_asks_for(demo: DemoServer) -> None:
    size = {"width": 320, "height": 192, "length": 33, "batch_size": 1}
    outputs = ran(
        demo,
        {
            "1": ("EmptyHunyuanLatentVideo", size),
            "2": ("VAEDecode", {"samples": ["1", 0], "vae": ["3", 0]}),
            "3": ("VAELoader", {"vae_name": "any.safetensors"}),
            "4": ("CreateVideo", {"images": ["2", 0], "fps": 16.0, "bit_depth": 8}),
            "5": ("SaveVideo", {"video": ["4", 0], "filename_prefix": "v", "format": "auto"}),
        },
    )

    data = content(demo, outputs["5"]["images"][0])
    assert data[4:8] == b"ftyp"
    sizes = data[data.index(b"stsz") + 8 :]
    assert int.from_bytes(sizes[4:8]) == 33
    assert b"demo server" in data  # in the file's comment


def test_a_node_for_speech_speaks(demo: DemoServer) -> None:
    """Its sound is as long as its text takes."""
    lengths = []
    for text in ("Hello.", "Hello, this is a long text that takes its time. " * 3):
        settings = {
            **{"text": text, "stability": 0.5, "apply_text_normalization": "auto", "seed": 1},
            **{"language_code": "", "output_format": "mp3_44100_192", "model": "eleven_v3"},
            **{"model.speed": 1.0, "model.similarity_boost": 0.75, "voice": ["3", 0]},
        }
        prompt = {
            "1": ("ElevenLabsTextToSpeech", settings),
            "2": ("SaveAudio", {"audio": ["1", 0], "filename_prefix": "s"}),
            "3": ("ElevenLabsVoiceSelector", {"voice": "Bill (male, american)"}),
        }
        file = content(demo, ran(demo, prompt)["2"]["audio"][0])
        lengths.append(soundfile.info(io.BytesIO(file)).duration)
    assert lengths[0] < 2 < 8 < lengths[1]


def test_a_partner_node_makes_a_video_without_a_key(demo: DemoServer) -> None:
    info = requests.get(f"{demo.url}/object_info/KlingTextToVideoNode", timeout=LONGEST_WAIT).json()
    entry = info["KlingTextToVideoNode"]
    assert not entry.get("api_node")
    assert "costs nothing" in entry["description"]
    groups = entry["input"]
    values = {"prompt": "a red boat on a lake", "negative_prompt": ""}
    for name, config in groups["required"].items():
        options = config[1] if len(config) > 1 else {}
        listed = config[0] if isinstance(config[0], list) else options.get("options") or [None]
        values.setdefault(name, options.get("default", listed[0]))

    outputs = ran(
        demo,
        {
            "1": ("KlingTextToVideoNode", values),
            "2": ("SaveVideo", {"video": ["1", 0], "filename_prefix": "v", "format": "auto"}),
        },
    )

    assert content(demo, outputs["2"]["images"][0])[4:8] == b"ftyp"


def test_a_size_of_a_picture_is_calculated_with(demo: DemoServer) -> None:
    """Although the prompt doesn't say which types the outputs of unknown nodes have."""
    sides = {
        name: ("SimpleCalculator", {"variables.a": ["2", slot], "text": "a * 2"})
        for slot, name in enumerate(("wide", "high"), 1)
    }
    outputs = ran(
        demo,
        {
            "1": ("EmptyImage", {"width": 128, "height": 64, "batch_size": 1, "color": 0}),
            "2": ("GetImageSizeAndCount", {"image": ["1", 0]}),
            **sides,
            "3": ("ResizeMine", {"image": ["2", 0], "width": ["wide", 0], "height": ["high", 0]}),
            "4": ("SaveImage", {"images": ["3", 0], "filename_prefix": "x"}),
        },
    )
    assert picture(demo, outputs["4"]["images"][0]).size == (256, 128)


def test_a_comparison_says_which_picture_is_before(demo: DemoServer) -> None:
    image = {"width": 64, "height": 64, "batch_size": 1, "color": 0}
    outputs = ran(
        demo,
        {
            "1": ("EmptyImage", image),
            "2": ("EmptyImage", image | {"color": 255}),
            "3": ("ImageCompare", {"compare_view": "", "image_a": ["1", 0], "image_b": ["2", 0]}),
        },
    )
    before, after = (picture(demo, outputs["3"][f"{side}_images"][0]) for side in "ab")
    assert before.getpixel((9, 9)) != after.getpixel((9, 9))


def test_sounds_3d_models_and_texts_are_shown_in_their_forms(demo: DemoServer) -> None:
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "example.png"}),
            "2": ("MoGeInference", {"moge_model": ["3", 0], "image": ["1", 0]}),
            "3": ("LoadMoGeModel", {"model_name": "any.safetensors"}),
            "4": ("EmptyAceStepLatentAudio", {"seconds": 2.0, "batch_size": 1}),
            "5": ("VAEDecodeAudio", {"samples": ["4", 0], "vae": ["6", 0]}),
            "6": ("VAELoader", {"vae_name": "any.safetensors"}),
            "7": ("PreviewAudio", {"audio": ["8", 0]}),
            "8": ("TrimAudioDuration", {"audio": ["5", 0], "start_index": 0.0, "duration": 1.0}),
            "9": ("PreviewAny", {"source": ["10", 0]}),
            "10": (
                "StringConcatenate",
                {"string_a": "a lake", "string_b": "at dusk", "delimiter": " "},
            ),
            "11": ("SaveGLB", {"mesh": ["12", 0], "filename_prefix": "m"}),
            "12": ("VoxelToMeshBasic", {"voxel": ["13", 0], "threshold": 0.6}),
            "13": (
                "VAEDecodeHunyuan3D",
                {
                    "samples": ["14", 0],
                    "vae": ["6", 0],
                    "num_chunks": 8000,
                    "octree_resolution": 256,
                },
            ),
            "14": ("EmptyLatentHunyuan3Dv2", {"resolution": 3072, "batch_size": 1}),
            "15": ("Preview3D", {"model_file": ["16", 0]}),
            "16": ("ExportOddMesh", {"option": "3D/odd", "trimesh": ["12", 0]}),
        },
    )

    with soundfile.SoundFile(io.BytesIO(content(demo, outputs["7"]["audio"][0]))) as sound:
        assert sound.frames > sound.samplerate
    assert outputs["9"]["text"] == ["[demo] a lake at dusk"]
    model = content(demo, outputs["11"]["3d"][0])
    assert model[:4] == b"glTF"
    assert int.from_bytes(model[8:12], "little") == len(model)
    assert b"demo server" in model
    (path,) = outputs["15"].values()
    assert content(demo, path[0])[:4] == b"glTF", "a path stands for its model"


def test_a_mask_is_not_shown_in_place_of_a_picture(demo: DemoServer) -> None:
    """A picture that was a mask is only a background of another."""
    over = {"destination": ["2", 0], "source": ["1", 0], "mask": ["1", 1]}
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "example.png"}),
            "2": ("MaskToImage", {"mask": ["3", 0]}),
            "3": ("SolidMask", {"value": 0.5, "width": 64, "height": 64}),
            "4": ("ImageCompositeMasked", {**over, "x": 0, "y": 0, "resize_source": False}),
            "5": ("PreviewImage", {"images": ["4", 0]}),
        },
    )

    shown = picture(demo, outputs["5"]["images"][0]).convert("HSV")
    assert shown.getextrema()[1][1] > 0, "it has colors"


def test_results_carry_the_mark_of_a_demo(demo: DemoServer) -> None:
    outputs = ran(
        demo,
        {
            "1": ("EmptyImage", {"width": 256, "height": 256, "batch_size": 1, "color": 0}),
            "2": ("SaveImage", {"images": ["1", 0], "filename_prefix": "x"}),
            "3": ("LoadImage", {"image": "example.png"}),
            "4": ("PreviewImage", {"images": ["3", 0]}),
        },
    )

    saved = picture(demo, outputs["2"]["images"][0])
    assert "demo server" in saved.info["demo"]
    shown = picture(demo, outputs["4"]["images"][0])
    example = Image.open(demo.storage.find("example.png") or "").convert("RGB")
    corner = (shown.width - 140, shown.height - 90, shown.width - 20, shown.height - 20)
    assert shown.crop(corner).tobytes() != example.crop(corner).tobytes()
    assert shown.crop((0, 0, 200, 200)).tobytes() == example.crop((0, 0, 200, 200)).tobytes()


def test_only_results_have_the_mark(demo: DemoServer) -> None:
    """A node that shows a picture or text passes it on without the mark."""
    outputs = ran(
        demo,
        {
            "1": ("EmptyImage", {"width": 256, "height": 256, "batch_size": 1, "color": 0}),
            "2": ("PreviewImage", {"images": ["1", 0]}),
            "3": ("PackPreview", {"images": ["2", 0]}),
            "4": ("ImageCrop", {"image": ["3", 0], "width": 160, "height": 160, "x": 96, "y": 96}),
            "5": ("SaveImage", {"images": ["4", 0], "filename_prefix": "x"}),
            "6": ("PreviewAny", {"source": "a lake"}),
            "7": ("StringConcatenate", {"string_a": "x", "string_b": ["6", 0], "delimiter": " "}),
            "8": ("PreviewAny", {"source": ["7", 0]}),
        },
    )

    shown = picture(demo, outputs["5"]["images"][0]).convert("RGB")
    (expected,) = marked((Image.new("RGB", shown.size),))
    assert shown.tobytes() == expected.tobytes()
    assert outputs["8"]["text"] == ["[demo] x a lake"]


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        ("SimpleMath+", {"value": "a * b - c", "a": 25, "b": 7, "c": 100}, "75"),
        ("easy mathInt", {"a": 25, "b": 7, "operation": "multiply"}, "175"),
        ("Text Concatenate", {"text_a": "a", "text_b": "b", "delimiter": " + "}, "a + b"),
        ("PackJoin", {"string1": "a lake", "string2": "at dusk"}, "a lake, at dusk"),
        ("StringReplace", {"string": "a cat", "find": "cat", "replace": "dog"}, "a dog"),
        ("PackFormat", {"text": "{size} of {what}", "what": "wool", "size": 3}, "3 of wool"),
        ("Text Random Line", {"text": "red\ngreen\nblue", "seed": 4}, "green"),
    ],
)
def test_texts_and_numbers_are_worked_out(
    demo: DemoServer, kind: str, inputs: dict[str, Any], text: str
) -> None:
    outputs = ran(demo, {"1": (kind, inputs), "2": ("PreviewAny", {"source": ["1", 0]})})

    assert outputs["2"]["text"] == [f"[demo] {text}" if not text.isdecimal() else text]


def unlike(one: Image.Image, other: Image.Image, box: tuple[int, int, int, int]) -> float:
    """Return how far apart the colors of two pictures are in a box, from 0 to 255."""
    parts = (image.convert("RGB").resize((256, 256)).crop(box) for image in (one, other))
    return sum(ImageStat.Stat(ImageChops.difference(*parts)).mean) / 3


def upload(
    demo: DemoServer, name: str, mask: tuple[int, int, int, int] | None = None
) -> Image.Image:
    """Upload a picture of 256 pixels that no painter makes, and return it."""
    image = Image.new("RGB", (256, 256), (214, 40, 150))
    image.paste((250, 230, 60), (96, 96, 160, 160))
    file, sent = io.BytesIO(), image.convert("RGBA")
    if mask:
        sent.paste((0, 0, 0, 0), mask)
    sent.save(file, "PNG")
    requests.post(
        f"{demo.url}/upload/image",
        files={"image": (name, file.getvalue(), "image/png")},
        timeout=LONGEST_WAIT,
    )
    return image


MIDDLE = (64, 64, 192, 192)
SAMPLED = {
    "model": ("CheckpointLoaderSimple", {"ckpt_name": "demo-landscapes.safetensors"}),
    "text": ("CLIPTextEncode", {"clip": ["model", 1], "text": "a cat in a forest"}),
    "file": ("LoadImage", {"image": "mine.png"}),
    "empty": (
        "EmptyLTXVLatentVideo",
        {"width": 256, "height": 256, "length": 9, "batch_size": 1},
    ),
    "vae": ("VAELoader", {"vae_name": "any.safetensors"}),
    "decoded": ("VAEDecode", {"samples": ["sampled", 0], "vae": ["vae", 0]}),
    "begun": (
        "LTXVImgToVideoInplace",
        {
            "vae": ["vae", 0],
            "image": ["file", 0],
            "latent": ["empty", 0],
            "strength": 1.0,
            "bypass": False,
        },
    ),
    "sampled": (
        "KSampler",
        {
            "model": ["model", 0],
            "positive": ["text", 0],
            "negative": ["text", 0],
            "latent_image": ["begun", 0],
            "seed": 1,
            "steps": 2,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    ),
    "shown": ("PreviewImage", {"images": ["decoded", 0]}),
}


def piped(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a graph's node, with the types that the editor saves."""
    types = {"pipe": "PIPE_LINE", "image": "IMAGE", "mask": "MASK"}
    slots = [{"name": key, "type": types.get(key, "STRING"), "link": 1} for key in inputs]
    outputs = [{"name": "pipe", "type": "PIPE_LINE", "links": [1]}]
    outputs += [{"name": "image", "type": "IMAGE", "links": [1]}] if "sampler" in kind else []
    return {"type": kind, "inputs": slots, "outputs": outputs}


def test_a_video_begins_with_the_users_picture(demo: DemoServer) -> None:
    mine = upload(demo, "mine.png")

    outputs = ran(demo, SAMPLED)

    assert unlike(picture(demo, outputs["shown"]["images"][0]), mine, (30, 30, 200, 200)) < 20


@pytest.mark.parametrize(("ratio", "size"), [("auto", (256, 256)), ("16:9", (1368, 768))])
def test_an_edited_picture_has_the_ratio_that_is_chosen(
    demo: DemoServer, ratio: str, size: tuple[int, int]
) -> None:
    upload(demo, "mine.png")
    node = {"model": "grok-imagine-image-pro", "image": ["1", 0], "prompt": "in green", "seed": 1}
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "mine.png"}),
            "2": (
                "GrokImageEditNode",
                {**node, "resolution": "1K", "number_of_images": 1, "aspect_ratio": ratio},
            ),
            "3": ("PreviewImage", {"images": ["2", 0]}),
        },
    )

    assert picture(demo, outputs["3"]["images"][0]).size == size


def test_a_video_ends_with_the_last_of_two_pictures(demo: DemoServer) -> None:
    mine = upload(demo, "mine.png")
    blank = {"width": 256, "height": 256, "batch_size": 1, "color": 255}
    pictures = {"images.image_1": ["blank", 0], "images.image_2": ["file", 0]}
    begun = ("PackImgToVideo", {"latent": ["empty", 0], **pictures})

    outputs = ran(demo, {**SAMPLED, "blank": ("EmptyImage", blank), "begun": begun})

    first, *_, last = (picture(demo, one) for one in outputs["shown"]["images"])
    assert first.getpixel((20, 20)) == (0, 0, 255)
    assert unlike(last, mine, (0, 0, 200, 200)) < 20


@pytest.mark.parametrize(
    ("is_mine", "size", "length"), [(False, (768, 512), 72), (True, (320, 192), 33)]
)
def test_a_videos_poses_have_its_size_and_length(
    demo: DemoServer, *, is_mine: bool, size: tuple[int, int], length: int
) -> None:
    mine = {"image": ("mine.mp4", mp4(Pan(Image.new("RGB", (320, 192)), 33), 12))}
    url = f"{demo.url}/upload/image"
    name = requests.post(url, files=mine, timeout=LONGEST_WAIT).json()["name"] if is_mine else ""
    drawn = {"keypoints": ["3", 0], "stick_width": 4, "face_point_size": 2, "score_threshold": 0.5}
    drawn |= {f"draw_{one}": True for one in ("body", "hands", "face", "feet", "head")}
    read = {"model": ["6", 0], "vae": ["6", 2], "image": ["2", 0], "batch_size": 16}

    outputs = ran(
        demo,
        {
            "1": ("LoadVideo", {"file": name or "walk.mp4"}),
            "2": ("GetVideoComponents", {"video": ["1", 0]}),
            "3": ("SDPoseKeypointExtractor", read),
            "4": ("SDPoseDrawKeypoints", drawn),
            "5": ("CreateVideo", {"images": ["4", 0], "fps": ["2", 2]}),
            "6": ("CheckpointLoaderSimple", {"ckpt_name": "any.safetensors"}),
            "7": ("SaveVideo", {"video": ["5", 0], "filename_prefix": "v", "format": "auto"}),
        },
    )

    shape = hints_of({"video": MediaFile(content(demo, outputs["7"]["images"][0]), ".mp4")})
    assert (shape["width"], shape["height"], shape["frames"]) == (*size, length)
    assert shape["fps"] == (12 if is_mine else 16)


@pytest.mark.parametrize(
    ("value", "seconds"), [("5", 5), ("10s", 10), (8, 8), ("auto", None), ("768", 768)]
)
def test_a_chosen_duration_is_a_number(value: object, seconds: float | None) -> None:
    assert hints_of({"model.duration": value}).get("seconds") == seconds


def test_a_combined_video_has_the_length_and_rate_of_its_frames(demo: DemoServer) -> None:
    combined = {"images": ["1", 0], "frame_rate": 24, "filename_prefix": "v", "save_output": True}
    node: dict[str, Any] = {"type": "VHS_VideoCombine", "widgets_values": combined}
    node["inputs"] = [{"name": "images", "type": "IMAGE", "link": 1}]
    outputs = ran(
        demo,
        {
            "0": ("LoadVideo", {"file": "walk.mp4"}),
            "1": ("GetVideoComponents", {"video": ["0", 0]}),
            "2": ("VHS_VideoCombine", combined),
        },
        extra_data={"extra_pnginfo": {"workflow": {"nodes": [node]}}},
    )

    shape = hints_of({"video": MediaFile(content(demo, outputs["2"]["images"][0]), ".mp4")})
    assert (shape["frames"], shape["fps"]) == (72, 24)


def test_seconds_become_frames(demo: DemoServer) -> None:
    node: dict[str, Any] = {"type": "PackFrameCalculator", "widgets_values": [5, 24]}
    node["inputs"] = [{"name": "fps", "type": "FLOAT", "widget": {"name": "fps"}, "link": 1}]
    node["outputs"] = [{"name": "frame_count", "type": "INT", "links": [2]}]

    outputs = ran(
        demo,
        {
            "1": ("PackFrameCalculator", {"length_of_clip": 5, "fps": 24.0}),
            "2": ("PreviewAny", {"source": ["1", 0]}),
        },
        extra_data={"extra_pnginfo": {"workflow": {"nodes": [node]}}},
    )

    assert outputs["2"]["text"] == ["120"]


def test_a_path_of_a_3d_model_shows_the_users_picture(demo: DemoServer) -> None:
    mine = upload(demo, "mine.png")
    types = ("IMAGE", "TRIMESH", "STRING")
    nodes: list[dict[str, Any]] = [
        {"type": kind, "inputs": [{"name": key, "type": given, "link": 1}]}
        | {"outputs": [{"name": made.lower(), "type": made, "links": [2]}]}
        for kind, key, given, made in (
            ("PackTo3D", "image", *types[:2]),
            ("PackExport", "mesh", *types[1:]),
        )
    ]

    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "mine.png"}),
            "2": ("PackTo3D", {"image": ["1", 0]}),
            "3": ("PackExport", {"mesh": ["2", 0]}),
            "4": ("Preview3D", {"model_file": ["3", 0]}),
        },
        extra_data={"extra_pnginfo": {"workflow": {"nodes": nodes}}},
    )

    (files,) = outputs["4"].values()
    model = content(demo, files[0])
    skin = Image.open(io.BytesIO(model[model.index(b"\x89PNG") :]))
    assert unlike(skin, mine, (0, 0, 256, 256)) < 5


def test_inpainting_changes_only_the_mask(demo: DemoServer) -> None:
    """The picture, the mask and the prompt reach the sampler in a pipe."""
    mine = upload(demo, "masked.png", MIDDLE)
    nodes = {
        "file": ("LoadImage", {"image": "masked.png"}),
        "pipe": ("pack loader", {"positive": "a cat in a forest", "width": 256}),
        "filled": ("pack apply", {"pipe": ["pipe", 0], "image": ["file", 0], "mask": ["file", 1]}),
        "sampled": ("pack sampler", {"pipe": ["filled", 0]}),
        "shown": ("PreviewImage", {"images": ["sampled", 1]}),
    }
    graph = {"nodes": [piped(*one) for key, one in nodes.items() if one[0].startswith("pack")]}

    outputs = ran(demo, nodes, extra_data={"extra_pnginfo": {"workflow": graph}})

    seen = picture(demo, outputs["shown"]["images"][0])
    assert unlike(seen, mine, (0, 0, 256, 60)) == 0
    assert unlike(seen, mine, MIDDLE) > 20


def test_a_model_that_knows_a_mask_changes_only_its_area(demo: DemoServer) -> None:
    """A patch gives the model the picture and the mask; the latent is empty."""
    mine = upload(demo, "masked.png", MIDDLE)
    size = {"width": 256, "height": 256, "batch_size": 1}
    patch = {"model": ["model", 0], "image": ["file", 0], "mask": ["file", 1]}
    sampler, inputs = SAMPLED["sampled"]
    changes = {"model": ["patched", 0], "latent_image": ["empty", 0]}
    outputs = ran(
        demo,
        {
            **{key: SAMPLED[key] for key in ("model", "text", "vae", "decoded", "shown")},
            "file": ("LoadImage", {"image": "masked.png"}),
            "patched": ("PackInpaintPatch", patch),
            "empty": ("EmptyLatentImage", size),
            "sampled": (sampler, {**inputs, **changes}),
        },
    )

    seen = picture(demo, outputs["shown"]["images"][0])
    assert unlike(seen, mine, (0, 0, 256, 60)) == 0
    assert unlike(seen, mine, MIDDLE) > 20


def test_a_loader_of_prompts_keeps_them_apart(demo: DemoServer) -> None:
    """The negative prompt isn't painted."""
    texts = {"text_1": "a red cat", "text_2": "worst quality, blurry"}
    outputs = [
        {"name": f"CONDITIONING{sign}", "type": "CONDITIONING", "links": [1]} for sign in "+-"
    ]
    slots = [{"name": key, "type": "STRING", "widget": {"name": key}} for key in texts]
    node = {"type": "Pack Loader", "inputs": slots, "outputs": outputs}
    node["widgets_values"] = list(texts.values())
    shown = ran(
        demo,
        {
            "1": ("Pack Loader", texts),
            "2": ("PreviewAny", {"source": ["1", 0]}),
            "3": ("PreviewAny", {"source": ["1", 1]}),
        },
        extra_data={"extra_pnginfo": {"workflow": {"nodes": [node]}}},
    )

    assert "a red cat" in shown["2"]["text"][0]
    assert "worst quality" in shown["3"]["text"][0]
    assert "a red cat" not in shown["3"]["text"][0]


def test_a_try_on_shows_the_person_and_the_garment(demo: DemoServer) -> None:
    mine = upload(demo, "mine.png")
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "mine.png"}),
            "2": ("EmptyImage", {"width": 64, "height": 64, "batch_size": 1, "color": 255}),
            "3": ("PackTryOn", {"person_image": ["1", 0], "garment_image": ["2", 0]}),
            "4": ("PreviewImage", {"images": ["3", 0]}),
        },
    )

    shown = picture(demo, outputs["4"]["images"][0])
    assert unlike(shown, mine, (0, 0, 130, 130)) < 5
    assert unlike(shown, mine, (154, 154, 200, 200)) > 20


@pytest.mark.parametrize("is_shown", [True, False])
def test_a_cropped_area_is_put_back_into_its_picture(demo: DemoServer, is_shown: bool) -> None:
    """With the editor's graph, and with the prompt alone, as the app sends it."""
    mine = upload(demo, "masked.png", MIDDLE)
    crop = ("InpaintCrop", {"image": ["file", 0], "mask": ["file", 1]})
    stitch = ("InpaintStitch", {"stitcher": ["crop", 0], "inpainted_image": ["black", 0]})
    types = {"IMAGE": ("image", "inpainted_image"), "MASK": ("mask",), "STITCHER": ("stitcher",)}
    graph = {
        "nodes": [
            {
                "type": kind,
                "inputs": [
                    {"name": key, "type": one, "link": 1}
                    for key in inputs
                    for one, keys in types.items()
                    if key in keys
                ],
                "outputs": [{"name": one, "type": one, "links": [1]} for one in outputs],
            }
            for (kind, inputs), outputs in ((crop, ["STITCHER", "IMAGE"]), (stitch, ["IMAGE"]))
        ]
    }
    outputs = ran(
        demo,
        {
            "file": ("LoadImage", {"image": "masked.png"}),
            "crop": crop,
            "cropped": ("PreviewImage", {"images": ["crop", 1]}),
            "black": ("EmptyImage", {"width": 99, "height": 99, "batch_size": 1, "color": 0}),
            "stitch": stitch,
            "shown": ("PreviewImage", {"images": ["stitch", 0]}),
        },
        extra_data={"extra_pnginfo": {"workflow": graph}} if is_shown else {},
    )

    assert picture(demo, outputs["cropped"]["images"][0]).width < 200
    seen = picture(demo, outputs["shown"]["images"][0]).convert("RGB")
    assert unlike(seen, mine, (0, 0, 256, 60)) == 0
    assert seen.getpixel((128, 128)) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["PackUpscale", "PackDetailer", "PackFilter"])
def test_a_picture_without_a_prompt_is_kept(demo: DemoServer, kind: str) -> None:
    mine = upload(demo, "kept.png")
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "kept.png"}),
            "2": (kind, {"image": ["1", 0], "model": "Standard V2", "steps": 4, "seed": 1}),
            "3": ("PreviewImage", {"images": ["2", 0]}),
        },
    )

    assert unlike(picture(demo, outputs["3"]["images"][0]), mine, (0, 0, 200, 200)) < 10


def test_a_picture_in_base64_is_read(demo: DemoServer) -> None:
    mine, file = upload(demo, "mine.png"), io.BytesIO()
    mine.save(file, "PNG")
    sent = base64.b64encode(file.getvalue()).decode()
    outputs = ran(
        demo,
        {
            "1": ("PackLoadBase64", {"data": sent}),
            "2": ("PreviewImage", {"images": ["1", 0]}),
        },
    )

    assert unlike(picture(demo, outputs["2"]["images"][0]), mine, (0, 0, 200, 200)) == 0


def test_boxes_are_shown_only_where_there_are_any(demo: DemoServer) -> None:
    box = {"x": 40, "y": 40, "width": 100, "height": 60}
    size = {"width": 256, "height": 256}
    outputs = ran(
        demo,
        {
            "1": ("CreateBoundingBoxes", {**size, "editor_state": {"__value__": [box]}}),
            "2": ("CreateBoundingBoxes", {**size, "editor_state": {"__value__": []}}),
        },
    )

    shown = picture(demo, outputs["1"]["images"][0]).convert("RGB")
    white = Image.new("RGB", shown.size, "white")
    assert ImageChops.difference(shown, white).crop((0, 0, 200, 200)).getbbox() == (
        40,
        40,
        141,
        101,
    )
    assert "2" not in outputs


@pytest.mark.parametrize(
    ("ratio", "more", "size"),
    [
        ("16:9 (Widescreen)", {"megapixels": 0.4}, (864, 488)),
        ("1:1 (Square)", {"megapixels": 2.0}, (1448, 1448)),
        ("9:16 (Portrait Widescreen)", {"megapixels": 0.2}, (344, 608)),
        ("16:9", {"resolution": "720p"}, (1280, 720)),
        ("3:2", {}, (1256, 840)),
    ],
)
def test_a_ratio_keeps_to_the_wanted_resolution(
    ratio: str, more: dict[str, Any], size: tuple[int, int]
) -> None:
    hints = hints_of({"aspect_ratio": ratio, **more})

    assert (hints["width"], hints["height"]) == size
    assert "megapixels" not in hints


def test_answers_name_the_question_or_what_the_picture_shows(demo: DemoServer) -> None:
    asked = {"clip": ["1", 0], "prompt": "Write a haiku about rain", "max_length": 512}
    asked |= {"sampling_mode": "off"}
    model = {"model": "Qwen3-VL-8B-Instruct", "custom_prompt": "What is it?", "image": ["6", 0]}
    outputs = ran(
        demo,
        {
            "1": ("CLIPLoader", {"clip_name": "any.safetensors", "type": "wan"}),
            "2": ("TextGenerate", asked),
            "3": ("SaveText", {"text": ["2", 0], "filename_prefix": "t", "format": "txt"}),
            "4": ("AILab_QwenVL", model),
            "5": ("PreviewAny", {"source": ["4", 0]}),
            "6": ("LoadImage", {"image": "1-lighthouse.png"}),
        },
    )

    (said,) = outputs["3"]["text"]
    assert said == "[demo] an answer to “Write a haiku about rain”"
    assert content(demo, outputs["3"]["files"][0]).decode() == said
    (seen,) = outputs["5"]["text"]
    assert seen.startswith("[demo] lighthouse, a ")


def test_a_controlnet_steers_the_result(demo: DemoServer) -> None:
    """Two guides give two compositions of the same prompt."""

    def result(name: str) -> bytes:
        outputs = ran(
            demo,
            {
                "1": ("LoadImage", {"image": name}),
                "2": ("Canny", {"image": ["1", 0], "low_threshold": 0.1, "high_threshold": 0.3}),
                "3": ("ControlNetLoader", {"control_net_name": "any.safetensors"}),
                "4": ("CheckpointLoaderSimple", {"ckpt_name": "demo-landscapes.safetensors"}),
                "5": ("CLIPTextEncode", {"clip": ["4", 1], "text": "a lake at dusk"}),
                "6": (
                    "ControlNetApplyAdvanced",
                    {
                        "positive": ["5", 0],
                        "negative": ["5", 0],
                        "control_net": ["3", 0],
                        "image": ["2", 0],
                        "strength": 1.0,
                        "start_percent": 0.0,
                        "end_percent": 1.0,
                    },
                ),
                "7": ("EmptyLatentImage", {"width": 128, "height": 128, "batch_size": 1}),
                "8": (
                    "KSampler",
                    {
                        "model": ["4", 0],
                        "positive": ["6", 0],
                        "negative": ["6", 1],
                        "latent_image": ["7", 0],
                        "seed": 1,
                        "steps": 2,
                        "cfg": 7.0,
                        "sampler_name": "euler",
                        "scheduler": "normal",
                        "denoise": 1.0,
                    },
                ),
                "9": ("VAEDecode", {"samples": ["8", 0], "vae": ["4", 2]}),
                "10": ("SaveImage", {"images": ["9", 0], "filename_prefix": "c"}),
            },
        )
        return picture(demo, outputs["10"]["images"][0]).tobytes()

    assert result("castle.png") != result("portrait.png")


def test_a_picture_of_a_face_is_not_the_picture_to_edit(demo: DemoServer) -> None:
    upload(demo, "mine.png")
    applied = {"image": ["1", 0], "model": ["4", 0], "positive": ["5", 0], "negative": ["2", 0]}
    inputs = {"model": ["6", 0], "positive": ["6", 1], "negative": ["6", 2]}
    inputs |= {"latent_image": ["7", 0], "seed": 1, "steps": 2, "cfg": 7.0, "denoise": 1.0}
    inputs |= {"sampler_name": "euler", "scheduler": "normal"}
    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "mine.png"}),
            "4": ("CheckpointLoaderSimple", {"ckpt_name": "any.safetensors"}),
            "2": ("CLIPTextEncode", {"clip": ["4", 1], "text": ""}),
            "5": ("CLIPTextEncode", {"clip": ["4", 1], "text": "character sheet of a man"}),
            "6": ("ApplyInstantID", applied),
            "7": ("EmptyLatentImage", {"width": 128, "height": 128, "batch_size": 1}),
            "8": ("KSampler", inputs),
            "9": ("VAEDecode", {"samples": ["8", 0], "vae": ["4", 2]}),
            "10": ("SaveImage", {"images": ["9", 0], "filename_prefix": "c"}),
        },
    )

    corner = picture(demo, outputs["10"]["images"][0]).getpixel((4, 4))
    assert isinstance(corner, tuple)
    assert min(corner) > 150, "it has a photographer's background"


def test_an_unknown_sampler_reports_steps_and_sends_previews(demo: DemoServer) -> None:
    address = f"{demo.url.replace('http', 'ws')}/ws?clientId=me"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    nodes = {
        "1": ("EmptyLatentImage", {"width": 128, "height": 128, "batch_size": 1}),
        "2": ("PackSampler", {"samples": ["1", 0], "steps": 4, "seed": 3, "text": "a lake"}),
        "3": ("VAEDecode", {"samples": ["2", 0], "vae": ["4", 0]}),
        "4": ("VAELoader", {"vae_name": "any.safetensors"}),
        "5": ("PreviewImage", {"images": ["3", 0]}),
    }

    ran(demo, nodes, client_id="me", extra_data={"preview_method": "auto"})

    received = frames(connection)
    connection.shutdown()
    assert kinds(received).count("progress") == 4
    assert sum(isinstance(one, bytes) for one in received) == 4


def test_nodes_after_a_list_run_once_per_item(demo: DemoServer) -> None:
    outputs = ran(
        demo,
        {
            "1": ("EmptyImage", {"width": 64, "height": 64, "batch_size": 1, "color": 0}),
            "2": ("EmptyImage", {"width": 96, "height": 64, "batch_size": 1, "color": 0}),
            "3": ("CreateList", {"inputs.input0": ["1", 0], "inputs.input1": ["2", 0]}),
            "4": ("SaveImage", {"images": ["3", 0], "filename_prefix": "listed"}),
        },
    )

    assert [picture(demo, one).width for one in outputs["4"]["images"]] == [64, 96]


def test_a_switch_runs_only_the_branch_that_it_passes_on(demo: DemoServer) -> None:
    address = f"{demo.url.replace('http', 'ws')}/ws?clientId=switch"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    nodes = {
        "1": ("PrimitiveBoolean", {"value": True}),
        "2": ("EmptyImage", {"width": 64, "height": 64, "batch_size": 1, "color": 1}),
        "3": ("EmptyImage", {"width": 96, "height": 64, "batch_size": 1, "color": 1}),
        "4": ("ComfySwitchNode", {"switch": ["1", 0], "on_false": ["2", 0], "on_true": ["3", 0]}),
        "5": ("PreviewImage", {"images": ["4", 0]}),
    }

    outputs = ran(demo, nodes, client_id="switch")

    told = [json.loads(one) for one in frames(connection) if isinstance(one, str)]
    connection.shutdown()
    run = [one["data"]["node"] for one in told if one["type"] == "executing"]
    assert "3" in run
    assert "2" not in run
    assert picture(demo, outputs["5"]["images"][0]).width == 96


def test_the_choices_of_an_unknown_class_are_open(demo: DemoServer) -> None:
    """A graph names one choice, the prompt another."""
    node = {"type": "PackFilter", "widgets_values": ["soft"]}
    node["inputs"] = [
        {"name": "image", "type": "IMAGE", "link": 1},
        {"name": "mode", "type": "COMBO", "widget": {"name": "mode"}},
    ]
    node["outputs"] = [{"name": "IMAGE", "type": "IMAGE", "links": [2]}]

    outputs = ran(
        demo,
        {
            "1": ("LoadImage", {"image": "example.png"}),
            "2": ("PackFilter", {"image": ["1", 0], "mode": "hard"}),
            "3": ("PreviewImage", {"images": ["2", 0]}),
        },
        extra_data={"extra_pnginfo": {"workflow": {"nodes": [node]}}},
    )

    assert outputs["3"]["images"]
