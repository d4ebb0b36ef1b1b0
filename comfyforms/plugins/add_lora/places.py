"""Find the places of a prompt where a LoRA changes a model: after its loader and the LoRAs that the
author wired, before the nodes that patch or use the model. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from comfy.base.files import is_model_file
from comfy.comfyui.object_info import NodeSpec
from comfy.prompt.model import Link, own_title
from comfy.prompt.trace import Trace

_MODEL, _CLIP = "MODEL", "CLIP"
_NAMED = re.compile("(?:^|_)loras?(?:_|$)", re.IGNORECASE)
# Loaders of models that ComfyUI's LoRA loaders can't change.
_OTHER_MODELS = re.compile("nunchaku|tensorrt", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where LoRAs go: behind this output with a model, and behind the one with its CLIP, None
    without one. `loader`: the node that the model comes from."""

    model: Link
    clip: Link | None
    loader: str


def places_of(trace: Trace) -> list[Place]:
    """Return the places of all models that reach a sampler. A CLIP belongs to the model of its own
    loader. If there is one model and one CLIP, they belong together."""
    models = [*_ends(trace, _MODEL)]
    clips = [*_ends(trace, _CLIP)]
    loaders = {loader for _, loader in models}
    free = [*dict.fromkeys(loader for _, loader in clips)]
    places = []
    for end, loader in models:
        if not _reaches_sampler(trace, end) or _is_other(trace, loader):
            continue
        owner = free[0] if len(loaders) == len(free) == 1 else loader
        own = [one for one, source in clips if source == owner]
        clip = min(own, key=lambda one: one.node != end.node, default=None)
        places.append(Place(end, clip, loader))
    return places


def loader_names(trace: Trace, loaders: list[str]) -> dict[str, str]:
    """Return a name for each loader: its title, or the name of its file if titles are equal or
    missing."""
    titles = {one: own_title(trace.prompt[one]) for one in loaders}
    if len({*titles.values()} - {""}) == len(titles):
        return titles
    return {one: file_of(trace, one) or one for one in titles}


def file_of(trace: Trace, loader: str) -> str:
    """Return the name of a loader's file without its folder and ending, "" if it has none."""
    values = trace.prompt[loader]["inputs"].values()
    files = (one for one in values if isinstance(one, str) and is_model_file(one))
    return next((PurePosixPath(one.replace("\\", "/")).stem for one in files), "")


def is_lora_loader(spec: NodeSpec | None) -> bool:
    """Return whether a node applies LoRAs to a model that it takes."""
    if spec is None or _MODEL not in spec.output_types:
        return False
    takes_model = any(one.type == _MODEL for one in spec.inputs)
    return takes_model and any(_NAMED.search(one.name) for one in spec.inputs)


def _ends(trace: Trace, kind: str) -> Iterator[tuple[Link, str]]:
    """Yield the outputs of a type behind the loaders and the LoRAs after them that other nodes use,
    each with its loader."""
    for loader in trace.prompt:
        spec = trace.spec(loader)
        is_loader = spec is not None and not any(one.type == kind for one in spec.inputs)
        if spec is None or not is_loader or loader not in trace.alive:
            continue
        waiting = [Link(loader, at) for at, type_ in enumerate(spec.output_types) if type_ == kind]
        for end in waiting:  # grows during the loop
            behind = {one.node for one in trace.uses.get(end, ()) if one.node in trace.alive}
            loras = [one for one in behind if is_lora_loader(trace.spec(one))]
            for lora in loras:
                types = trace.spec(lora).output_types  # type: ignore[union-attr]
                more = [Link(lora, at) for at, type_ in enumerate(types) if type_ == kind]
                waiting += [one for one in more if one not in waiting]
            if len(loras) < len(behind):
                yield end, loader


def _reaches_sampler(trace: Trace, end: Link) -> bool:
    waiting = [one.node for one in trace.uses[end]]
    for node in waiting:  # grows during the loop
        if trace.is_sampler(node):
            return True
        waiting += [one for one in trace.users(node) if one not in waiting]
    return False


def _is_other(trace: Trace, loader: str) -> bool:
    return bool(_OTHER_MODELS.search(trace.prompt[loader]["class_type"]))
