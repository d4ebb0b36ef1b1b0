"""Work of nodes that the stand-in only knows by their catalog entry.

An output is the input of the same type. Without one, it is painted, composed or made up from the
texts, seeds and sizes that the node got.
"""

from __future__ import annotations

import re
from typing import Any

from PIL import Image

from comfyui_standin.anything.facts import file_lists
from comfyui_standin.anything.values import ANY, MODELS, PLAIN, Token, hints_of, kind_of
from comfyui_standin.nodes import sampling
from comfyui_standin.nodes.base import (
    Conditioning,
    Images,
    Inputs,
    Latent,
    Model,
    NodeClass,
    NodeInfo,
    NodeResult,
    NodeRun,
    fixed,
)
from comfyui_standin.nodes.image import save, show
from comfyui_standin.painter.paint import Brief, paint

Value = Any  # of any type that links have
_SIDE, _LARGEST, _STEPS = 512, 2048, 60
_TEXT = re.compile(
    r"text|prompt|positive|caption|string|tags|lyrics|descri|instruct|clip_l|t5|wildcard"
)


def imitated(entry: NodeInfo) -> NodeClass:
    """Return a node class with this catalog entry, which does what suits its types."""

    def run(run: NodeRun, inputs: Inputs) -> NodeResult:
        return Imitation(entry, run, inputs).result()

    return NodeClass(fixed(entry), run, validated=file_lists(entry))


class Imitation:
    """One execution of a node."""

    def __init__(self, entry: NodeInfo, run: NodeRun, inputs: Inputs) -> None:
        self._entry, self._run, self._inputs = entry, run, inputs
        groups = entry["input"]
        self._specs = {**groups.get("required", {}), **groups.get("optional", {})}
        self._outputs = [str(one).partition(",")[0] for one in entry["output"]]
        self._hints = hints_of(inputs)
        if text := self._text():
            self._hints["text"] = text

    def result(self) -> NodeResult:
        """Return the node's outputs, and what an output node shows."""
        if self._is_sampler():
            sampled = self._sampled()
            values = tuple(
                self._of_latent(sampled, kind) or self._value(slot)
                for slot, kind in enumerate(self._outputs)
            )
        else:
            self._run.wait(self._run.speed.encode)
            values = tuple(self._value(slot) for slot in range(len(self._outputs)))
        return NodeResult(values, self._shown() if self._entry["output_node"] else None)

    # --- inputs

    def _kind(self, name: str) -> str:
        kind = self._specs.get(name, ["*"])[0]
        return kind if isinstance(kind, str) else "COMBO"

    def _text(self, wanted: str = "") -> str:
        """Return the node's own prompt, "" if it has none: the text in the input with this name,
        otherwise the longest one."""
        best: tuple[tuple[bool, bool, int], str] = ((False, False, 0), "")
        for name, value in self._inputs.items():
            if not isinstance(value, str) or self._kind(name) == "COMBO" or "prefix" in name:
                continue
            if ("neg" in name) != ("neg" in wanted):
                continue
            named = bool(_TEXT.search(name))
            if named or " " in value.strip():
                best = max(best, ((name == wanted, named, len(value)), value))
        return best[1]

    # --- outputs

    def _value(self, slot: int) -> Value:
        kind, names = self._outputs[slot], self._entry["output_name"]
        name = str(names[slot] if slot < len(names) else kind).lower()
        given = {key: value for key, value in self._inputs.items() if self._suits(key, value, kind)}
        if kind == "CONDITIONING" and (text := self._text(name)):
            clip = next((one.clip for one in given.values()), self._model())
            return Conditioning(text, clip)
        if name in given:
            return given[name]
        if given:
            return list(given.values())[min(self._outputs[:slot].count(kind), len(given) - 1)]
        return self._made(kind, name)

    def _suits(self, name: str, value: object, kind: str) -> bool:
        if kind in ANY:
            return True
        if kind in MODELS:
            return isinstance(value, Model) and self._kind(name) in (kind, *ANY)
        return kind_of(value) == kind

    def _made(self, kind: str, name: str) -> Value:
        """Return a value that stands for what the real node makes."""
        if kind in MODELS:
            return self._model()
        if kind in PLAIN:
            return {"STRING": "", "COMBO": "", "BOOLEAN": False, "FLOAT": 1.0}.get(kind, 1)
        width, height = self._size()
        match kind:
            case "CONDITIONING":
                told = self._hints.get("negative" if "neg" in name else "text", "")
                return Conditioning(told, self._model())
            case "IMAGE":
                latent = next(self._given(Latent), None)
                return self._of_latent(latent, kind) if latent else self._painted(width, height)
            case "MASK":
                return (Image.new("L", (width, height), 255),)
            case "LATENT":
                return Latent(width, height, (None,) * int(self._inputs.get("batch_size", 1)))
            case _:
                return Token(kind, self._hints)

    def _given(self, kind: type[Any]) -> Value:
        return (one for one in self._inputs.values() if isinstance(one, kind))

    def _model(self) -> Model:
        named = (
            one
            for name, one in self._inputs.items()
            if isinstance(one, str) and self._kind(name) == "COMBO"
        )
        name = self._hints.get("model") or next(named, str(self._entry["name"]))
        return Model(name, tuple(self._hints.get("loras", ())))

    def _size(self) -> tuple[int, int]:
        width = int(self._hints.get("width", self._hints.get("height", _SIDE)))
        height = int(self._hints.get("height", width))
        return tuple(max(64, min(_LARGEST, side) // 8 * 8) for side in (width, height))  # type: ignore[return-value]

    def _painted(self, width: int, height: int) -> Images:
        brief = Brief(
            text=self._hints.get("text") or str(self._entry["display_name"]),
            negative=self._hints.get("negative", ""),
            seed=int(self._hints.get("seed", 0)),
            number=0,
            width=width,
            height=height,
            steps=20,
            cfg=7.0,
            sampler="euler",
            scheduler="normal",
            model=self._hints.get("model", ""),
            loras=tuple(self._hints.get("loras", ())),
        )
        return (paint(brief, self._run.speed.painted),)

    # --- samplers

    def _is_sampler(self) -> bool:
        kinds = {self._kind(name) for name in self._specs}
        if not {"LATENT", "IMAGE", "VIDEO", "AUDIO"}.intersection(self._outputs):
            return False
        if "sampler" in self._entry["name"].lower() and "LATENT" in kinds:
            return True
        return {"GUIDER", "SIGMAS"} <= kinds or any(
            re.fullmatch(r"(num_|inference_)*steps", name) for name in self._specs
        )

    def _sampled(self) -> Latent:
        width, height = self._size()
        model, hints = self._model(), self._hints
        steps = max(1, min(_STEPS, int(hints.get("steps", 20))))
        denoise = max(0.01, min(1.0, float(hints.get("denoise", 1.0))))
        inputs = {
            "model": model,
            "positive": Conditioning(hints.get("text", ""), model),
            "negative": Conditioning(hints.get("negative", ""), model),
            "latent_image": next(self._given(Latent), None) or Latent(width, height, (None,)),
            "cfg": float(hints.get("cfg", 7.0)),
            "sampler_name": str(self._inputs.get("sampler_name", "euler")),
            "scheduler": str(self._inputs.get("scheduler", "normal")),
        }
        seed = int(hints.get("seed", 0))
        plan = sampling.Plan(seed, steps, 0, steps, denoise, leftover=False, add_noise=True)
        return sampling.sample(self._run, inputs, plan)  # type: ignore[return-value]

    def _of_latent(self, latent: Latent | None, kind: str) -> Value:
        if latent is None or kind == "LATENT":
            return latent
        if kind != "IMAGE":
            return None
        blank = Image.new("RGB", (latent.width, latent.height), (123, 117, 104))
        return tuple(image or blank for image in latent.images)

    # --- results

    def _shown(self) -> dict[str, list[Any]] | None:
        prefix = str(self._inputs.get("filename_prefix") or "ComfyUI")
        pictures = next((one for one in self._inputs.values() if kind_of(one) == "IMAGE"), None)
        if pictures is None:
            return None
        if re.search("preview|show", self._entry["name"], re.IGNORECASE):
            return {"images": show(self._run, pictures, prefix)}
        return save(self._run, {"images": pictures, "filename_prefix": prefix}).ui
