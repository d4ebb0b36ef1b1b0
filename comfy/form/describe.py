"""Say what a workflow does, from its form: a sentence, a title, and a line of facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from comfy.base.messages import listed, message
from comfy.base.wording import known_names, plain_number, plain_words, task_words
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.form.core_inputs import TO_CHANGE, TO_SEE
from comfy.form.labels import choice_labels
from comfy.form.model import Field, Form, main_prompt, needed_outputs
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
# Tasks by the inputs, the kind of the result and the names of the node classes (see `task_of`). A
# colon follows the kind in a graph without a sampler.
_TASKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"\A{pattern}", re.IGNORECASE), task)
    for pattern, task in (
        (r"(\w+ )*text>(image|video): .*(segment|sam[23]|grounding)", message("Segmentation")),
        ("(image|video)>(image|video): .*(rmbg|rembg|background)", message("Background removal")),
        ("(image|video)>(image|video): .*(pose|keypoint)", message("Pose map")),
        ("(image|video)>(image|video): .*(depth|moge)", message("Depth map")),
        (
            "(image|video)>(image|video): .*(upscal|seedvr|super_?res|image_?enhance)",
            message("Upscale"),
        ),
        (r"(?=(\w+ )*image\b)[^>]*>image.*multi_?angle", message("New camera angle")),
        (r"(?=(\w+ )*image\b)[^>]*>image.*outpaint", message("Outpaint")),
        (
            r"audio\b[^>]*>video.*(talk|lip_?sync|avatar|audio_?encoder|sound_?image)",
            message("Lip sync"),
        ),
        (r"(\w+ )*text>audio.*(tts|to_?speech|to_?dialog|chatterbox)", message("Text to speech")),
        ("audio>audio.*(voice|rvc|to_?speech)", message("Voice conversion")),
        ("audio text>audio.*ace_?step", message("Cover of a song")),
    )
)
# Services that draw nothing.
_TOOLS = re.compile(r"remov|background|upscal|resolution", re.IGNORECASE)
_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "Segmentation": message("Cut out what you name."),
        "Background removal": message("Remove the background."),
        "Pose map": message("Draw the poses of people."),
        "Depth map": message("Show how far away things are."),
        "Upscale": message("Enlarge an image or a video."),
        "New camera angle": message("Show your image from another angle."),
        "Outpaint": message("Extend your image beyond its edges."),
        "Lip sync": message("Let a person speak or sing to your sound."),
        "Text to speech": message("Read a text aloud."),
        "Voice conversion": message("Give a recording another voice."),
        "Cover of a song": message("Sing your song in another style."),
    }
)
# Help for the main prompt by the task, by the input and the result, or only by the result.
_PROMPT_HELP: Mapping[object, str] = MappingProxyType(
    {
        "Segmentation": message("Name what to cut out."),
        "Text to speech": message("The text to read aloud."),
        "Upscale": TO_SEE,
        ("image", "image"): TO_CHANGE,
        ("mask", "image"): message("Describe what to paint there."),
        ("video", "video"): TO_SEE,
        "image": TO_SEE,
        "3d": TO_SEE,
        "video": message("Describe what happens in the video."),
        "audio": message("Describe the music or the sound."),
        "text": message("Ask a question, or say what to write."),
    }
)
_BOTH_ENDS = re.compile("flf|first.?last|last.?frame|end.?frame", re.IGNORECASE)  # in a file's name
# Tasks that are only a step after the sampler if a workflow takes no image.
_LAST_STEPS = re.compile("upscaler?|enhance|detailer", re.IGNORECASE)
_KINDS: tuple[ResultKind, ...] = ("text", "image", "video", "audio")
_SECONDS = (
    "seconds",
    "duration",
    "duration_seconds",
    "max_duration",
    "audio_length",
    "seconds_total",
)
_FRAMES = ("length", "num_frames", "video_frames", "frames", "frames_number", "total_frames")
_RATES = ("rate", "fps", "frame_rate")
_RATIO = re.compile(r"(?<![\d:])\d{1,2}:\d{1,2}(?![\d:])")
_INPUTS = ("video", "mask", "image", "audio", "text")  # the most important first
_IMAGES = MappingProxyType(
    {1: message("your image"), 2: message("two images"), 3: message("three images")}
)


def describe(form: Form) -> str:
    """Return a sentence such as "Create a video from a text and your image.", "" if the workflow
    makes several kinds of results, or if nothing tells what it needs."""
    inputs, made = _inputs(form.fields), _made(form.outputs, form.prompt)
    needs = [*_needs(inputs)]
    if task := task_of(form):
        return _SENTENCES[task]
    if made == "text" and needs and not inputs["text"]:
        return message("Write a text about {inputs}.", inputs=_and(needs))
    return _sentence(made, _and(needs)) if needs else ""


def kind_title(form: Form, name: str) -> str:
    """Return a title such as "Image to video (Wan 2.2)", with the known names in the main model's
    file, in the workflow's file `name` or in the node classes. A task of the classes, or else words
    for one in the file's name, replace the kind: "Object swap (Qwen)". "" if nothing tells."""
    models = [choice_labels([f.default])[0][0] for f in form.fields if f.role == "model"]
    kind, task = kind_of(form), task_words(name)
    if kind[0] == "text" and _LAST_STEPS.fullmatch(task):
        task = ""
    known = task_of(form)
    title = known or task or _TITLES.get(kind, "")
    if kind == ("image", "video") and _BOTH_ENDS.search(name):
        title = message("First and last frame to video")
    by_class = {known_names(one.replace("3D", "")) for one in _classes(form)} - {""}
    classes = by_class if len(by_class) == 1 and not models else ()
    told = filter(None, (*map(known_names, (*models, name)), *classes))
    is_about_masks = known == _TASKS[0][1]
    names = next((one for one in told if is_about_masks or not one.startswith("SAM")), "")
    return message("{label} ({detail})", label=title, detail=names) if title and names else title


def task_of(form: Form) -> str:
    """Return a title for what the node classes do, "" if they don't tell. Words in a file's name,
    which may be a machine's, count less."""
    inputs, made = _inputs(form.fields), _made(form.outputs, form.prompt)
    kinds = " ".join(kind for kind in ("audio", "image", "mask", "video", "text") if inputs[kind])
    is_drawn = any(
        "LATENT" in one.output_types
        or (one.raw.get("api_node") and not _TOOLS.search(one.class_type))
        for one in form.nodes.values()
    )
    told = f"{kinds}>{made}{' drawn' * is_drawn}: {' '.join(_classes(form))}"
    return next((task for one, task in _TASKS if one.match(told)), "")


def with_texts(form: Form) -> Form:
    """Return the form with a description, and with help for its main prompt, if neither the author
    nor the server gives any. An encoder for edits also works without an image."""
    form = replace(form, description=form.description or describe(form))
    prompt, (needed, made) = main_prompt(form.fields), kind_of(form)
    told = prompt.tooltip if prompt else ""
    is_wrong = told == TO_CHANGE and needed == "text"
    if prompt is None or prompt.label == plain_words("lyrics") or (told and not is_wrong):
        return form
    images = [one for one in form.fields if one.group == "main" and one.media == "image"]
    is_guided = needed == "image" and [one.role for one in images] != [""]
    key = "" if is_guided else (needed, made)
    rows = (_PROMPT_HELP.get(one) for one in (task_of(form), key, made))
    helped = replace(prompt, tooltip=next(filter(None, rows), ""))
    return replace(form, fields=tuple(helped if one is prompt else one for one in form.fields))


def _classes(form: Form) -> list[str]:
    return [node["class_type"] for node in form.prompt.values()]


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
    needs = listed(_noun(kind, inputs[kind]) for kind in _KINDS if inputs[kind])
    noun = RESULT_TYPES[made].noun
    is_edit = made == "image" and inputs["image"]  # a folded size may not be the result's
    numbers = {
        one.role or one.input.rpartition(".")[2]: one.default
        for one in form.fields
        if one.is_number and not (is_edit and one.group != "main")
    }
    size = [numbers.get("width"), numbers.get("height")]
    shape = f"{size[0]} × {size[1]}" if all(size) else _ratio(form.fields)
    seconds = _seconds(numbers) if made in ("video", "audio") else None
    rounded = message("{seconds} s", seconds=plain_number(round(seconds, 1))) if seconds else ""
    return listed(
        (
            message("{input} → {result}", input=needs, result=noun) if needs else noun,
            *((message("about {amount}", amount=rounded),) if seconds else ()),
            *((shape,) if shape and made in ("image", "video") else ()),
        )
    )


def _noun(kind: ResultKind, count: int) -> str:
    is_several = kind == "image" and count > 1
    return message("{count} images", count=count) if is_several else RESULT_TYPES[kind].noun


def _ratio(fields: Iterable[Field]) -> str:
    """Return the aspect ratio that a main field chooses, if there is one."""
    chosen = (str(one.default) for one in fields if one.choices and one.group == "main")
    return next((found[0] for found in map(_RATIO.search, chosen) if found), "")


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
    """Return the single kind of saved results, None for several; previews alone count. Beside a 3D
    model, images and videos show it."""
    needed = needed_outputs(outputs)
    kinds = {one.kind for one in outputs if one.node in needed}
    kinds = kinds & {"3d"} or kinds
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
