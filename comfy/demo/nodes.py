"""All nodes of the stand-in, and the models and files it comes with."""

import functools
import io
from collections.abc import Mapping

from . import nodes_image, nodes_latent, nodes_media, nodes_model, nodes_sampling, nodes_value
from .node import Node
from .pictures import Brief, paint
from .storage import Storage

NODES: Mapping[str, Node] = {
    **nodes_model.NODES,
    **nodes_latent.NODES,
    **nodes_sampling.NODES,
    **nodes_image.NODES,
    **nodes_media.NODES,
    **nodes_value.NODES,
}

MODELS: Mapping[str, list[str]] = {"checkpoints": nodes_model.CHECKPOINTS, "loras": nodes_model.LORAS}


def provide_examples(storage: Storage) -> None:
    """Put `example.png` into the input folder, as every fresh ComfyUI has one."""
    folder = storage.folder("input")
    if folder is not None:
        (folder / "example.png").write_bytes(_example())


@functools.cache
def _example() -> bytes:
    """The picture, painted once a process: tests start many servers."""
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
