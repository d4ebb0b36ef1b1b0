"""Which outputs of a run are its results, and which are steps on the way to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.result_types import FileKind
from comfy.comfyui.protocol.run_state import Phase, RunState
from comfy.prompt.model import Prompt
from comfy.records.record import Job, Record
from ui.documents.history_docs import run_tile
from ui.documents.output_roles import is_echo, main_places, output_roles
from ui.documents.run_doc import compared_files
from ui.files.result_files import saved_places


def node(class_type: str, **inputs: Any) -> Any:
    return {"class_type": class_type, "inputs": inputs}


# A language model extends the prompt of a picture, which is shown, saved and compared.
PICTURE: Prompt = {
    "photo": node("LoadImage", image="a.png"),
    "llm": node("LanguageModel", prompt="a kite"),
    "said": node("PreviewAny", source=["llm", 0]),
    "boxes": node("CreateBoundingBoxes", image=["photo", 0]),
    "sampler": node("KSampler", text=["llm", 0], boxes=["boxes", 0], seed=41),
    "saved": node("SaveImage", images=["sampler", 0]),
    "shown": node("PreviewImage", images=["sampler", 0]),
    "compared": node("ImageCompare", image_a=["photo", 0], image_b=["sampler", 0]),
    "caption": node("Florence2", image=["photo", 0]),
    "read": node("ShowText", text=["caption", 0]),
    "seed": node("ShowText", text=["sampler", 1]),
}


def file(
    node: str,
    type_: str = "output",
    kind: FileKind = "image",
    side: Literal["", "a", "b"] = "",
    digest: str = "",
) -> OutputFile:
    return OutputFile("a.png", "", type_, kind, node, digest or f"{node}{side}", side=side)


def record_of(prompt: Prompt, *files: OutputFile, **texts: str) -> Record:
    shown = tuple(TextOutput(node, text) for node, text in texts.items())
    state = RunState(prompt_id="p", phase=Phase.DONE, files=files, texts=shown)
    return Record("r", "ann", Job(prompt, "w"), 5.0, state)


FILES = (
    file("boxes"),
    file("compared", "temp", side="a"),
    file("compared", "temp", side="b"),
    file("shown", "temp"),
    file("saved"),
)


def test_the_saved_picture_is_the_result() -> None:
    record = record_of(PICTURE, *FILES, said="a long kite", read="a photo of a beach", seed="41")
    assert output_roles(record) == {
        "boxes": "preview",
        "compared": "copy",  # the result offers the comparison
        "shown": "preview",
        "saved": "result",
        "said": "preview",
        "read": "result",  # it isn't a step on the way to the picture
        "seed": "echo",
    }
    assert main_places(record) == saved_places(record) == [4]
    assert run_tile(record).results == 1


def test_a_saved_picture_is_compared_in_place_of_its_copy() -> None:
    record = record_of(PICTURE, *FILES)
    assert compared_files(record)[4] == 1
    swapped = node("ImageCompare", image_a=["sampler", 0], image_b=["photo", 0])
    assert compared_files(record_of({**PICTURE, "compared": swapped}, *FILES))[4] == 2


def test_a_comparison_of_nothing_saved_is_a_result() -> None:
    only = {one: PICTURE[one] for one in ("photo", "sampler", "compared", "read")}
    record = record_of(only, *FILES[1:3], read="a beach at noon")
    assert set(output_roles(record).values()) == {"result"}
    assert compared_files(record) == {1: 0}


def test_the_same_file_is_shown_once() -> None:
    prompt = {
        "service": node("TextToModel", prompt="a horse"),
        "preview": node("Preview3D", model=["service", 0]),
        "saved": node("SaveGLB", mesh=["service", 0]),
        "map": node("PreviewImage", images=["service", 1]),
    }
    files = (
        file("service", kind="3d", digest="model"),
        file("preview", "temp", kind="3d", digest="model"),
        file("map", "temp"),
        file("saved", kind="3d", digest="model"),
    )
    roles = output_roles(record_of(prompt, *files))
    assert roles == {"service": "copy", "preview": "copy", "map": "preview", "saved": "result"}
    unknown = [replace(one, digest="") for one in files]
    assert "copy" not in output_roles(record_of(prompt, *unknown)).values()
    again = {**prompt, "again": node("SaveGLB", mesh=["service", 2])}
    twice = record_of(again, *files, file("again", kind="3d", digest="model"))
    assert output_roles(twice)["again"] == "copy"


def test_the_last_preview_of_a_chain_is_the_result() -> None:
    prompt = {
        "draft": node("KSampler", seed=1),
        "seen": node("PreviewImage", images=["draft", 0]),
        "final": node("KSampler", latent=["draft", 0]),
        "better": node("PreviewImage", images=["final", 0]),
        "compared": node("ImageCompare", image_a=["draft", 0], image_b=["final", 0]),
        "grain": node("FilmGrain", image=["final", 0]),
        "last": node("PreviewImage", images=["grain", 0]),
    }
    sides = (file("compared", "temp", side="a"), file("compared", "temp", side="b"))
    shown = (file(name, "temp") for name in ("seen", "better", "last"))
    record = record_of(prompt, *sides, *shown)
    roles = output_roles(record)
    assert {name for name, role in roles.items() if role == "result"} == {"last"}
    assert compared_files(record) == {1: 0, 4: 0}  # the step before lends its image


def test_a_saved_model_comes_before_its_video() -> None:
    prompt = {
        "splat": node("ImageToSplat", image="a.png"),
        "turned": node("RenderSplat", splat=["splat", 0]),
        "video": node("SaveVideo", video=["turned", 0]),
        "model": node("SaveGLB", mesh=["splat", 0]),
    }
    record = record_of(prompt, file("video", kind="video"), file("model", kind="3d"))
    assert output_roles(record) == {"video": "preview", "model": "result"}
    assert run_tile(record).kind == "3d"
    assert saved_places(record) == [0, 1]  # programs and downloads get both


def test_a_text_beside_a_sound_is_a_preview() -> None:
    """It comes from the node that makes the sound, such as a log."""
    prompt = {
        "speech": node("Speech", text="a long story"),
        "heard": node("PreviewAudio", audio=["speech", 0]),
        "log": node("PreviewAny", source=["speech", 1]),
        "song": node("Song", text="a short song"),
        "lyrics": node("PreviewAny", source=["song", 1]),
    }
    sound = file("heard", "temp", kind="audio")
    record = record_of(prompt, sound, log="spoken in two parts", lyrics="la la la")
    assert output_roles(record) == {"heard": "result", "log": "preview", "lyrics": "result"}


def test_every_result_of_a_run_without_saved_files_is_shown() -> None:
    prompt = {
        "photo": node("LoadImage", image="a.png"),
        "depth": node("PreviewImage", images=["photo", 0]),
        "lines": node("PreviewImage", images=["photo", 0]),
    }
    record = record_of(prompt, file("depth", "temp"), file("lines", "temp"))
    assert output_roles(record) == {"depth": "result", "lines": "result"}
    assert saved_places(record) == [0, 1]


def test_a_picture_beside_a_sound_is_a_result() -> None:
    prompt = {
        "cover": node("PreviewImage", images=["1", 0]),
        "saved": node("SaveAudio", audio=["2", 0]),
        "heard": node("PreviewAudio", audio=["2", 0]),
    }
    files = (
        file("cover", "temp"),
        file("heard", "temp", kind="audio"),
        file("saved", kind="audio"),
    )
    roles = output_roles(record_of(prompt, *files))
    assert roles == {"cover": "result", "heard": "preview", "saved": "result"}


def test_technical_texts_are_results_if_there_is_nothing_else() -> None:
    prompt = {
        "sum": node("PreviewAny", source=["1", 0]),
        "state": node("PreviewAny", source=["1", 1]),
    }
    assert output_roles(record_of(prompt, sum="75", state="done")) == {
        "sum": "result",
        "state": "result",
    }
    assert output_roles(record_of(prompt, sum="75", state="It is warm.")) == {
        "sum": "echo",
        "state": "result",
    }


def test_recognizes_technical_texts() -> None:
    record = record_of({"1": node("Widget", state="kept as it is")})
    technical = [
        "41",
        "832 × 1216",
        "(1, 512, 512, 3)",
        "done",
        "Seed: done.",
        "output/2026/a_1.png",
        "sd_xl_base.safetensors",
        '{"pose": [1, 2]}',
        "[]",
        " kept as it is\n",
        "",
    ]
    assert [text for text in technical if not is_echo(text, record)] == []
    spoken = [
        "a cat",
        "Cat",
        "[Verse]\nMorning light\n[Outro]",
        "He has done it",
        "See https://a.b/c for more.",
        "[" * 100_000 + "]",
        "{a photo}",
    ]
    assert [text for text in spoken if is_echo(text, record)] == []
