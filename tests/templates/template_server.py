"""A stand-in with templates that can run, and others that lack something."""

from __future__ import annotations

import io
import json
from typing import Any

from PIL import Image

from comfyui_standin import Templates
from comfyui_standin.nodes.registry import MODELS
from tests.support.samples.forms import node, with_values
from tests.support.samples.forms import text_to_image as sample

LINK = "https://huggingface.co/someone/model/resolve/main/gone.safetensors"
NEW = {"cnr_id": "comfy-core", "ver": "0.99.0"}


def text_to_image(**more: Any) -> dict[str, Any]:
    """Return a prompt for a model that the stand-in has."""
    return with_values(sample(**more), "4", ckpt_name=MODELS["checkpoints"][0])


def image(size: tuple[int, int] = (640, 480), kind: str = "WEBP") -> bytes:
    """Return an example image."""
    data = io.BytesIO()
    Image.new("RGB", size, "teal").save(data, kind)
    return data.getvalue()


def entry(name: str, **more: Any) -> dict[str, Any]:
    """Return an entry of an index."""
    title = name.replace("_", " ").capitalize()
    common = {"description": f"About {name}.", "mediaType": "image", "mediaSubtype": "webp"}
    return {"name": name, "title": title, **common, **more}


def index_of(*entries: dict[str, Any], title: str = "Image") -> bytes:
    """Return an index with one category."""
    return json.dumps([{"moduleName": "default", "title": title, "templates": entries}]).encode()


def with_meta(made: dict[str, Any], **meta: str) -> dict[str, Any]:
    """Return a node with metadata."""
    return {**made, "_meta": meta}


def some_templates() -> Templates:
    """Return a template of each kind."""
    photo = text_to_image(
        n20=node("LoadImage", image="boat.png"), n21=node("PreviewImage", images=["20", 0])
    )
    workflows = {
        "runs_here": text_to_image(),
        "lacks_model": with_values(text_to_image(), "4", ckpt_name="gone.safetensors"),
        "lacks_pack": text_to_image(n20=with_meta(node("Fancy"), cnr_id="fancy-pack", ver="1.0.0")),
        "needs_newer": text_to_image(n20=with_meta(node("NewNode"), **NEW)),
        "takes_photo": photo,
        "broken": "{",
    }
    files: dict[str, Any] = {
        f"{name}.json": (one if isinstance(one, str) else json.dumps(one)).encode()
        for name, one in workflows.items()
    }
    entries = [
        entry("runs_here", usage=5, models=["Boats 1"]),
        entry("lacks_model", usage=50, size=20_800_000_000),
        entry("lacks_pack"),
        entry("needs_newer"),
        entry("takes_photo", usage=9, io={"inputs": [{"mediaType": "image", "file": "boat.png"}]}),
        entry("broken"),
    ]
    files["index.json"] = index_of(*entries)
    files["index.fr.json"] = index_of(entry("runs_here") | {"title": "Un bateau"}, title="Images")
    files["runs_here-1.webp"] = image()
    files["lacks_model-1.webp"] = b"<script>alert(1)</script>"
    files["input/boat.png"] = image(kind="PNG")
    packs = {
        "some_pack/My first.json": json.dumps(text_to_image(), indent=1).encode(),
        "some_pack/My first.jpg": image(kind="JPEG"),
    }
    return Templates(files, packs)
