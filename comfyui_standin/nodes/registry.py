"""All nodes of the stand-in, and its models and files."""

from __future__ import annotations

import functools
import io
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace

from comfyui_standin.anything.facts import entries
from comfyui_standin.anything.imitation import imitated
from comfyui_standin.anything.opened import opened
from comfyui_standin.nodes import files as nodes_files
from comfyui_standin.nodes import image as nodes_image
from comfyui_standin.nodes import latent as nodes_latent
from comfyui_standin.nodes import loops as nodes_loops
from comfyui_standin.nodes import media as nodes_media
from comfyui_standin.nodes import model as nodes_model
from comfyui_standin.nodes import paid as nodes_paid
from comfyui_standin.nodes import results as nodes_results
from comfyui_standin.nodes import sampling as nodes_sampling
from comfyui_standin.nodes import text as nodes_text
from comfyui_standin.nodes import value as nodes_value
from comfyui_standin.nodes.base import NodeClass, NodeInfo, fixed
from comfyui_standin.nodes.base import entries as own_entries
from comfyui_standin.painter.paint import Brief, paint
from comfyui_standin.storage import Storage

NODES: Mapping[str, NodeClass] = dict(
    [
        *nodes_model.NODES,
        *nodes_latent.NODES,
        *nodes_sampling.NODES,
        *nodes_files.NODES,
        *nodes_image.NODES,
        *nodes_media.NODES,
        *nodes_value.NODES,
        *nodes_text.NODES,
        *nodes_results.NODES,
        *nodes_paid.NODES,
    ]
)

# Nodes that servers after 0.33.0 have.
NEWER_NODES: Mapping[str, NodeClass] = dict(nodes_loops.NODES)

MODELS: Mapping[str, list[str]] = {
    folder: own_entries()[loader]["input"]["required"][file][0]
    for folder, loader, file in (
        ("checkpoints", "CheckpointLoaderSimple", "ckpt_name"),
        ("loras", "LoraLoader", "lora_name"),
        ("text_encoders", "CLIPLoader", "clip_name"),
    )
}


@functools.cache
def open_nodes() -> Mapping[str, NodeClass]:
    """Return the nodes of a server that runs anything: the stand-in's own, and imitations of
    ComfyUI's other classes."""
    own = {**NODES, **NEWER_NODES}
    table = {name: imitated(entry) for name, entry in entries().items() if name not in own}
    return table | {name: opened(name, node_class) for name, node_class in own.items()}


def with_definitions(
    nodes: Mapping[str, NodeClass], definitions: Mapping[str, NodeInfo]
) -> Mapping[str, NodeClass]:
    """Return the nodes for one prompt. Its own definitions add classes, or replace the entry of a
    class that the server has."""
    own = {
        name: replace(nodes[name], describe=fixed(entry))
        if name in nodes and (name in NODES or name in NEWER_NODES)
        else _guessed(entry, nodes.get(name))
        for name, entry in definitions.items()
    }
    return ChainMap(own, dict(nodes))


def _guessed(entry: NodeInfo, known: NodeClass | None) -> NodeClass:
    """Return a class that the server lacks, or imitates. The choices of the inputs of one that it
    lacks aren't known."""
    if known is not None:
        return replace(known, describe=fixed(entry), run=imitated(entry).run)
    inputs = frozenset(name for specs in entry["input"].values() for name in specs)
    return replace(imitated(entry), fingerprint=lambda *_: str(entry["output"]), validated=inputs)


def provide_examples(storage: Storage) -> None:
    """Put `example.png` into the input folder, as in every fresh ComfyUI."""
    folder = storage.folder("input")
    if folder is not None:
        (folder / "example.png").write_bytes(_example())


@functools.cache
def _example() -> bytes:
    """Return the image. It is painted once per process because tests start many servers."""
    brief = Brief(
        "a quiet lake in the mountains at sunset", seed=7, cfg=8.0, model=MODELS["checkpoints"][0]
    )
    buffer = io.BytesIO()
    paint(brief).save(buffer, "PNG")
    return buffer.getvalue()
