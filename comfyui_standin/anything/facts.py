"""Table of ComfyUI's own classes: names, types, limits, defaults, choices and outputs, no texts.

`tools/class_table.py` makes `classes.json` from a running server.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comfyui_standin.nodes.base import NodeInfo, node_info

TABLE = Path(__file__).parent / "classes.json"
_NAMED = re.compile(r"_name\d?$")
_FILE = re.compile(r"\.[A-Za-z]\w+$")
_IMITATED = "The demo only imitates this node."
_FREE = "The demo only imitates this paid node: it costs nothing, and nothing is sent to a partner."


@functools.cache
def entries() -> Mapping[str, NodeInfo]:
    """Return the catalog entry of every class in the table, by name."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return {name: _entry(name, facts) for name, facts in table.items()}


def _entry(name: str, facts: Mapping[str, Any]) -> NodeInfo:
    outputs = facts["out"]
    return node_info(
        name,
        facts.get("title", name),
        facts.get("category", ""),
        required=facts["in"].get("required", {}),
        optional=facts["in"].get("optional"),
        outputs=outputs,
        output_names=facts.get("names"),
        output_node=facts.get("saves", False),
        description=_FREE if facts.get("paid") else _IMITATED,
        module=facts.get("module", "nodes"),
        extra={
            "output_is_list": facts.get("lists", [False] * len(outputs)),
            "is_input_list": facts.get("takes_lists", False),
            "deprecated": facts.get("deprecated", False),
            "experimental": facts.get("experimental", False),
        },
    )


def file_lists(entry: NodeInfo) -> frozenset[str]:
    """Return the inputs whose choices are files of the server, so that a demo accepts any name."""
    groups = entry["input"]
    specs = {**groups.get("required", {}), **groups.get("optional", {})}
    return frozenset(name for name, config in specs.items() if is_file_list(name, config))


def is_file_list(name: str, config: Sequence[Any]) -> bool:
    """Return whether an input's choices are files of the server."""
    options = config[1] if len(config) > 1 else {}
    choices = config[0] if isinstance(config[0], list) else options.get("options")
    if choices is None or (isinstance(config[0], str) and config[0] != "COMBO"):
        return False
    if any(key.endswith("_upload") for key in options):
        return True
    named = _NAMED.search(name) and name != "sampler_name"
    return bool(named) or all(_FILE.search(str(one)) for one in choices)
