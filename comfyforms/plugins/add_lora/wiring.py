"""Wire the rows of a form: ComfyUI's own LoRA loaders in place of the app's node. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.prompt.model import Link, Node, Prompt, with_inputs
from comfy.prompt.shapes import unwrapped
from comfy.prompt.trace import Trace
from comfyforms.plugins.add_lora.places import (
    Place,
    file_of,
    is_lora_loader,
    loader_names,
    places_of,
)
from comfyforms.plugins.add_lora.rows import ALL, CLASS, LIST, MODEL_ONLY, NODE, WITH_CLIP

# Parts of a video model's file names: the model for the noisy steps, and the one for the rest.
_NOISE = re.compile(r"(?<![a-z])(high|low)(?![a-z])", re.IGNORECASE)
_OTHER = {"high": "low", "low": "high", "High": "Low", "Low": "High", "HIGH": "LOW", "LOW": "HIGH"}


def with_loaders(prompt: Prompt, nodes: Mapping[str, NodeSpec]) -> Prompt:
    """Return the prompt with LoRA loaders in the order of the rows, in place of the app's node.
    Without rows that are on, it is the author's prompt. `nodes`: the specs of its classes."""
    if CLASS not in nodes or NODE not in prompt:
        return prompt
    given: Any = unwrapped(prompt[NODE]["inputs"].get(LIST, []))
    rows = [row for row in given if row.get("on", True) and row["strength"]]
    sent = {key: node for key, node in prompt.items() if key != NODE}
    if not rows:
        return sent
    trace = Trace(sent, Catalog({name: spec.raw for name, spec in nodes.items()}))
    places, files = places_of(trace), _offered(nodes[CLASS])
    names = loader_names(trace, [one.loader for one in places])
    free = max((int(key) for key in sent if key.isascii() and key.isdecimal()), default=0) + 1
    for place in places:
        end, name = place, names[place.loader]
        about = f"{name} {file_of(trace, place.loader)}"
        for file, strength in _for_model(rows, name, about, files):
            sent[str(free)] = _loader(file, strength, end)
            clip = Link(str(free), 1) if end.clip else None
            end, free = Place(Link(str(free), 0), clip, place.loader), free + 1
        _move(sent, trace, place.model, end.model)
        if place.clip and end.clip:
            _move(sent, trace, place.clip, end.clip)
    return sent


def _loader(file: str, strength: float, end: Place) -> Node:
    inputs: dict[str, Any] = {"model": [*end.model]}
    inputs |= {"clip": [*end.clip]} if end.clip else {}
    inputs |= {"lora_name": file, "strength_model": strength}
    inputs |= {"strength_clip": strength} if end.clip else {}
    class_type = WITH_CLIP if end.clip else MODEL_ONLY
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": f"LoRA {file}"}}


def _move(sent: Prompt, trace: Trace, old: Link, new: Link) -> None:
    """Let all users of an output but the author's LoRA loaders take another one."""
    for node, name in trace.uses.get(old, ()) if old != new else ():
        if not is_lora_loader(trace.spec(node)):
            sent[node] = with_inputs(sent[node], {**sent[node]["inputs"], name: [*new]})


def _for_model(
    rows: Sequence[Mapping[str, Any]], model: str, about: str, files: Sequence[object]
) -> Iterator[tuple[str, float]]:
    """Yield the file and the strength of each row for a model. A file for high or low noise goes
    only to the model whose names, in `about`, say so; the other one gets the other file of the
    pair, if there is one."""
    for row in rows:
        wanted = row.get("model", ALL)
        if wanted in (ALL, model):
            file = row["lora"] if wanted == model else _fitting(row["lora"], about, files)
            if file:
                yield file, row["strength"]


def _fitting(file: str, about: str, files: Sequence[object]) -> str:
    own, wanted = _NOISE.search(file), _NOISE.search(about)
    if not own or not wanted or own[0].lower() == wanted[0].lower():
        return file
    other = f"{file[: own.start()]}{_OTHER.get(own[0], '')}{file[own.end() :]}"
    return other if other in files else ""


def _offered(spec: NodeSpec) -> Sequence[object]:
    group = spec.by_name[LIST].rows
    columns = group.columns if group else ()
    return next((one.choices or () for one in columns if one.name == "lora"), ())
