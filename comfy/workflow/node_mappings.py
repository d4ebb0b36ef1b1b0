"""Names for nodes: `[node_mappings]` of the workflows' `config.toml`.

[node_mappings]                  # every workflow here, or the one that [comfy] workflow names
prompt = 6
steps = "3.steps"                # where the node has several inputs
[node_mappings.text_to_image]    # only text_to_image.json
save_image_node_id = 9           # the output that counts
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

MAPPINGS = "config.toml"
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class NodeMappings:
    """Names for nodes of one workflow, and the file's problems."""

    nodes: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


NO_MAPPINGS = NodeMappings()


def read_mappings(workflow: Path) -> NodeMappings:
    """Return the mappings for a workflow from the config.toml in its folder. Empty without a table
    for it."""
    file = workflow.with_name(MAPPINGS)
    if workflow.stem == file.stem:
        return NodeMappings()
    try:
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return NodeMappings()
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        problem = f"{MAPPINGS} beside it cannot be read: {error}."
        return NodeMappings(problems=(problem,))
    return parse_mappings(workflow.stem, data)


def parse_mappings(workflow: str, data: Mapping[str, Any]) -> NodeMappings:
    """Convert parsed TOML into the mappings for the workflow with this name. A workflow's own table
    comes first."""
    tables = data.get("node_mappings")
    if not isinstance(tables, dict):
        return NodeMappings()
    own = tables.get(workflow)
    general = tables if _is_for(workflow, data.get("comfy")) else {}
    names: dict[str, str] = {}
    for table in (own if isinstance(own, dict) else {}, general):
        for name, node in table.items():
            if isinstance(node, str | int) and not isinstance(node, bool):
                names.setdefault(name, str(node))
    return NodeMappings(tuple(names.items()))


def _is_for(workflow: str, comfy: object) -> bool:
    """Return False if the file is for another workflow."""
    named = comfy.get("workflow") if isinstance(comfy, dict) else None
    return not isinstance(named, str) or PurePosixPath(named.replace("\\", "/")).stem in (
        "",
        workflow,
    )
