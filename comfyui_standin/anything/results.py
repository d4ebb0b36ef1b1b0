"""What output nodes show of the values that reach them, and the mark of a demo on it."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from comfyui_standin.anything.shapes import DEMO, drawing, solid
from comfyui_standin.anything.values import ANY, PLAIN, SHAPES, Token, Value, hints_of, kind_of
from comfyui_standin.nodes import image as images_of
from comfyui_standin.nodes.base import Inputs, Latent, MediaFile, NodeInfo, NodeRun, VideoFrames
from comfyui_standin.nodes.latent import decoded
from comfyui_standin.nodes.media import flac_bytes
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.music import music, speech
from comfyui_standin.nodes.video import mp4
from comfyui_standin.painter.paint import Brief, paint
from comfyui_standin.storage import Folder, UnsafePath

_MOVING = re.compile(r"video|combine|anim|gif|webp|webm|mp4", re.IGNORECASE)
_PASSING = re.compile(r"preview|show|display|view|compare", re.IGNORECASE)
_MOST = 8  # pictures of a result
_MOST_FRAMES = 24  # of a video whose frames aren't a view of one image
_MOST_PIXELS, _MOST_BATCH, _MOST_STEPS, _LONGEST_TEXT = 2048 * 2048, 16, 100, 1_000_000
_SIDE = 1024
_LARGEST = 2**64 - 1  # number: a seed
_MARK = "[demo]"
_COMPARED = re.compile("images?_?([ab])")  # inputs of a node that compares two pictures
_NAMES_FILE = re.compile(r"prefix|name|path|folder")
_NAMES_SHAPE = re.compile(r"model_file|mesh|glb|3d", re.IGNORECASE)
_SLOW_METHODS = ("default", "slowest")  # of WebP


def limited(entry: NodeInfo, inputs: Inputs) -> Inputs:
    """Return a node's inputs within the limits of a demo."""
    batches = sum(isinstance(value, tuple) for value in inputs.values())
    given = {name: _bounded(value, max(1, batches)) for name, value in inputs.items()}
    sides = [one for one in (given.get("width"), given.get("height")) if type(one) is int]
    area = math.prod(max(1, side) for side in sides) if sides else _SIDE * _SIDE
    seen = max((_area(one) for one in given.values()), default=1)
    most = {
        "batch_size": max(1, _MOST_PIXELS * 4 // max(area, seen)),
        "amount": _MOST_BATCH,
        "steps": _MOST_STEPS,
        "scale_by": max(1.0, (_MOST_PIXELS / seen) ** 0.5),
    }
    for name, value in given.items():
        if name in ("width", "height") and area > _MOST_PIXELS:
            given[name] = int(value * (_MOST_PIXELS / area) ** (1 / len(sides)))
        elif type(value) in (int, float):
            given[name] = min(value, most.get(name, value))
    if given.get("method") in _SLOW_METHODS:
        given["method"] = "fastest"
    return given


def to_show(entry: NodeInfo, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """Return what an output node shows of its inputs: pictures and texts with the mark of a demo.
    The node's own outputs have none, since other nodes may crop them."""
    moving = _MOVING.search(entry["name"])
    whole = moving and "Animated" not in entry["name"]  # a video of one image is small
    shown = _MOST_FRAMES if moving else _MOST
    return {
        name: with_mark(one)
        if isinstance(one, str) and _is_shown_text(entry, name)
        else marked(one if whole and isinstance(one, Pan) else _fewer(one, shown))
        for name, one in inputs.items()
    }


def _is_shown_text(entry: NodeInfo, name: str) -> bool:
    """Return whether an output node shows this input's text. Others name files."""
    specs = {**entry["input"].get("required", {}), **entry["input"].get("optional", {})}
    kind, *options = specs.get(name, [""])
    linked = kind in ANY or bool(options and options[0].get("forceInput"))
    return linked and not _NAMES_FILE.search(name)


def with_mark(text: str) -> str:
    """Return a text with the mark of a demo."""
    return text if not text or text.startswith(_MARK) else f"{_MARK} {text}"


def _area(value: Value) -> int:
    match value:
        case Latent(width, height):
            return max(1, width * height)
        case (Image.Image() as first, *_):
            return first.width * first.height
        case _:
            return 1


def _bounded(value: Value, batches: int) -> Value:
    """Return a value that a node may multiply without filling the memory, beside its other batches
    of images."""
    area = _area(value)
    count = max(1, 4 * _MOST_PIXELS // area)
    match value:
        case str():
            return value[:_LONGEST_TEXT]
        case int() | float() if not isinstance(value, bool):
            return type(value)(max(-_LARGEST, min(_LARGEST, value)))  # also of NaN
        case Latent(width, height, images):
            less = min(1.0, (_MOST_PIXELS / area) ** 0.5)
            kept = images[: min(count, _MOST_BATCH)]
            if less == 1 and len(kept) == len(images):
                return value
            small = tuple(image and images_of.fitted(image, _MOST_PIXELS) for image in kept)
            wide, high = round(width * less), round(height * less)
            return replace(value, width=wide, height=high, images=small)
        case Pan() | (Image.Image(), *_) if area > _MOST_PIXELS:
            return images_of.each(
                value[:count], lambda image: images_of.fitted(image, _MOST_PIXELS)
            )
        case (Image.Image(), *_) if not isinstance(value, Pan):
            return value[: max(1, 2 * count // batches)]
        case _:
            return value


def _fewer(value: Value, most: int) -> Value:
    match value:
        case VideoFrames(images) if not isinstance(images, Pan):
            return replace(value, images=tuple(images[:_MOST_FRAMES]))
        case (Image.Image(), *_) if len(value) > most:
            return tuple(value[number] for number in range(most)) if most == _MOST else value[:most]
        case _:
            return value


def marked(value: Value) -> Value:
    """Return a picture or video with the mark of a demo in its corner."""
    match value:
        case VideoFrames(images):
            return replace(value, images=marked(images))
        case Pan():  # each frame lacks twice the margin
            return value.each(lambda image: _mark(image, 2 * value.margin))
        case (Image.Image(), *_):
            return images_of.each(value, _mark)
        case _:
            return value


def _mark(image: Image.Image, hidden: int = 0) -> Image.Image:
    """Return an image with the mark. `hidden`: pixels at its right and bottom that aren't shown."""
    height = max(9, min(image.size) // 36)
    font = ImageFont.load_default(height)
    wide = round(font.getlength("DEMO"))
    edge = hidden + max(height, min(image.size) // (24 if hidden else 12))
    left, top = image.width - wide - edge, image.height - height - edge
    if left < height or top < height:
        return image
    image = image.copy()
    box = (left - height // 2, top - height // 4, left + wide + height // 2, top + height * 5 // 4)
    shade = Image.new("L", image.size, 0)
    ImageDraw.Draw(shade).rounded_rectangle(box, height // 2, 100)
    image.paste(0 if image.mode == "L" else (0, 0, 0), mask=shade)
    light = 255 if image.mode == "L" else (255, 255, 255)
    ImageDraw.Draw(image).text((left, top + height // 2), "DEMO", light, font, anchor="lm")
    return image


def shown(
    run: NodeRun, entry: NodeInfo, inputs: Mapping[str, Value], outputs: tuple[Value, ...]
) -> dict[str, list[Any]]:
    """Return what an output node shows: files of its inputs, else of its outputs, else a text. A
    text that stands for the path of a 3D model is shown as a model."""
    results = Results(run, entry, inputs)
    models = [one for one in outputs if isinstance(one, Token) and SHAPES.search(one.type)]
    if models:  # its other outputs are the same in other formats
        results.add(models[0])
        return results.ui
    made = "IMAGE" in map(kind_of, outputs) and "IMAGE" not in map(kind_of, inputs.values())
    for name, value in () if made else inputs.items():
        side = _COMPARED.fullmatch(name) if "compar" in entry["name"].lower() else None
        if results.add(value, f"{side[1]}_" if side else "") or kind_of(value) not in PLAIN:
            continue
        if _is_shown_text(entry, name):
            results.add_text(value)
    if not results.ui:
        for value in outputs:
            if kind_of(value) != "IMAGE" or len(value[0].getcolors(1) or ()) != 1:  # not blank
                results.add(marked(_fewer(value, _MOST)))
    paths = [
        value
        for name, value in inputs.items()
        if isinstance(value, str) and _NAMES_SHAPE.search(f"{entry['name']} {name}")
    ]
    if paths and not results.ui.keys() - {"text"}:
        results.ui.clear()
        results.add(Token("MESH", {"text": paths[0]}))
    links = (kind_of(one) for one in inputs.values())
    if not results.ui and any(kind not in ("", *PLAIN) for kind in links):
        results.add_text(with_mark(f"{entry['display_name']}: done"))
    return results.ui


class Results:
    """Files of one output node, and what it shows of them."""

    def __init__(self, run: NodeRun, entry: NodeInfo, inputs: Mapping[str, Value]) -> None:
        self.ui: dict[str, list[Any]] = {}
        self._run, self._name = run, str(entry["name"])
        self._folder: Folder = "temp" if _PASSING.search(self._name) else "output"
        named = (inputs.get(key) for key in ("filename_prefix", "prefix", "filename"))
        prefix = next((one for one in named if isinstance(one, str) and one.strip()), "ComfyUI")
        self._prefix = prefix[:120]
        self._fps = max(1.0, min(60.0, float(hints_of(inputs).get("fps", 16.0))))

    def add(self, value: Value, side: str = "") -> bool:
        """Show a value. Return False if it can't be saved. `side`: "a_" or "b_" of a comparison."""
        for key, data, ending in self._files(value):
            self.ui.setdefault(f"{side}{key}", []).append(self._saved(data, ending))
            if ending == "_.mp4":
                self.ui["animated"] = [True]
        kind = kind_of(value)
        return kind in ("IMAGE", "MASK", "LATENT", "VIDEO", "AUDIO") or not isinstance(
            value, str | int | float
        )

    def add_text(self, value: Value) -> None:
        """Show a text or number."""
        if text := str(value).strip():
            self.ui.setdefault("text", []).append(text)

    def _files(self, value: Value) -> Iterator[tuple[str, bytes, str]]:
        match value:
            case Latent():
                yield from self._files(marked(decoded(value)))
            case (Image.Image(), *_) if len(value) > 1 and _MOVING.search(self._name):
                yield from self._files(VideoFrames(value, self._fps))
            case (Image.Image() as only,) if "video" in self._name.lower():
                yield from self._files(VideoFrames(Pan(only, _MOST_FRAMES), self._fps))
            case (Image.Image(), *_):
                for image in value:
                    yield "images", self._png(image), "_.png"
            case VideoFrames(images, fps):
                yield "images", mp4(images, fps, DEMO), "_.mp4"
            case MediaFile(data, ending):
                yield ("audio" if kind_of(value) == "AUDIO" else "images"), data, ending
            case Token(type_, hints) if SHAPES.search(type_) and "MODEL_INFO" not in type_:
                yield "3d", solid(_picture(hints)), "_.glb"
            case Token("AUDIO", hints):
                text, seed = str(hints.get("text", "")), int(hints.get("seed", 0))
                spoken = hints.get("spoken")
                sound = speech(text, seed) if spoken else music(text, hints["seconds"], seed)
                yield from self._files(sound)
            case Token("SVG", hints):
                yield "images", drawing(_picture(hints)), "_.svg"
            case _ if kind_of(value) == "AUDIO":
                yield "audio", flac_bytes(value, DEMO), ".flac"

    def _png(self, image: Image.Image) -> bytes:
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=1, pnginfo=images_of.png_texts(self._run))
        return file.getvalue()

    def _saved(self, data: bytes, ending: str) -> dict[str, str]:
        try:
            return self._run.storage.put(self._folder, self._prefix, ending, data)
        except (UnsafePath, OSError):
            return self._run.storage.put(self._folder, "ComfyUI", ending, data)


def _picture(hints: Mapping[str, Any]) -> Image.Image:
    known = hints.get("picture")
    if isinstance(known, Image.Image):
        return known
    text, seed = str(hints.get("text", "")), int(hints.get("seed", 0))
    return paint(Brief(text, seed=seed))
