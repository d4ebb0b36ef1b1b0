"""Say what a workflow does, from its form: a sentence, a title, and a line of facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from comfy.base.messages import listed, message
from comfy.base.wording import known_names, plain_number, task_words
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.labels import choice_labels
from comfy.form.model import Field, Form, needed_outputs
from comfy.prompt.model import Prompt
from comfy.prompt.trace import Output

# Titles by the most important input and the result.
_TITLES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("text", "image"): message("Text to image"),
        ("image", "image"): message("Image to image"),
        ("mask", "image"): message("Inpaint"),
        ("text", "video"): message("Text to video"),
        ("image", "video"): message("Image to video"),
        ("mask", "video"): message("Image to video"),
        ("video", "video"): message("Video to video"),
        ("audio", "video"): message("Sound to video"),
        ("text", "audio"): message("Text to sound"),
        ("video", "audio"): message("Video to sound"),
        ("text", "3d"): message("Text to 3D model"),
        ("image", "3d"): message("Image to 3D model"),
        ("mask", "3d"): message("Image to 3D model"),
        ("image", "text"): message("Image to text"),
    }
)
_BOTH_ENDS = re.compile("flf|first.?last|last.?frame|end.?frame", re.IGNORECASE)  # in a file's name
# Tasks that are only a step after the sampler if a workflow takes no image.
_LAST_STEPS = re.compile("upscaler?|enhance|detailer", re.IGNORECASE)
_KINDS: tuple[ResultKind, ...] = ("text", "image", "video", "audio")
_SECONDS = ("seconds", "duration", "duration_seconds", "audio_length", "seconds_total")
_FRAMES = ("length", "num_frames", "video_frames", "frames", "frames_number", "total_frames")
_RATES = ("fps", "frame_rate")
_INPUTS = ("video", "mask", "image", "audio", "text")  # the most important first
_IMAGES = MappingProxyType(
    {1: message("your image"), 2: message("two images"), 3: message("three images")}
)


def describe(fields: Iterable[Field], outputs: Sequence[Output], prompt: Prompt) -> str:
    """Return a sentence such as "Create a video from a text and your image.", "" if the workflow
    makes several kinds of results, or if nothing tells what it needs."""
    inputs, made = _inputs(fields), _made(outputs, prompt)
    needs = [*_needs(inputs)]
    if made == "text" and needs and not inputs["text"]:
        return message("Write a text about {inputs}.", inputs=_and(needs))
    return _sentence(made, _and(needs)) if needs else ""


def kind_title(form: Form, name: str) -> str:
    """Return a title such as "Image to video (Wan 2.2)", with the known names in the main model's
    file, or else in the workflow's file `name`. That name's words for a task replace the kind:
    "Object swap (Qwen)". "" if neither tells."""
    models = (choice_labels([f.default])[0][0] for f in form.fields if f.role == "model")
    kind, task = kind_of(form), task_words(name)
    if kind[0] == "text" and _LAST_STEPS.fullmatch(task):
        task = ""
    title = task or _TITLES.get(kind, "")
    if kind == ("image", "video") and _BOTH_ENDS.search(name):
        title = message("First and last frame to video")
    names = next(filter(None, map(known_names, (*models, name))), "")
    return message("{label} ({detail})", label=title, detail=names) if title and names else title


def kind_of(form: Form) -> tuple[str, str]:
    """Return the most important input that says with the result what the workflow does, such as
    ("image", "video"); "" for what the form doesn't tell."""
    inputs = _inputs(form.fields)
    made = _made(form.outputs, form.prompt) or ""
    kinds = (kind for kind in _INPUTS if inputs[kind] and (kind, made) in _TITLES)
    return next(kinds, ""), made


def facts(form: Form) -> str:
    """Return a line such as "Text, Image → Video, about 5 s, 1280 × 720", "" if the form doesn't
    tell what it makes."""
    inputs, made = _inputs(form.fields), _made(form.outputs, form.prompt)
    if not made:
        return ""
    inputs["image"] += inputs["mask"]
    needs = listed(RESULT_TYPES[kind].noun for kind in _KINDS if inputs[kind])
    noun = RESULT_TYPES[made].noun
    numbers = {
        one.role or one.input.rpartition(".")[2]: one.default
        for one in form.fields
        if one.is_number
    }
    size = [numbers.get("width"), numbers.get("height")] if made in ("image", "video") else [None]
    seconds = _seconds(numbers) if made in ("video", "audio") else None
    rounded = message("{seconds} s", seconds=plain_number(round(seconds, 1))) if seconds else ""
    return listed(
        (
            message("{input} → {result}", input=needs, result=noun) if needs else noun,
            *((message("about {amount}", amount=rounded),) if seconds else ()),
            *((f"{size[0]} × {size[1]}",) if all(size) else ()),
        )
    )


def _seconds(numbers: Mapping[str, Any]) -> float | None:
    """Return the length of the result with the defaults, if the form has one."""
    lengths, frames, rates = (
        [numbers[one] for one in names if numbers.get(one)] for names in (_SECONDS, _FRAMES, _RATES)
    )
    if frames and rates:
        return float(frames[0] / rates[0])
    return float(lengths[0]) if lengths else None


def _made(outputs: Sequence[Output], prompt: Prompt) -> ResultKind | None:
    """Return the kind of results for a reader, to whom an animated image is a video."""
    kind = made_kind(outputs)
    classes = {prompt[one.node]["class_type"] for one in outputs if one.node in prompt}
    return "video" if kind == "image" and any("Animated" in one for one in classes) else kind


def made_kind(outputs: Sequence[Output]) -> ResultKind | None:
    """Return the single kind of saved results, None for several; previews alone count."""
    needed = needed_outputs(outputs)
    kinds = {one.kind for one in outputs if one.node in needed}
    return kinds.pop() if len(kinds) == 1 else None


def _inputs(fields: Iterable[Field]) -> Counter[str]:
    """Return how many main fields take each kind of input. The image under a mask doesn't count."""
    main = (one for one in fields if one.group == "main")
    main = (one for one in main if not (one.is_painted and one.role == "guide"))
    return Counter("text" if one.widget == "textarea" else one.widget for one in main)


def _sentence(kind: ResultKind | None, inputs: str) -> str:
    match kind:
        case "image":
            return message("Create an image from {inputs}.", inputs=inputs)
        case "video":
            return message("Create a video from {inputs}.", inputs=inputs)
        case "audio":
            return message("Create a sound from {inputs}.", inputs=inputs)
        case "3d":
            return message("Create a 3D model from {inputs}.", inputs=inputs)
        case "text":
            return message("Write an answer to {inputs}.", inputs=inputs)
        case _:
            return ""


def _needs(inputs: Counter[str]) -> Iterator[str]:
    if inputs["text"]:
        yield message("a text")
    if images := inputs["image"] + inputs["mask"]:
        yield _IMAGES.get(images) or message("{count} images", count=images)
    if inputs["video"]:
        yield message("your video")
    if inputs["audio"]:
        yield message("your sound")


def _and(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return message("{first} and {last}", first=listed(parts[:-1]), last=parts[-1])
