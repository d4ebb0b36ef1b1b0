"""All nodes of the stand-in, and its models and files."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping

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
from comfyui_standin.nodes.base import NodeClass
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
    "checkpoints": nodes_model.CHECKPOINTS,
    "loras": nodes_model.LORAS,
    "text_encoders": nodes_text.TEXT_ENCODERS,
}


def provide_examples(storage: Storage) -> None:
    """Put `example.png` into the input folder, as in every fresh ComfyUI."""
    folder = storage.folder("input")
    if folder is not None:
        (folder / "example.png").write_bytes(_example())


@functools.cache
def _example() -> bytes:
    """Return the image. It is painted once per process because tests start many servers."""
    brief = Brief(
        text="a quiet lake in the mountains at sunset",
        negative="",
        seed=7,
        number=0,
        width=512,
        height=512,
        steps=20,
        cfg=8.0,
        sampler="euler",
        scheduler="normal",
        model=nodes_model.CHECKPOINTS[0],
    )
    buffer = io.BytesIO()
    paint(brief).save(buffer, "PNG")
    return buffer.getvalue()
