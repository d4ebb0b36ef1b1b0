"""Workflows that strangers bring are run as they are, but read no file of the server's through its upload nodes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from comfy.object_info import Catalogue
from comfy.workflow import Workflow

# `name [output]` reads any result that anybody had (COMFYUI: `folder_paths.annotated_filepath`).
_ANNOTATED = re.compile(r".*\[(?:output|temp|input)\]\s*", re.DOTALL)


def without_files_of_others(workflow: Workflow, catalogue: Catalogue) -> Workflow:
    """The workflow, whose inputs for uploads are empty and whose texts name no file of the server's folders.

    File names there can be guessed: whoever writes one into a workflow would get somebody else's picture.
    """
    prompt = {node_id: node | {"inputs": _emptied(node, catalogue)} for node_id, node in workflow.prompt.items()}
    return replace(workflow, prompt=prompt)


def _emptied(node: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    spec = catalogue.get(node["class_type"])
    specs = spec.active_inputs(node["inputs"]) if spec else {}
    return {
        name: ""
        if isinstance(value, str) and ((name in specs and specs[name].upload) or _ANNOTATED.fullmatch(value))
        else value
        for name, value in node["inputs"].items()
    }
