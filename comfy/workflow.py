"""A workflow as it is run: the prompt (API format), its name, and what its author says about the form.

A prompt is `{node id: {"class_type", "inputs", "_meta"?}}`; an input is a literal, or a link `[node id, output slot]`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from comfy.errors import WorkflowError
from comfy.form_config import FormConfig, read_config
from comfy.node_mappings import NO_MAPPINGS, NodeMappings, read_mappings
from comfy.statements import App, ShownInput

Prompt = dict[str, dict[str, Any]]

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100

# Under which keys other programs wrap a prompt: POST /prompt bodies, the editor's own graphToPrompt, saved histories.
WRAPPERS = ("prompt", "output", "workflow")


@dataclass(frozen=True)
class Workflow:
    """One workflow. `config` comes from `<name>.toml` beside the file, `path` is None for one that was never a file.

    `app` is the form its author arranged in the editor, `promoted` what subgraphs show on their outside: both only of
    editor graphs. `mappings` are names for nodes from a config.toml in the folder.
    """

    name: str
    prompt: Prompt
    path: Path | None = None
    config: FormConfig | None = None
    app: App | None = None
    promoted: tuple[ShownInput, ...] = ()
    mappings: NodeMappings = NO_MAPPINGS


def read_workflow(path: Path) -> Workflow:
    """Read a workflow file, and the toml beside it if there is one. Raises WorkflowError with a sentence."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WorkflowError(f"{path.name} is too big for a workflow (more than {MAX_BYTES >> 20} MB).")
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise WorkflowError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise WorkflowError(f"{path.name} is not JSON.", hint=API_HINT) from error
    workflow = parse_workflow(path.stem, data)
    beside = path.with_suffix(".toml")
    config = read_config(beside) if beside.is_file() else None
    return replace(workflow, path=path, config=config, mappings=read_mappings(path))


API_HINT = "In ComfyUI, use “Export (API)” and open that file."


def parse_workflow(name: str, data: object) -> Workflow:
    """Turn parsed JSON into a workflow: a prompt, or one wrapped as `{"prompt": …}`.

    Keys that are no nodes are dropped, and of each node only what is part of a prompt is kept. NaN and infinity, which
    JSON cannot carry, become None. Raises WorkflowError for everything that holds no prompt.
    """
    found = _find_prompt(data)
    if found is None:
        if _is_editor_graph(data):
            raise WorkflowError(f"“{name}” is a graph saved by the ComfyUI editor, not a prompt.", hint=API_HINT)
        raise WorkflowError(f"“{name}” holds no ComfyUI workflow.", hint=API_HINT)
    return Workflow(name, {str(node_id): _clean_node(name, node_id, node) for node_id, node in found.items()})


def is_link(value: object) -> bool:
    """True for `[node id, output slot]`. The server takes every list in a prompt for a link."""
    match value:
        case [str() | int(), int() | float()]:
            return True
        case _:
            return False


def links(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The linked inputs of a node: (input name, source node id, source slot)."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, str(value[0]), int(value[1])


def own_title(node: dict[str, Any]) -> str:
    """The title that the author's file gives a node, on one line and at most 80 characters, or ""."""
    title = node.get("_meta", {}).get("title")
    if not isinstance(title, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in title[:400]).split())
    return line if len(line) <= 80 else line[:79] + "…"


def _find_prompt(data: object, depth: int = 0) -> dict[object, dict[str, Any]] | None:
    if not isinstance(data, dict):
        return None
    nodes = {key: value for key, value in data.items() if _is_node(value)}
    if nodes:
        return nodes
    wrapped = (_find_prompt(data.get(key), depth + 1) for key in WRAPPERS) if depth < 3 else iter(())
    return next((prompt for prompt in wrapped if prompt), None)


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_type"), str) and bool(value["class_type"])


def _is_editor_graph(data: object, depth: int = 0) -> bool:
    if not isinstance(data, dict):
        return False
    if isinstance(data.get("nodes"), list):
        return True
    return depth < 3 and any(_is_editor_graph(data.get(key), depth + 1) for key in WRAPPERS)


def _clean_node(name: str, node_id: object, node: dict[str, Any]) -> dict[str, Any]:
    inputs = node.get("inputs", {})
    if not isinstance(inputs, dict):
        raise WorkflowError(f"“{name}” is damaged: the inputs of node {str(node_id)[:40]} are not named.")
    try:
        clean: dict[str, Any] = {
            "class_type": node["class_type"],
            "inputs": {str(key): _clean(value) for key, value in inputs.items()},
        }
        if isinstance(node.get("_meta"), dict):
            clean["_meta"] = _clean(node["_meta"])
    except _TooDeep:
        raise WorkflowError(f"“{name}” is nested too deeply to be a workflow.") from None
    return clean


class _TooDeep(Exception):
    pass


def _clean(value: object, depth: int = 0) -> Any:
    """A private copy of a JSON value, so that nobody else's changes reach the workflow."""
    if depth > MAX_DEPTH:
        raise _TooDeep
    match value:
        case dict():
            return {str(key): _clean(item, depth + 1) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item, depth + 1) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
