"""Work of nodes that the stand-in only knows by their catalog entry.

An output is the input of the same type. Without one, it is painted, composed or made up from the
texts, seeds and sizes that the node got.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from comfyui_standin.anything import paintings
from comfyui_standin.anything.arithmetic import computed, operated
from comfyui_standin.anything.facts import file_lists
from comfyui_standin.anything.results import limited, shown, to_show, with_mark
from comfyui_standin.anything.treated import around, boxed, speaking, together, treated
from comfyui_standin.anything.values import (
    ANY,
    MODELS,
    NUMBERS,
    PLAIN,
    SHAPES,
    Token,
    Value,
    hints_of,
    kind_of,
)
from comfyui_standin.nodes import sampling
from comfyui_standin.nodes.base import (
    AudioLatent,
    Conditioning,
    Images,
    Inputs,
    Latent,
    Listed,
    MediaFile,
    Model,
    NodeClass,
    NodeInfo,
    NodeResult,
    NodeRun,
    VideoFrames,
    fixed,
)
from comfyui_standin.nodes.image import each
from comfyui_standin.nodes.latent import decoded, encoded
from comfyui_standin.nodes.media import decoded_audio
from comfyui_standin.nodes.motion import Pan
from comfyui_standin.nodes.text import words_of_image
from comfyui_standin.painter.canvas import spot, subject
from comfyui_standin.painter.paint import Brief, paint

_SIDE, _STEPS, _FRAMES, _SECONDS = 768, 60, 240, 10.0
_MOST_PIXELS, _MOST_ITEMS = 2048 * 2048, 16
_LONGEST = 240.0  # seconds of a sound
_TEXT = re.compile(
    r"text|prompt|positive|caption|string|tags|lyrics|descri|instruct|clip_l|t5|wildcard|message"
)
_ANSWERS = re.compile(
    r"llm|gemini|claude|gpt|qwen_?vl|chat|vqa|florence|caption|describe|interrogat|generate|tagger"
)
_GUIDES = re.compile(r"control|pose|depth|canny|face|instantid|pulid|mask")
_BLANK = re.compile("empty|solid|blank")
_CHOICES = ("COMBO", "COMFY_DYNAMICCOMBO_V3")
_WORDS = re.compile(r"[^\W\d_]")
_DATA = re.compile(r'\s*(\{\s*"|\[\s*["{[])|[\w+/=-]{200}', re.ASCII)  # JSON, and bytes of files
_FAULTS = re.compile("(worst|low) quality|lowres|watermark|bad (hands|anatomy)")
_EMBEDDED = re.compile("(data:image/[a-z]+;base64,)?(/9j/|iVBORw0KGgo|UklGR)")
_ROLES = re.compile("person|garment|cloth|product|face|reference")
_PARTS = re.compile(rf"image_?\d+$|{_ROLES.pattern}")  # inputs for pictures that come together
_LAST = re.compile("(last|end)_?(frame|image|img)")  # inputs for a video's last picture
_BEGINS = re.compile("im(age|g)_?to_?video|i2v|keyframe")
_COMPUTES = re.compile("expression|formula|math|calculat")
_CAMERA = re.compile("camera|multi_?angle|orbit")
_SPEAKS = re.compile("speech|tts|speak|narrat|dialog")
_TALKS = re.compile("talk|lip_?sync|speak")
_MEASURES = re.compile("get.*size|image_?(size|dimension|resolution)")
_WRITES = re.compile("text|string|concat|join|replace|format|prompt")
_JOINS = re.compile("concat|join|combine|append|merge")
_MARKS = re.compile("delimiter|separator")
_FINDS, _PUTS = re.compile("find|search|old|pattern"), re.compile("replac|new|with")
_KEEPS = re.compile("upscal|enhanc|detail|restor|refine|seedvr|supir")
_ACTS = re.compile("motion|animate|character|avatar|lip|talk|act(or|_)")  # of a picture, as a video
_SAVES = re.compile("export|save|path|file|glb")
_MEDIA = ("IMAGE", "VIDEO", "AUDIO")
_LITTLE = 0.3  # a denoise that changes no shapes
_PAID = ("partner", "api node")  # categories
_STEPS_NAME = re.compile(r"(num_|inference_|sampling_)*steps")


def imitated(entry: NodeInfo) -> NodeClass:
    """Return a node class with this catalog entry, which does what suits its types."""

    def run(run: NodeRun, inputs: Inputs) -> NodeResult:
        return Imitation(entry, run, limited(entry, inputs)).result()

    return NodeClass(fixed(entry), run, validated=file_lists(entry))


class Imitation:
    """One execution of a node."""

    def __init__(self, entry: NodeInfo, run: NodeRun, inputs: Inputs) -> None:
        self._entry, self._run, self._lists = entry, run, inputs
        self._inputs = {name: _merged(value) for name, value in inputs.items()}
        self._name = str(entry["name"]).lower()
        groups = entry["input"]
        self._guides = bool(_GUIDES.search(self._name)) and "inpaint" not in self._name
        self._specs = {**groups.get("required", {}), **groups.get("optional", {})}
        self._outputs = [str(one).partition(",")[0] for one in entry["output"]]
        self._hints = hints_of(self._inputs)
        images = {key: one for key, one in self._inputs.items() if kind_of(one) == "IMAGE"}
        parts = {
            key: one[0] for key, one in images.items() if _PARTS.search(key) and not _is_map(one)
        }
        lasts = [one[0] for key, one in images.items() if _LAST.search(key)]
        if len(parts) > 1 and _BEGINS.search(self._name):
            lasts, parts = [*parts.values()], {}
        if lasts:
            self._hints["last"] = lasts[-1]
        elif _TALKS.search(self._name) and (picture := self._hints.get("picture")):
            self._hints["last"] = speaking(picture)
        self._composes = len(parts) > 1 and any(map(_ROLES.search, parts))
        self._own_text = self._text()
        if len(parts) > 1:
            asked = f"{self._name} {self._own_text}"
            self._hints["picture"] = together(list(parts.values()), asked)
        if self._own_text:
            self._hints["text"] = self._own_text
        if negative := self._text("negative"):
            self._hints["negative"] = negative

    def result(self) -> NodeResult:
        """Return the node's outputs, and what an output node shows."""
        sampled = self._sampled() if self._is_sampler() else None
        if sampled is None:
            self._run.wait(self._run.speed.encode)
        values: list[Value] = []
        for slot, kind in enumerate(self._outputs):
            if slot < len(self._entry["output_is_list"]) and self._entry["output_is_list"][slot]:
                values.append(self._listed(kind, slot))
            else:
                own = self._of_latent(sampled, kind) if sampled is not None else None
                values.append(self._value(kind, slot) if own is None else own)
        ui = None
        if self._entry["output_node"]:
            seen = to_show(self._entry, self._inputs)
            ui = shown(self._run, self._entry, seen, tuple(values)) or None
        return NodeResult(tuple(values), ui)

    # --- inputs

    def _kind(self, name: str) -> str:
        spec = self._specs.get(name)
        if spec is None:  # of a dynamic input
            group = self._specs.get(name.partition(".")[0], [""])
            member = group[1]["template"]["input"] if group[0] == "COMFY_AUTOGROW_V3" else {}
            specs = [one for inputs in member.values() for one in inputs.values()]
            spec = specs[0] if specs else [""]
        return spec[0] if isinstance(spec[0], str) else "COMBO"

    def _text(self, wanted: str = "") -> str:
        """Return the node's own prompt, "" if it has none: the text in the input with this name,
        otherwise the longest one."""
        best: tuple[tuple[bool, bool, bool, int], str] = ((False, False, False, 0), "")
        for name, value in self._inputs.items():
            if not isinstance(value, str) or self._kind(name) in _CHOICES or "prefix" in name:
                continue
            named = bool(_TEXT.search(name.lower())) and "system" not in name
            asks = named and bool(re.search("positive|prompt", name.lower()))
            negative = "neg" in name or (not asks and bool(_FAULTS.search(value)))
            if negative != ("neg" in wanted) or paintings.ending_of(value):
                continue
            if not _WORDS.search(value) or (_DATA.match(value) and not asks):
                continue
            if named or (value.strip().count(" ") > 1 and not self._hints.get("text")):
                best = max(best, ((name == wanted, asks, named, len(value)), value))
        return best[1]

    def _first(self, *kinds: type[Any]) -> Value:
        return next((one for one in self._inputs.values() if isinstance(one, kinds)), None)

    def _first_of(self, kind: str) -> Value:
        return next((one for one in self._inputs.values() if kind_of(one) == kind), None)

    def _suits(self, name: str, value: object, kind: str) -> bool:
        if kind in ANY:
            return True
        if kind in MODELS:
            return isinstance(value, Model) and self._kind(name) in (kind, *ANY)
        return kind_of(value) == kind

    # --- outputs

    def _listed(self, kind: str, slot: int) -> Listed:
        items: list[Value] = []
        for name, value in self._lists.items():
            for item in value.items if isinstance(value, Listed) else (value,):
                items += [item] if self._suits(name, item, kind) else []
        items = items or [self._value(kind, slot)]
        if len(items) == 1 and kind_of(items[0]) in ("IMAGE", "MASK"):
            items = [(one,) for one in items[0][:8]]
        return Listed(tuple(items[:_MOST_ITEMS]))

    def _value(self, kind: str, slot: int) -> Value:
        names = self._entry["output_name"]
        name = str(names[slot] if slot < len(names) else kind).lower()
        given = {key: one for key, one in self._inputs.items() if self._suits(key, one, kind)}
        shape = next((one for one in self._inputs.values() if SHAPES.search(kind_of(one))), None)
        if shape and kind in ("STRING", *ANY) and _SAVES.search(f"{self._name} {name}"):
            return shape  # stands for its file's path
        if kind in ANY and (number := self._measured(slot)) is not None:
            return number
        if kind in ANY and not _ANSWERS.search(self._name):
            if _COMPUTES.search(self._name) and (value := self._computed()) is not None:
                return int(value) if value.is_integer() else value
            plain = all(kind_of(one) in PLAIN for one in self._inputs.values())
            if plain and _WRITES.search(self._name):
                return self._said(name, slot)
            return self._treated(self._chosen(name))
        if kind in PLAIN or kind in ANY:
            return self._plain(kind, name, list(given.values()), slot)
        if kind == "CONDITIONING":
            return self._conditioning(name, given)
        if kind in MODELS and given:
            return self._adapted(next(iter(given.values())))
        if not given:
            return self._made(kind, name)
        value = given.get(name)
        if value is None:
            if self._outputs.count("IMAGE") == 1:
                given = {key: one for key, one in given.items() if not _is_map(one)} or given
            value = list(given.values())[min(self._outputs[:slot].count(kind), len(given) - 1)]
        if kind == "VIDEO" and _ACTS.search(self._name) and self._first_of("IMAGE"):
            return self._video()
        if kind == "AUDIO" and self._speaks():  # in the voice of a sound that is given
            return self._sound()
        if isinstance(value, Latent):
            return self._begun(value)
        if isinstance(value, Token):
            hints = {**self._hints, **self._as_guide()}
            return Token(kind, hints | ({"seconds": self._seconds()} if kind == "AUDIO" else {}))
        paid = self._own_text and self._entry["category"].startswith(_PAID)
        if kind == "IMAGE" and (paid or self._composes) and not _KEEPS.search(self._name):
            return self._painted(self._hints.get("picture") or value[0])
        return self._stitched(value) if kind == "IMAGE" else self._treated(value)

    def _stitched(self, images: Images) -> Value:
        """Return images, or the masked area of a picture with one, if a token knows both."""
        token = self._first(Token) if "stitch" in self._name else None
        whole, mask = (token and token.hints.get(key) for key in ("picture", "mask"))
        if whole is None or mask is None:
            return self._treated(images)
        area, result = mask.resize(whole.size), whole.copy()
        left, top, right, bottom = box = around(area)
        result.paste(images[0].resize((right - left, bottom - top)), box, area.crop(box))
        return (result,)

    def _begun(self, latent: Latent) -> Latent:
        """Return an empty latent with the picture that a video or edit begins with, and the mask
        of a latent that isn't empty."""
        images, mask = self._first_of("IMAGE"), self._first_of("MASK")
        if any(latent.images):
            area = mask[0].resize((latent.width, latent.height)) if mask else latent.mask
            return replace(latent, mask=area)
        if not images or self._guides or self._inputs.get("bypass") is True:
            return latent
        picture = ImageOps.fit(images[0].convert("RGB"), (latent.width, latent.height))
        last = self._hints.get("last")
        return replace(latent, images=(picture,) * len(latent.images), last=last)

    def _as_guide(self) -> dict[str, Any]:
        """Return the hints that a node for guides gives: its picture only steers."""
        images = self._first_of("IMAGE") if self._guides else None
        return {"picture": None, "guide": images[0]} if images else {}

    def _treated(self, value: Value) -> Value:
        if isinstance(value, VideoFrames):
            return replace(value, images=self._treated(value.images))
        if kind_of(value) not in ("IMAGE", "MASK"):
            return value
        return treated(self._name, value, self._inputs, self._outputs)

    def _chosen(self, name: str) -> Value:
        """Return the input that a switch passes on, or the main one."""
        inputs = self._inputs
        switch = next((one for one in inputs.values() if isinstance(one, bool)), None)
        if switch is not None:
            for key, value in inputs.items():
                if ("true" if switch else "false") in key and not isinstance(value, bool):
                    return value
        if name in inputs:
            return inputs[name]
        number = next((one for one in inputs.values() if type(one) is int), None)
        held = {key: one for key, one in inputs.items() if self._kind(key) in ANY}
        if number is not None:
            numbered = [one for key, one in held.items() if re.search(rf"(?<!\d){number}$", key)]
            return next(iter(numbered or held.values() or inputs.values()), "")
        return next(iter((held or inputs).values()), "")

    def _plain(self, kind: str, name: str, given: list[Value], slot: int) -> Value:
        match kind:
            case "INT" | "FLOAT":
                number = self._number(name, given)
                return int(number) if kind == "INT" else float(number)
            case "BOOLEAN":
                return bool(given[0]) if given else False
            case "COMBO":
                return self._inputs.get(name, self._first(str) or "")
        if _ANSWERS.search(self._name):
            return self._answer()
        if _COMPUTES.search(self._name) and (value := self._computed()) is not None:
            return f"{value:.10g}"
        return self._said(name, slot)

    def _said(self, name: str, slot: int) -> str:
        """Return the text of an output: the node's texts replaced, joined or filled in."""
        if _CAMERA.search(self._name):
            turn = next((one for one in self._inputs.values() if type(one) in (int, float)), 0)
            return f"the camera is turned by {round(turn) % 360} degrees"
        own = ((key, one) for key, one in self._inputs.items() if isinstance(one, str))
        texts = {key: one for key, one in own if self._kind(key) not in _CHOICES}
        parts = {key: one for key, one in texts.items() if not _MARKS.search(key)}
        if "replace" in self._name and len(texts) == len(parts) == 3:
            text, find, put = sorted(
                texts, key=lambda key: (bool(_PUTS.search(key)), bool(_FINDS.search(key)))
            )
            return texts[text].replace(texts[find] or "\0", texts[put])
        linked = [key for key in parts if "forceInput" in str(self._specs.get(key))]
        if _JOINS.search(self._name) or (len(linked) > 1 and self._outputs.count("STRING") == 1):
            delimiter = next((one for key, one in texts.items() if _MARKS.search(key)), ", ")
            return delimiter.replace("\\n", "\n").join(filter(None, parts.values()))
        if isinstance(same := self._inputs.get(name), str):
            return same
        if self._outputs.count("STRING") == len(parts) > 1:
            return list(parts.values())[self._outputs[:slot].count("STRING")]
        if not any(texts.values()) and any(kind_of(one) in _MEDIA for one in self._inputs.values()):
            return self._answer()
        text = self._own_text or next(iter(texts.values()), str(self._hints.get("text", "")))
        if "random" in self._name and "seed" in self._hints and (lines := text.splitlines()):
            return lines[int(self._hints["seed"]) % len(lines)]
        fields = {key.rpartition(".")[2]: one for key, one in self._inputs.items()}
        return re.sub(r"\{(\w+)\}", lambda field: str(fields.get(field[1], field[0])), text)

    def _answer(self) -> str:
        """Return a text that stands for a language model's answer."""
        asked = " ".join((self._own_text or self._hints.get("text", "")).split())[-300:]
        if pictures := self._first_of("IMAGE"):
            return with_mark(words_of_image(pictures[0]))
        return with_mark(f"an answer to “{asked}”" if asked else "an answer")

    def _number(self, name: str, given: list[Value]) -> float:
        pictures = self._first_of("IMAGE") or self._first_of("MASK")
        if pictures and (side := re.search("width|height", name)):
            return int(getattr(pictures[0], side[0]))
        if pictures and re.search("count|batch|frames|length", name):
            return len(pictures)
        known = self._inputs.get(name, self._hints.get(name.removeprefix("noise_")))
        if isinstance(known, int | float) and "expression" not in self._inputs:
            return known
        if (value := self._computed()) is not None:
            return value
        if "fps" in name or "rate" in name:
            return 16.0
        numbers = (one for one in (*given, *self._inputs.values()) if type(one) in (int, float))
        if NUMBERS["frames"].fullmatch(name) and "fps" in self._hints:
            fps: float = self._hints["fps"]
            told = (one for one in numbers if one != fps)
            seconds: float = self._hints.get("seconds") or next(told, _SECONDS)
            return round(seconds * fps)
        return next(numbers, _SIDE if name in ("width", "height") else 1)

    def _measured(self, slot: int) -> int | None:
        """Return the number at an output of a node that tells a picture's size, else None."""
        pictures = self._first_of("IMAGE") if _MEASURES.search(self._name) else None
        at = slot - (self._outputs[0] == "IMAGE" or "count" in self._name)  # after the picture
        return (*pictures[0].size, len(pictures))[at] if pictures and 0 <= at < 3 else None

    def _computed(self) -> float | None:
        """Return the value of the formula or operation that the node has, None without one."""
        known: dict[str, float] = {}
        for key, one in self._inputs.items():
            bare = key.rpartition(".")[2]
            if isinstance(one, int | float):
                known[bare] = one
            elif kind_of(one) in ("IMAGE", "MASK"):
                known |= {f"{bare}.width": one[0].width, f"{bare}.height": one[0].height}
        texts = [one for one in self._inputs.values() if isinstance(one, str)]
        values = (computed(one, known) for one in texts)
        if (found := next((one for one in values if one is not None), None)) is not None:
            return found
        named = re.sub("(int|float|number|math)s?|[ _+]", "", self._name)
        return operated((*texts, named), [one for one in known.values() if type(one) is not bool])

    def _conditioning(self, name: str, given: Mapping[str, Conditioning]) -> Conditioning:
        slot = [str(one).lower() for one in self._entry["output_name"]].index(name)
        texts = [one.text for one in given.values() if one.text]
        known = given.get(name) or (
            list(given.values())[min(slot, len(given) - 1)] if given else None
        )
        negative = "neg" in name or name.endswith("-")
        picture = known.image if known else None
        if not self._guides and not negative:
            picture = self._hints.get("picture") or picture
        clip = self._guided(known.clip if known else self._model())
        text = self._text("negative" if negative else name)
        if not text and "zero" not in self._name:
            told = self._hints.get("negative" if negative else "text", "")
            text = known.text if known else told
            if len(self._outputs) == 1 and len(texts) > 1:
                text = ", ".join(texts)
        return Conditioning(text, clip, picture, self._hints.get("mask"))

    def _adapted(self, model: Model) -> Model:
        """Return a model with the LoRAs that the node names, and with its guide."""
        strengths = [one for one in self._inputs.values() if type(one) is float]
        for name, value in self._inputs.items():
            if "lora" in name.lower() and isinstance(value, str) and value.lower() != "none":
                model = model.with_lora(value, strengths[0] if strengths else 1.0)
        if "MODEL" in self._outputs and (picture := self._hints.get("picture")):
            mask = self._inputs.get("mask")
            model = replace(
                model, guide=model.guide or picture, mask=mask[0] if mask else model.mask
            )
        return self._guided(model)

    def _guided(self, model: Model) -> Model:
        """Return a model that an image of this node steers, if it's a node for that."""
        guide = self._hints.get("guide") or self._as_guide().get("guide")
        return replace(model, guide=guide) if guide else model

    def _made(self, kind: str, name: str) -> Value:
        """Return a value that stands for what the real node makes."""
        if kind in MODELS:
            return self._adapted(self._model())
        match kind:
            case "IMAGE":
                return self._images()
            case "MASK":
                pictures = self._first_of("IMAGE")
                if pictures and "pad" in self._name:
                    return self._treated((Image.new("L", pictures[0].size),))
                if pictures and "tomask" in self._name.replace("_", ""):
                    return each(pictures, lambda image: image.convert("L"))
                return each(pictures[:1], subject) if pictures else (spot(self._size()),)
            case "LATENT":
                return self._latent(name)
            case "AUDIO":
                return self._sound()
            case "VIDEO":
                return self._video()
            case _ if SHAPES.search(kind) or kind == "SVG":
                own = self._file()
                picture = self._hints.get("picture") or (own and paintings.picture(own))
                return Token(kind, {**self._hints, "picture": picture or self._painted()[0]})
            case _:
                images = self._first_of("IMAGE")
                length = {"frames": len(images)} if isinstance(images, Pan) else {}
                return Token(kind, self._hints | length)

    def _model(self) -> Model:
        named = (
            one
            for name, one in self._inputs.items()
            if isinstance(one, str) and self._kind(name) == "COMBO"
        )
        name = self._hints.get("model") or next(named, str(self._entry["name"]))
        return Model(name, tuple(self._hints.get("loras", ())), self._hints.get("guide"))

    def _size(self) -> tuple[int, int]:
        """Return the size of a picture without a source."""
        width = int(self._hints.get("width", self._hints.get("height", _SIDE)))
        height = int(self._hints.get("height", width))
        area, most = max(1, abs(width * height)), _MOST_PIXELS
        wanted = min(abs(float(self._hints.get("megapixels", area / 1e6))) * 1e6, most)
        width, height = (round(side * (wanted / area) ** 0.5) for side in (width, height))
        return max(64, width // 8 * 8), max(64, height // 8 * 8)

    def _painted(self, given: Image.Image | None = None) -> Images:
        hints = self._hints
        mask, (width, height) = hints.get("mask"), self._size()
        if given is not None and (mask or _is_about((width, height), given.size)):
            width, height = given.size
        briefs = (
            Brief(
                text=hints.get("text") or ("" if given else str(self._entry["display_name"])),
                negative=hints.get("negative", ""),
                seed=int(hints.get("seed", 0)),
                number=number,
                width=width,
                height=height,
                model=hints.get("model", "landscapes"),
                loras=tuple(hints.get("loras", ())),
                given=given,
                mask=given and mask,
                kept=given is not None,
                moves=self._moves(),
                guide=hints.get("guide"),
            )
            for number in range(max(1, min(4, int(hints.get("batch", 1)))))
        )
        painted = tuple(paint(brief, self._run.speed.painted) for brief in briefs)
        if given is None or mask is None:
            return painted
        area = mask.resize(given.size)
        return each(painted, lambda image: Image.composite(image, given, area))

    def _file(self) -> str:
        """Return the name of the media file that the node loads, "" if it loads none."""
        return next(
            (x for x in self._inputs.values() if isinstance(x, str) and paintings.ending_of(x)), ""
        )

    def _embedded(self) -> Image.Image | None:
        """Return the picture that a text of the node has in base64."""
        texts = (one for one in self._inputs.values() if isinstance(one, str))
        for text in filter(_EMBEDDED.match, texts):
            data = io.BytesIO(base64.b64decode(text.rpartition(",")[2] + "=="))
            with contextlib.suppress(OSError, SyntaxError, ValueError), Image.open(data) as opened:
                if opened.width * opened.height <= _MOST_PIXELS:
                    return opened.convert("RGB")
        return None

    def _upload(self, name: str) -> Path | None:
        """Return the file of this name if an input for uploads has it. Any other text may name a
        file of another user."""
        for key, value in self._inputs.items():
            options = (*self._specs.get(key, ()), {}, {})[1]
            if value == name and any(option.endswith("_upload") for option in options):
                return self._run.storage.find(name)
        return None

    def _images(self) -> Images:
        latent, video, mask = self._first(Latent), self._first(VideoFrames), self._first_of("MASK")
        if latent is not None:
            return decoded(latent)
        if video is not None:
            frames: Images = video.images
            return frames
        if (embedded := self._embedded()) is not None:
            return (embedded,)
        if own := self._file():
            path = self._upload(own)
            try:
                with Image.open(path or "") as opened:
                    return (opened.convert("RGB"),)
            except (OSError, ValueError):
                named = paintings.picture(own)
                moving = "video" in self._name or paintings.ending_of(own) in paintings.VIDEOS
                return Pan(named, paintings.FRAMES) if moving else (named,)
        picture = self._hints.get("picture")
        if picture is None and not self._hints.get("text"):
            picture = self._hints.get("guide")
        if picture is None and "BOUNDING_BOX" in self._outputs:
            lists = [one for one in self._inputs.values() if isinstance(one, list)]
            boxes = [one for items in lists for one in items if isinstance(one, dict)]
            blank = Image.new("RGB", self._size(), "white")
            return (boxed(blank, boxes[:_MOST_ITEMS]) if boxes else blank,)
        if picture is None and _BLANK.search(self._name):
            color = self._inputs.get("color", 0)
            shade = f"#{color & 0xFFFFFF:06x}" if isinstance(color, int) else "black"
            return (Image.new("RGB", self._size(), shade),)
        if mask is not None and picture is None and not self._hints.get("text"):
            return each(mask, lambda image: image.convert("RGB"))
        keeps = not self._hints.get("text") or _KEEPS.search(self._name)
        count = self._frames()
        if picture is not None and keeps:
            seen = Pan(picture, count) if count > 1 else (picture,)
            return treated(self._name, seen, self._inputs, self._outputs)
        pictures = self._painted(picture)
        return Pan(pictures[0], count, self._hints.get("last")) if count > 1 else pictures

    def _moves(self) -> bool:
        return "VIDEO" in self._outputs or self._frames() > 1

    def _frames(self) -> int:
        """Return the number of frames that the node's numbers ask for, 1 for a picture."""
        frames = self._hints.get("frames", 0)
        if not frames and "seconds" in self._hints and "VIDEO" in self._outputs:
            frames = float(self._hints["seconds"]) * self._fps()
        return max(1, min(_FRAMES, int(frames)))

    def _fps(self) -> float:
        return max(1.0, min(60.0, float(self._hints.get("fps", paintings.FPS))))

    def _latent(self, name: str) -> Latent | AudioLatent:
        if "audio" in name or ("audio" in self._name and "width" not in self._inputs):
            seconds = self._hints.get("seconds") or self._frames() / self._fps()
            given = self._first(AudioLatent)
            text = self._hints.get("text", "")
            return given or AudioLatent(max(1.0, min(_LONGEST, float(seconds))), 1, text)
        images = self._first_of("IMAGE")
        frames = self._frames()
        width, height = self._size()
        if images and not self._guides and "width" not in self._inputs:
            latent = encoded(images)
            mask = self._first_of("MASK")
            area = mask[0].resize((latent.width, latent.height)) if mask else None
            frames = max(frames, latent.frames)
            return replace(latent, mask=area, frames=frames, last=self._hints.get("last"))
        batch = max(1, min(16, int(self._hints.get("batch", 1))))
        last = self._hints.get("last")
        return Latent(width, height, (None,) * batch, frames=frames, last=last)

    def _sound(self) -> Value:
        latent, video = self._first(AudioLatent), self._first(VideoFrames)
        if video is not None and video.audio is not None:
            return video.audio
        if own := self._file():
            path = self._upload(own)
            return decoded_audio(path) if path else paintings.sound(own)
        seconds = latent.seconds if latent else self._seconds()
        return Token("AUDIO", {**self._hints, "seconds": seconds, "spoken": self._speaks()})

    def _speaks(self) -> bool:
        return bool(self._hints.get("text") and _SPEAKS.search(self._name))

    def _seconds(self) -> float:
        return max(1.0, min(_LONGEST, float(self._hints.get("seconds", _SECONDS))))

    def _video(self) -> VideoFrames | MediaFile:
        audio = self._first_of("AUDIO")
        if own := self._file():
            return VideoFrames(Pan(paintings.picture(own), paintings.FRAMES), paintings.FPS)
        images = self._first_of("IMAGE")
        if images is None or (len(images) == 1 and self._own_text):
            images = self._painted(images[0] if images else None)
        frames = self._frames() if "frames" in self._hints or "seconds" in self._hints else 0
        if len(images) == 1 or "IMAGE" not in map(kind_of, self._inputs.values()):
            count = frames if frames > 1 else paintings.FRAMES
            images = Pan(images[0], count, self._hints.get("last"))
        return VideoFrames(images, self._fps(), audio)

    # --- samplers

    def _is_sampler(self) -> bool:
        kinds = {self._kind(name) for name in self._specs}
        if not {"LATENT", "IMAGE", "VIDEO", "AUDIO"}.intersection(self._outputs):
            return False
        if "sampler" in self._name and ("LATENT" in kinds or "MODEL" in kinds):
            return True
        stepped = any(_STEPS_NAME.fullmatch(name.lower()) for name in self._inputs)
        return {"GUIDER", "SIGMAS"} <= kinds or stepped

    def _sampled(self) -> Latent | AudioLatent:
        width, height = self._size()
        model, hints = self._model(), self._hints
        steps = max(1, min(_STEPS, int(hints.get("steps", 20))))
        denoise = max(0.05, min(1.0, float(hints.get("denoise", 1.0))))
        latent, images, picture = self._first(Latent, AudioLatent), None, hints.get("picture")
        if latent is None and not self._guides:
            images = self._first_of("IMAGE") or (picture and (picture,))
        keeps = images is not None and bool(_KEEPS.search(self._name))
        if images and (keeps or denoise < 1 or hints.get("mask")):
            latent = encoded(images)
            area = hints.get("mask")
            latent = replace(latent, mask=area and area.resize((latent.width, latent.height)))
            denoise = min(denoise, _LITTLE) if keeps else denoise
        blank = Latent(width, height, (None,), frames=self._frames(), last=hints.get("last"))
        inputs = {
            "model": model,
            "positive": Conditioning(hints.get("text", ""), model, picture, hints.get("mask")),
            "negative": Conditioning(hints.get("negative", ""), model),
            "latent_image": latent or blank,
            "cfg": max(1.0, min(12.0, float(hints.get("cfg", 7.0)))),
            "sampler_name": str(self._inputs.get("sampler_name", "euler")),
            "scheduler": str(self._inputs.get("scheduler", "normal")),
        }
        seed = int(hints.get("seed", 0))
        plan = sampling.Plan(seed, steps, 0, steps, denoise, leftover=False, add_noise=True)
        return sampling.sample(self._run, inputs, plan)

    def _of_latent(self, latent: Latent | AudioLatent, kind: str) -> Value:
        if kind == "LATENT":
            return latent
        if isinstance(latent, AudioLatent):
            return None
        match kind:
            case "IMAGE":
                images = decoded(latent)
                return self._treated(images) if _KEEPS.search(self._name) else images
            case "VIDEO":
                images = decoded(latent)
                frames = paintings.FRAMES if len(images) == 1 else len(images)
                return VideoFrames(Pan(images[0], frames, latent.last), self._fps())
            case _:
                return None


def _is_about(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two sizes differ by less than what is cut off for a latent."""
    return all(abs(one - two) < 8 for one, two in zip(size, other, strict=True))


def _is_map(value: Value) -> bool:
    """Return whether a picture is gray, as one that was a mask or a map of depths is."""
    if kind_of(value) != "IMAGE":
        return False
    image: Image.Image = value[0].convert("RGB").resize((16, 16)).convert("HSV")
    return not image.getchannel("S").getbbox()


def _merged(value: Value) -> Value:
    """Return a list's items as one value: its images as one batch, otherwise its first item."""
    if not isinstance(value, Listed):
        return value
    first = value.items[0] if value.items else None
    if kind_of(first) in ("IMAGE", "MASK"):
        return tuple(image for images in value.items for image in images[:8])
    return first
