"""A small node catalog and a builder for editor graphs, so that a test shows only the relevant
details."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from comfy.base.json_values import read_json
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import Converted, convert


def _node(
    inputs: Mapping[str, Any],
    outputs: str = "",
    optional: Mapping[str, Any] | None = None,
    **more: Any,
) -> Any:
    types = outputs.split()
    return {
        "input": {"required": dict(inputs), "optional": dict(optional or {})},
        "output": types,
        "output_name": types,
        "output_node": not types,
        **more,
    }


SIZE = {"required": {"width": ["INT", {"default": 512}], "height": ["INT", {"default": 512}]}}
CATALOG = Catalog(
    {
        "Load": _node(
            {"name": [["a.safetensors", "b.safetensors"], {}]},
            "MODEL CLIP VAE",
            display_name="Load Model",
        ),
        "Text": _node({"text": ["STRING", {"multiline": True}], "clip": ["CLIP"]}, "CONDITIONING"),
        "Empty": _node(
            {"width": ["INT", {"default": 512, "max": 4096}], "height": ["INT", {"default": 512}]},
            "LATENT",
        ),
        "Sample": _node(
            {
                "model": ["MODEL"],
                "seed": ["INT", {"control_after_generate": True}],
                "steps": ["INT", {"default": 20, "max": 100}],
                "sampler_name": [["euler", "heun"], {}],
                "positive": ["CONDITIONING"],
                "latent": ["LATENT"],
                "denoise": ["FLOAT", {"default": 1.0}],
            },
            "LATENT",
        ),
        "Decode": _node({"latent": ["LATENT"], "vae": ["VAE"]}, "IMAGE"),
        "Image": _node({"image": [["x.png"], {"image_upload": True}]}, "IMAGE MASK"),
        "Blend": _node({"mask": ["MASK"], "one": ["IMAGE"], "two": ["IMAGE"]}, "IMAGE"),
        "Resize": _node(
            {
                "image": ["IMAGE"],
                "how": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "size", "inputs": SIZE},
                            {
                                "key": "factor",
                                "inputs": {"required": {"factor": ["FLOAT", {"default": 2.0}]}},
                            },
                            {"key": "like", "inputs": {"required": {"other": ["IMAGE"]}}},
                        ]
                    },
                ],
                "sharpen": ["BOOLEAN", {}],
            },
            "IMAGE",
        ),
        "Join": _node(
            {
                "images": [
                    "COMFY_AUTOGROW_V3",
                    {
                        "template": {
                            "input": {"required": {"image": ["IMAGE", {}]}},
                            "prefix": "image",
                            "min": 1,
                            "max": 9,
                        }
                    },
                ],
                "gap": ["INT", {}],
            },
            "IMAGE",
        ),
        "Palette": _node({"colors": ["COLORS", {}]}, "STRING"),
        "Number": _node({"value": ["INT", {"default": 1}]}, "INT"),
        "Forced": _node(
            {"key": ["STRING", {"forceInput": True}], "size": ["INT", {}], "name": ["STRING", {}]},
            "STRING",
        ),
        "CustomCombo": _node({"choice": ["COMBO", {"options": []}]}, "STRING INT"),
        "PrimitiveInt": _node({"value": ["INT", {"min": 0, "max": 9999}]}, "INT"),
        "SaveImage": _node(
            {"images": ["IMAGE"], "filename_prefix": ["STRING", {"default": "out"}]}
        ),
    }
)


def graph_node(node_id: int | str, kind: str, *values: Any, **more: Any) -> dict[str, Any]:
    """Return a node without connections. `graph` adds its inputs and outputs from the links.
    `sockets='text seed'` adds widget sockets."""
    sockets = more.pop("sockets", "").split()
    return {
        "id": node_id,
        "type": kind,
        "inputs": [
            {"name": name, "type": "*", "link": None, "widget": {"name": name}} for name in sockets
        ],
        "outputs": [],
        "widgets_values": list(values),
        **more,
    }


def graph(*nodes: dict[str, Any], links: str = "", **more: Any) -> dict[str, Any]:
    """Return a graph in schema 0.4. `links` has one link per line, such as `1.0 MODEL > 3.model`
    (node.slot TYPE > node.input)."""
    known = {str(one["id"]): one for one in nodes}
    rows = [_connect(known, number, line) for number, line in enumerate(_lines(links), start=1)]
    arrays = [
        [row[key] for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")]
        for row in rows
    ]
    numbers = [one["id"] for one in nodes if isinstance(one["id"], int)]
    return {
        "version": 0.4,
        "last_node_id": max(numbers, default=0),
        "last_link_id": len(rows),
        "nodes": list(nodes),
        "links": arrays,
        "extra": {},
        **more,
    }


def subgraph(
    graph_id: str, *nodes: dict[str, Any], inputs: str = "", outputs: str = "", links: str = ""
) -> dict[str, Any]:
    """Return a subgraph definition. Ports are written `text:STRING size:INT`. Links refer to them
    as `in.text` and `out.image`."""
    ports = {
        side: [_port(word) for word in words.split()]
        for side, words in (("in", inputs), ("out", outputs))
    }
    known = {str(one["id"]): one for one in nodes}
    rows = [
        _connect(known, number, line, ports) for number, line in enumerate(_lines(links), start=1)
    ]
    return {
        "id": graph_id,
        "name": graph_id.title(),
        "inputNode": {"id": -10},
        "outputNode": {"id": -20},
        "inputs": ports["in"],
        "outputs": ports["out"],
        "nodes": list(nodes),
        "links": rows,
    }


def converted(data: object) -> Converted:
    """Convert a graph with the small catalog."""
    return convert(as_read(data), CATALOG)


def as_read(data: object) -> Any:
    """Return the graph as if read from a file."""
    return read_json(json.dumps(data))


def inputs(data: object, node_id: str) -> dict[str, Any]:
    """Return the inputs of one node in the converted prompt."""
    found: dict[str, Any] = converted(data).prompt[node_id]["inputs"]
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _port(word: str) -> dict[str, Any]:
    name, kind = word.split(":")
    return {"id": f"port-{name}", "name": name, "type": kind, "linkIds": []}


def _connect(
    known: Mapping[str, dict[str, Any]],
    number: int,
    line: str,
    ports: Mapping[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Record one link at both its ends and make the sockets that it needs."""
    left, right = line.split(" > ")
    origin, kind = left.split(" ")
    (origin_id, slot), (target_id, name) = origin.split("."), right.split(".", 1)
    row = {
        "id": number,
        "origin_id": -10,
        "origin_slot": 0,
        "target_id": -20,
        "target_slot": 0,
        "type": kind,
    }
    if ports and origin_id == "in":
        row["origin_slot"] = _enter(ports["in"], slot, number)
    else:
        outputs = known[origin_id]["outputs"]
        while len(outputs) <= int(slot):
            outputs.append({"name": kind, "type": kind, "links": []})
        outputs[int(slot)] |= {"type": kind, "links": [*outputs[int(slot)]["links"], number]}
        row |= {"origin_id": known[origin_id]["id"], "origin_slot": int(slot)}
    if ports and target_id == "out":
        row["target_slot"] = _enter(ports["out"], name, number)
        return row
    sockets = known[target_id]["inputs"]
    socket = next((one for one in sockets if one["name"] == name), None)
    if socket is None:
        socket = {"name": name, "type": kind}
        sockets.append(socket)
    socket["link"] = number
    return row | {"target_id": known[target_id]["id"], "target_slot": sockets.index(socket)}


def _enter(ports: list[dict[str, Any]], name: str, number: int) -> int:
    place = [port["name"] for port in ports].index(name)
    ports[place]["linkIds"].append(number)
    return place


def image_edit(
    file: str = "robot.png", text: str = "at night", model: str = "grok-imagine-image"
) -> dict[str, Any]:
    """Return a graph with the nodes and links of ComfyUI's template `api_grok_image_edit`."""
    return {
        "nodes": [
            {"id": 3, "type": "SaveImage", "widgets_values": ["Grok"]},
            {"id": 6, "type": "LoadImage", "widgets_values": [file, "image"]},
            {"id": 9, "type": "GrokImageEditNodeV2", "widgets_values": [text, model, "1K", 1]},
        ],
        "links": [[8, 9, 0, 3, 0, "IMAGE"], [9, 6, 0, 9, 0, "IMAGE"]],
    }
