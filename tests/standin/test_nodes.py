"""The stand-in's nodes, also newer ones, and the forms that fill them."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import random
import struct
import uuid
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import soundfile
import websocket
from PIL import Image, ImageChops

from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.comfyui.servers.pool import ServerPool
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.records.record import Job
from comfy.runs.interface import Origin
from comfy.workflow.model import Workflow, read_workflow
from comfyui_standin import DemoServer
from comfyui_standin.nodes import media, video
from comfyui_standin.nodes.base import (
    AudioSamples,
    Conditioning,
    Latent,
    MediaFile,
    Model,
    NodeFailure,
    NodeResult,
    Speed,
)
from comfyui_standin.nodes.music import RATE, music, speech
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.storage import Storage, UnsafePath
from tests.standin.calls import body_of, frames
from tests.support.registries import EmbeddedRegistry
from tests.support.samples.forms import WORKFLOWS, node, text_to_image, with_values, workflow_of
from tests.support.samples.models import save_model, tetrahedron
from tests.support.waiting import LONGEST_WAIT

RED = (200, 40, 30)


@dataclass
class Bench:
    """Run that calls nodes one by one, without a server."""

    storage: Storage
    speed: Speed = field(default_factory=lambda: Speed(0, 0, 0))
    metadata: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[int, int]] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        pass

    def step(self, value: int, total: int, preview: Any) -> None:
        self.steps.append((value, total))

    def call(self, class_type: str, **inputs: Any) -> NodeResult:
        return NODES[class_type].run(self, inputs)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Yield a bench with empty folders."""
    storage = Storage()
    yield Bench(storage)
    storage.close()


def sampled(bench: Bench, latent: Latent, **inputs: Any) -> Latent:
    """Return the latent that KSampler makes."""
    model = Model("demo-landscapes.safetensors")
    own = {
        "seed": 3,
        "steps": 4,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }
    texts = {"positive": Conditioning("hills", model), "negative": Conditioning("", model)}
    result: Latent = bench.call(
        "KSampler", model=model, latent_image=latent, **{**own, **texts, **inputs}
    ).outputs[0]
    return result


def plain(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, colour)


def distance(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference between any two color values."""
    return max(high for _, high in ImageChops.difference(one, other).getextrema())  # type: ignore[misc, return-value]


def test_denoise_keeps_its_share(bench: Bench) -> None:
    """Less denoise keeps more of the start image. Without denoise the image doesn't change."""
    latent = Latent(64, 64, (plain(),))
    left = [
        distance(sampled(bench, latent, denoise=share).images[0] or plain(), plain())
        for share in (0, 0.3, 0.6, 1)
    ]
    assert left[0] == 0
    assert left == sorted(left)
    assert left[1] < left[3]


def test_a_low_denoise_adds_no_second_scene(bench: Bench) -> None:
    """A plain image stays plain when it is upscaled."""
    for share in (0.1, 0.3):
        image = sampled(bench, Latent(64, 64, (plain(),)), denoise=share).images[0]
        assert image is not None
        assert len(image.getcolors() or ()) == 1


def test_a_mask_limits_the_sampler(bench: Bench) -> None:
    """Outside the mask the image doesn't change."""
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    (latent,) = bench.call(
        "SetLatentNoiseMask", samples=Latent(64, 64, (plain(),)), mask=(mask,)
    ).outputs
    image = sampled(bench, latent).images[0]
    assert image is not None
    assert distance(image.crop((0, 0, 32, 64)), plain(size=(32, 64))) == 0
    assert distance(image.crop((32, 0, 64, 64)), plain(size=(32, 64))) > 20


def test_a_batch_differs(bench: Bench) -> None:
    """Each image of a batch is different."""
    (latent,) = bench.call("EmptyLatentImage", width=64, height=64, batch_size=3).outputs
    images = sampled(bench, latent).images
    assert len({image.tobytes() for image in images if image is not None}) == 3
    assert bench.steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_advanced_sampler_in_two_halves(bench: Bench) -> None:
    """The first half leaves noise, and the second half continues from it."""
    model = Model("demo-landscapes.safetensors")
    shared: dict[str, Any] = {
        "model": model,
        "noise_seed": 1,
        "steps": 10,
        "cfg": 7.0,
        "sampler_name": "euler",
    }
    shared |= {
        "scheduler": "normal",
        "positive": Conditioning("sea", model),
        "negative": Conditioning("", model),
    }
    first = {
        "add_noise": "enable",
        "start_at_step": 0,
        "end_at_step": 5,
        "return_with_leftover_noise": "enable",
    }
    (half,) = bench.call(
        "KSamplerAdvanced", latent_image=Latent(64, 64, (None,)), **shared, **first
    ).outputs
    assert half.leftover == 0.5
    second = {
        "add_noise": "disable",
        "start_at_step": 5,
        "end_at_step": 9999,
        "return_with_leftover_noise": "disable",
    }
    (done,) = bench.call("KSamplerAdvanced", latent_image=half, **shared, **second).outputs
    assert done.leftover == 0
    assert [total for _, total in bench.steps] == [5] * 10


@pytest.mark.parametrize(
    ("class_type", "inputs", "size"),
    [
        (
            "ImageScale",
            {"upscale_method": "lanczos", "width": 30, "height": 0, "crop": "disabled"},
            (30, 15),
        ),
        (
            "ImageScale",
            {"upscale_method": "area", "width": 20, "height": 20, "crop": "center"},
            (20, 20),
        ),
        ("ImageScaleBy", {"upscale_method": "bicubic", "scale_by": 1.5}, (96, 48)),
    ],
)
def test_scaling(
    bench: Bench, class_type: str, inputs: dict[str, Any], size: tuple[int, int]
) -> None:
    """Scale nodes produce the requested size. A side of 0 follows from the other side."""
    ((image,),) = bench.call(class_type, image=(plain(size=(64, 32)),), **inputs).outputs
    assert image.size == size


def test_latents_scale_repeat_and_batches_join(bench: Bench) -> None:
    """Latent sizes stay multiples of 8. Joined images take the size of the first image."""
    latent = Latent(64, 32, (plain(size=(64, 32)),))
    (scaled,) = bench.call(
        "LatentUpscaleBy", samples=latent, upscale_method="bislerp", scale_by=1.3
    ).outputs
    assert (scaled.width, scaled.height) == (80, 40)
    asked = {"upscale_method": "area", "width": 128, "height": 0, "crop": "disabled"}
    (wider,) = bench.call("LatentUpscale", samples=latent, **asked).outputs
    assert wider.images[0].size == (128, 64)
    (many,) = bench.call("RepeatLatentBatch", samples=latent, amount=4).outputs
    assert len(many.images) == 4
    (joined,) = bench.call("ImageBatch", image1=(plain(),), image2=(plain(size=(10, 20)),)).outputs
    assert [image.size for image in joined] == [(64, 64), (64, 64)]
    ((inverted,),) = bench.call("ImageInvert", image=(plain(),)).outputs
    assert inverted.getpixel((0, 0)) == tuple(255 - part for part in RED)


def test_video_is_h264_in_mp4() -> None:
    """A video is a well-formed MP4 with a sample table that fits its data."""
    data = video.mp4([plain(size=(50, 35)), plain((1, 2, 3), (50, 35))], 6)
    assert data[4:8] == b"ftyp"
    assert b"avc1" in data
    at = data.index(b"stco") + 12
    (first,) = struct.unpack(">I", data[at : at + 4])
    (length,) = struct.unpack(">I", data[first : first + 4])
    assert data[first + 4] == 0x65
    assert data[first - 4 : first] == b"mdat"
    assert (
        struct.unpack(">I", data[first + 4 + length : first + 8 + length])[0]
        == len(data) - first - 8 - length
    )
    assert b"\0\0\1" not in data[first + 4 : first + 4 + length]


def test_a_video_without_images_is_refused() -> None:
    """A video needs at least one image."""
    with pytest.raises(ValueError, match="at least one"):
        video.mp4([], 6)


def test_flac_files_decode_to_the_same_samples() -> None:
    """A FLAC file decodes to the same samples. Silence takes almost no space."""
    data = media.flac_bytes(media.silence(2, 44100, 2))
    (packed,) = struct.unpack(">Q", data[18:26])
    assert data.startswith(b"fLaC")
    assert (packed >> 44, packed >> 41 & 7, packed & 0xFFFFFFFFF) == (44100, 1, 88200)
    assert len(data) < 1000
    loud = AudioSamples(bytes(range(256)) * 100, 8000, 1)
    with soundfile.SoundFile(io.BytesIO(media.flac_bytes(loud))) as sound:
        assert (sound.samplerate, sound.channels) == (8000, 1)
        assert bytes(sound.buffer_read(dtype="int16")) == loud.samples


def test_other_video_formats_are_refused(bench: Bench) -> None:
    """The stand-in refuses other video formats with a sentence."""
    made = bench.call("CreateVideo", images=(plain(),), fps=6.0).outputs[0]
    with pytest.raises(NodeFailure, match="mp4 with h264 only"):
        bench.call("SaveVideo", video=made, filename_prefix="x", format="webm")
    loaded = MediaFile(b"", ".webm")
    with pytest.raises(NodeFailure, match="mp4 files only"):
        bench.call("SaveVideo", video=loaded, filename_prefix="x", format="auto")


def saved_file(bench: Bench, result: NodeResult) -> Path:
    assert result.ui is not None
    ((file,),) = (files for key, files in result.ui.items() if key != "animated")
    path = bench.storage.find(f"{file['filename']} [output]")
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("load", "name", "save", "kind", "more"),
    [
        ("LoadVideo", "file", "SaveVideo", "video", {"format": "auto"}),
        ("LoadAudio", "audio", "SaveAudio", "audio", {}),
    ],
)
def test_a_loaded_video_or_sound_is_saved_unchanged(
    bench: Bench, load: str, name: str, save: str, kind: str, more: dict[str, str]
) -> None:
    """The copy matches byte for byte."""
    made = {
        "video": lambda: bench.call("CreateVideo", images=(plain(),), fps=6.0),
        "audio": lambda: bench.call("EmptyAudio", duration=1.0, sample_rate=8000, channels=1),
    }[kind]()
    more = {"filename_prefix": "x", **more}
    first = saved_file(bench, bench.call(save, **{kind: made.outputs[0]}, **more))
    (loaded,) = bench.call(load, **{name: f"{first.name} [output]"}).outputs
    again = saved_file(bench, bench.call(save, **{kind: loaded}, **more))
    assert again != first
    assert again.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("ending", ["wav", "ogg", "mp3"])
def test_a_loaded_sound_is_saved_as_flac(bench: Bench, ending: str) -> None:
    """It has the rate and the length of the loaded file."""
    silence = bench.call("EmptyAudio", duration=1.0, sample_rate=8000, channels=1).outputs[0]
    saved = saved_file(bench, bench.call("SaveAudio", audio=silence, filename_prefix="x"))
    path = saved.with_suffix(f".{ending}")
    with soundfile.SoundFile(path, "w", 22050, 1, format=ending.upper()) as sound:
        sound.buffer_write(bytes(2 * 22050), "int16")
    (loaded,) = bench.call("LoadAudio", audio=f"{path.name} [output]").outputs
    saved = saved_file(bench, bench.call("SaveAudio", audio=loaded, filename_prefix="x"))
    assert saved.suffix == ".flac"
    with soundfile.SoundFile(saved) as sound:
        assert (sound.samplerate, round(sound.frames / 22050, 1)) == (22050, 1.0)


def test_many_batches_become_one(bench: Bench) -> None:
    """The images keep the order of their input numbers, however many there are. All take the size
    of the first image."""
    places = {"images.image10": (plain(),), "images.image2": (plain().resize((8, 8)),)}
    (made,) = bench.call("BatchImagesNode", **places).outputs
    assert [one.size for one in made] == [(8, 8), (8, 8)]


def test_file_names_count_up(bench: Bench) -> None:
    """The stand-in numbers saved files and fills in placeholders. Other prefixes don't affect the
    numbers."""
    ask = {"images": (plain(),), "filename_prefix": "a/%width%x%height%"}
    names = [bench.call("SaveImage", **ask).ui["images"][0] for _ in range(2)]  # type: ignore[index]
    assert [name["filename"] for name in names] == ["64x64_00001_.png", "64x64_00002_.png"]
    assert names[0]["subfolder"] == "a"


@pytest.mark.parametrize("prefix", ["../evil", "/tmp/evil", "a/../../evil", "x\0y"])
def test_files_cannot_be_saved_outside_the_folder(bench: Bench, prefix: str) -> None:
    """The stand-in refuses a prefix that leads out of the folder."""
    with pytest.raises(UnsafePath):
        bench.storage.next_name("output", prefix)


@pytest.mark.parametrize(
    "value", ["../../etc/passwd", "/etc/passwd", "nope.png", "x.png [temp]", "", "a\0b"]
)
def test_files_cannot_be_loaded_from_outside_the_folders(bench: Bench, value: str) -> None:
    """A LoadImage value finds only files in the folders."""
    assert bench.storage.find(value) is None


def test_links_do_not_lead_out(bench: Bench, tmp_path: Path) -> None:
    """The stand-in doesn't follow a symbolic link out of the folder."""
    (tmp_path / "secret.png").touch()
    folder = bench.storage.folder("input")
    assert folder is not None
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    assert bench.storage.find("link.png") is None


OWN_WORDS = ("tooltip", "description", "search_aliases", "output_tooltips")
OWN_FILES = ("ckpt_name", "lora_name", "clip_name")


def test_the_text_node_describes_an_image(bench: Bench) -> None:
    """The text gives the brightness, the shape and the colors. Without an image, it repeats the
    question."""
    clip = bench.call("CLIPLoader", clip_name="demo-qwen3.5-words.safetensors").outputs[0]
    asked = {"clip": clip, "prompt": "What is it?", "max_length": 50}
    wide = Image.new("RGB", (90, 60), (30, 60, 200))
    wide.paste((240, 240, 240), (0, 0, 90, 50))
    (said,) = bench.call("TextGenerate", **asked, image=(wide,)).outputs
    assert said == "a bright, wide scene in grey and blue"
    assert bench.call("TextGenerate", **asked).outputs == ("What is it?",)


def differences(ours: Any, real: Any, path: str) -> Iterator[str]:
    """Yield the differences between our catalog and the real one. Texts and model files are our own
    and don't count."""
    name = path.rsplit("/", 1)[-1]
    if type(ours) is not type(real):
        yield f"{path}: {ours!r} is not {real!r}"
    elif name in OWN_WORDS or (name == "0" and path.split("/")[-2] in OWN_FILES):
        return
    elif isinstance(ours, dict):
        for key in ours.keys() ^ real.keys():
            yield f"{path}/{key} is on one side only"
        for key in ours.keys() & real.keys():
            yield from differences(ours[key], real[key], f"{path}/{key}")
    elif isinstance(ours, list) and len(ours) == len(real):
        for index, (one, other) in enumerate(zip(ours, real, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
    elif ours != real:
        yield f"{path}: {ours!r} is not {real!r}"


# 0.33.0 has no repeatable rows, and no paid node without a partner.
OWN_NODES = {"LoraRows", "PartnerText"}


def test_the_catalog_is_the_real_one(bench: Bench, shared: Path) -> None:
    """Names, types, limits, defaults, options and shape of every node match ComfyUI 0.33.0."""
    real = json.loads(
        gzip.decompress((shared / "comfyui" / "object_info-0.33.0.json.gz").read_bytes())
    )
    folder = bench.storage.folder("input")
    assert folder is not None
    (folder / "example.png").touch()
    described = {
        name: json.loads(json.dumps(node.describe(bench.storage)))
        for name, node in NODES.items()
        if name not in OWN_NODES
    }
    assert not [
        line for name, entry in described.items() for line in differences(entry, real[name], name)
    ]


def test_help_texts_are_our_own(bench: Bench, shared: Path) -> None:
    """Our help texts repeat no sentence from the real catalog."""
    real = gzip.decompress(
        (shared / "comfyui" / "object_info-0.33.0.json.gz").read_bytes()
    ).decode()

    def texts(value: Any, name: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from texts(inner, key)
        elif isinstance(value, list):
            for inner in value:
                yield from texts(inner, name)
        elif isinstance(value, str) and name in OWN_WORDS and len(value) > 12:
            yield value

    ours = [text for node in NODES.values() for text in texts(node.describe(bench.storage))]
    assert len(ours) > 20
    assert [text for text in ours if json.dumps(text)[1:-1] in real] == []


def samples(text: str, seed: int = 1) -> array[int]:
    sound = music(text, 4, seed)
    assert (sound.rate, sound.channels) == (RATE, 1)
    return array("h", sound.samples)


@pytest.mark.parametrize("text", ["a calm piano", "techno drums", "waves", "blorp", "!"])
def test_any_text_makes_a_sound_of_the_asked_length(text: str) -> None:
    """It is neither silent nor too loud, and ends softly."""
    made = samples(text)
    assert len(made) == 4 * RATE
    assert 10_000 < max(map(abs, made)) < 32_767
    assert abs(made[-1]) < 500


def test_speech_is_as_long_as_its_text_and_has_pauses() -> None:
    short, long = (array("h", speech(text, 1).samples) for text in ("Hello.", "Hello. " * 8))
    assert len(long) > 5 * len(short)
    blocks = [max(map(abs, long[at : at + 2000])) for at in range(0, len(long) - 2000, 2000)]
    quiet = [block < 500 for block in blocks]
    assert sum(before > after for before, after in itertools.pairwise(quiet)) >= 7


def test_a_song_begins_and_ends_quietly() -> None:
    song = array("h", music("techno drums", 60, 1).samples)
    assert len(song) == 60 * RATE
    loud = [max(map(abs, song[at * RATE : (at + 2) * RATE])) for at in (1, 20, 57)]
    assert max(loud[0], loud[2]) < 0.6 * loud[1]


def test_text_and_seed_choose_the_sound() -> None:
    assert samples("a calm piano") == samples("a calm piano")
    assert samples("a calm piano") != samples("a calm piano", seed=2)
    assert samples("a calm piano") != samples("a calm harp")


SHIPPED = sorted(WORKFLOWS.glob("*.json"))


def made(client: Client, workflow: Workflow, form: Form, values: dict[str, object]) -> RunState:
    clean, errors = check(form, values)
    assert errors == {}
    prompt, used = fill(workflow, form, clean, random.Random(1))
    runs = EmbeddedRegistry(ServerPool(client))
    try:
        *_, last = runs.submit(Job(prompt, workflow.name, values=used), Origin("test")).watch(30)
    finally:
        runs.close()
    assert last.phase is Phase.DONE, last.error
    return last


def test_a_prompt_without_its_empty_image_still_runs() -> None:
    """An empty image removes its branch. The other result still arrives."""
    with DemoServer(step_seconds=0.0) as server, Client(server.url) as client:
        catalog = Catalog(client.object_info())
        ckpt = catalog["CheckpointLoaderSimple"].by_name["ckpt_name"].start
        prompt = with_values(
            text_to_image(n20=node("LoadImage", "Photo (optional)", image="example.png")),
            "4",
            ckpt_name=ckpt,
        )
        prompt["21"] = node(
            "ImageScaleBy", image=["20", 0], upscale_method="bilinear", scale_by=2.0
        )
        prompt["22"] = node("SaveImage", images=["21", 0], filename_prefix="photo")
        prompt = with_values(with_values(prompt, "3", steps=1), "5", width=64, height=64)
        workflow = workflow_of(prompt)
        form = build_form(workflow, catalog)
        last = made(client, workflow, form, {"20.image": None})
        assert {file.node for file in last.files} == {"9"}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_it_runs_each_shipped_workflow(file: Path) -> None:
    """Each form produces its result files on the running stand-in, with its own values apart from
    sizes and steps."""
    with DemoServer(step_seconds=0.0) as server, Client(server.url) as client:
        workflow = read_workflow(file)
        form = build_form(workflow, Catalog(client.object_info()))
        assert form.problems == ()
        small = {"4.width": 256, "4.height": 256, "6.amount": 2}
        steps = {field.key: 2 for field in form.fields if field.input == "steps"}
        shown = {field.key for field in form.fields}
        last = made(client, workflow, form, steps | {key: small[key] for key in shown & set(small)})
        assert {output.node for output in form.outputs} == {file.node for file in last.files}


LOOP: dict[str, Any] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {
        "class_type": "StartLoop",
        "inputs": {"mode": "simple", "mode.num_iterations": 2, "cache_iterations": False},
    },
    "3": {
        "class_type": "ImageScaleBy",
        "inputs": {"image": ["1", 0], "upscale_method": "area", "scale_by": 0.1, "in": ["2", 0]},
    },
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
    "5": {
        "class_type": "EndLoop",
        "inputs": {"output_value": ["3", 0], "accumulate": False, "termination0": ["4", 0]},
    },
    "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
}


@pytest.fixture
def newer() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, nodes={**NODES, "Model": MODEL}, newer=True) as server:
        yield server


MODEL = save_model(tetrahedron())


def run(demo: DemoServer, body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[bytes], Any]:
    """Return the text messages of a prompt, its binary ones, and its entry in the history."""
    address = f"{demo.url.replace('http', 'ws')}/ws?clientId=me"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    answer = requests.post(f"{demo.url}/prompt", json=body, timeout=LONGEST_WAIT).json()
    assert answer["node_errors"] == {}
    received = frames(connection)
    connection.shutdown()
    history = requests.get(f"{demo.url}/history/{answer['prompt_id']}", timeout=LONGEST_WAIT)
    texts = [json.loads(one) for one in received if isinstance(one, str)]
    binary = [one for one in received if isinstance(one, bytes)]
    return texts, binary, history.json()[answer["prompt_id"]]


def test_messages_repeat_the_requests_metadata(newer: DemoServer) -> None:
    """Every message about the prompt has them; the status, which is for all, doesn't."""
    body = body_of()
    body["extra_data"]["metadata"] = {"trace": "t7"}
    texts, _, _ = run(newer, body)
    about = [one for one in texts if one["type"] != "status"]
    assert {one["data"].get("trace") for one in about} == {"t7"}


def test_any_message_can_be_sent_to_all_clients(newer: DemoServer) -> None:
    """Tests announce what a newer server may tell."""
    address = f"{newer.url.replace('http', 'ws')}/ws"
    connection = websocket.create_connection(address, timeout=LONGEST_WAIT)
    newer.announce("asset_download", {"task_id": "t", "progress": 0.5})
    connection.recv()  # the status
    assert json.loads(connection.recv())["data"]["progress"] == 0.5
    connection.shutdown()


def test_a_loops_copies_name_their_originals(newer: DemoServer) -> None:
    """The copies have ids of their own, in messages and in the history."""
    texts, binary, entry = run(newer, {"prompt": LOOP, "client_id": "me"})
    begun = [one["data"] for one in texts if one["type"] == "executing" and one["data"]["node"]]
    shown = [one["display_node"] for one in begun if one["node"] != one["display_node"]]
    assert shown == ["2", "3", "4", "2", "2", "3", "4", "2"]
    assert "3" not in {one["node"] for one in begun}
    states = [one["data"]["nodes"] for one in texts if one["type"] == "progress_state"]
    assert {one["display_node_id"] for one in states[-1].values()} == set("123456")
    assert [entry["meta"][node]["display_node"] for node in entry["outputs"]] == ["4", "4", "6"]
    assert [one.rpartition(b"Iteration ")[2] for one in binary] == [b"0 / 2", b"1 / 2", b"2 / 2"]


def test_a_loop_counted_by_a_link_fails_and_the_next_prompt_runs(newer: DemoServer) -> None:
    """The worker survives an exception that no node raises."""
    start = LOOP["2"]
    counted = {"mode": "simple", "mode.num_iterations": ["0", 0]}
    prompt = LOOP | {"2": {**start, "inputs": start["inputs"] | counted}}
    prompt["0"] = {"class_type": "PrimitiveInt", "inputs": {"value": 2}}
    _, _, entry = run(newer, {"prompt": prompt, "client_id": "me"})
    event, data = entry["status"]["messages"][-1]
    assert event == "execution_error"
    assert "Type a number" in data["exception_message"]
    _, _, entry = run(newer, {"prompt": LOOP, "client_id": "me"})
    assert entry["status"]["completed"]


def test_results_have_names_and_assets(newer: DemoServer) -> None:
    """An image is its own preview; a 3D model has another asset with an image."""
    prompt = {"1": {"class_type": "Model", "inputs": {"text": "a"}}, "2": LOOP["1"]}
    prompt["3"] = {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}
    _, _, entry = run(newer, {"prompt": prompt, "client_id": "me"})
    (model,), (image,) = entry["outputs"]["1"]["3d"], entry["outputs"]["3"]["images"]
    assert model["display_name"].endswith(".glb")
    assert image["preview_id"] == image["id"]
    found = {key: content(newer, model[key]) for key in ("id", "preview_id")}
    assert found["id"].startswith(b"glTF")
    assert found["preview_id"].startswith(b"RIFF")
    unknown = requests.get(f"{newer.url}/api/assets/{uuid.uuid4()}/content", timeout=LONGEST_WAIT)
    assert unknown.status_code == 404


def content(demo: DemoServer, asset_id: str) -> bytes:
    return requests.get(f"{demo.url}/api/assets/{asset_id}/content", timeout=LONGEST_WAIT).content


def test_by_default_the_stand_in_is_as_old_as_its_version(demo: DemoServer) -> None:
    """It has no loops and no assets."""
    nodes = requests.get(f"{demo.url}/object_info", timeout=LONGEST_WAIT).json()
    assert "StartLoop" not in nodes
    _, _, entry = run(demo, body_of())
    assert all(set(one) == {"filename", "subfolder", "type"} for one in files_of(entry))
    assert requests.get(f"{demo.url}/api/assets/x/content", timeout=LONGEST_WAIT).status_code == 404


def files_of(entry: Any) -> list[dict[str, Any]]:
    outputs = entry["outputs"].values()
    return [file for output in outputs for file in output.get("images", ())]
