"""Write the names of the widgets of public node packs' classes, in their order.

    python -m tools.widget_names FOLDER… > comfyui_standin/anything/widgets.json

Reads the API prompts in these folders, whose inputs have the names that older editor graphs lack.
Classes of ComfyUI itself are left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from comfyui_standin.anything.facts import entries
from comfyui_standin.nodes.base import is_link


def widget_names(prompts: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the longest list of names of each class with any."""
    names: dict[str, list[str]] = {}
    for prompt in prompts:
        for node in prompt.values():
            if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
                continue
            own = [name for name, value in node["inputs"].items() if not is_link(value)]
            name = node.get("class_type")
            if isinstance(name, str) and name not in entries():
                names[name] = max(own, names.get(name, []), key=len)
    return {name: own for name, own in sorted(names.items()) if own}


def _prompts(folders: Iterable[str]) -> Iterable[dict[str, Any]]:
    for file in sorted(one for folder in folders for one in Path(folder).rglob("*.json")):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if isinstance(data, dict) and "nodes" not in data:
            yield data["prompt"] if isinstance(data.get("prompt"), dict) else data


if __name__ == "__main__":
    lines = (
        f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}"
        for k, v in widget_names(_prompts(sys.argv[1:])).items()
    )
    print("{\n" + ",\n".join(lines) + "\n}")
