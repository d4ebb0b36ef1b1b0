"""Find ComfyUI's two documents in JSON, prompts (API format) and editor graphs, in any wrapping.

Seen in practice: a POST body, a history entry (`[number, id, prompt, extra_data, outputs]`), a
worker's job (`{"input": {"workflow": …}}`), other tools' own files, and JSON encoded as a string
once or twice. Only this module distinguishes prompts from graphs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from comfy.base.json_values import NotJson, TooDeep, read_json

DocumentKind = Literal["prompt", "graph"]

_MAX_WRAPS = 6

# Keys under which programs wrap the documents.
_WRAPPERS = (
    "prompt",
    "workflow",
    "output",
    "extra_data",
    "extra_pnginfo",
    "workflow_api",
    "workflow_json",
    "graph",
    "input",
    "data",
)


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """Prompt or graph found in a file. `key` is its key there, in lower case (empty at the top
    level)."""

    kind: DocumentKind
    key: str
    data: dict[str, Any]


def documents(value: object, key: str = "") -> Iterator[FoundDocument]:
    """Yield every prompt and graph in a JSON value, outermost first. Also searches strings that
    contain JSON. Never raises."""
    yield from _search(value, key.lower(), 0)


def _is_prompt(value: object) -> bool:
    """Return True for the API format: at least one node with a `class_type`, with any
    other keys."""
    return isinstance(value, dict) and any(is_node(node) for node in value.values())


def _is_graph(value: object) -> bool:
    """Return True for the editor's format: a list of nodes, as in schemas 0.4 and 1.0. glTF files
    have one too, but no links or typed nodes. The server refuses a graph as a prompt
    (docs/comfyui.md#17)."""
    if not isinstance(value, dict) or not isinstance(value.get("nodes"), list):
        return False
    nodes = value["nodes"]
    return "links" in value or any(
        isinstance(node, dict) and "id" in node and "type" in node for node in nodes
    )


def _search(value: object, key: str, depth: int) -> Iterator[FoundDocument]:
    if depth > _MAX_WRAPS:
        return
    match value:
        case str():
            yield from _inside_string(value, key, depth)
        case list():
            for item in value[:8]:
                yield from _search(item, key, depth + 1)
        case dict() if _is_graph(value):
            yield FoundDocument("graph", key, value)
        case dict():
            if _is_prompt(value):
                yield FoundDocument("prompt", key, value)
            for name in _wrapped(value):
                yield from _search(value[name], name, depth + 1)


def _wrapped(value: dict[str, Any]) -> Iterator[str]:
    """Yield the keys that may contain documents: the known wrappers, and the id around a copied
    history's single entry."""
    yield from (name for name in _WRAPPERS if name in value and not is_node(value[name]))
    if len(value) == 1:
        yield from (name for name in value if name not in _WRAPPERS and not is_node(value[name]))


def _inside_string(text: str, key: str, depth: int) -> Iterator[FoundDocument]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return
    try:
        value = read_json(text)
    except (NotJson, TooDeep):
        return
    yield from _search(value, key, depth + 1)


def is_node(value: object) -> bool:
    """Return True for a node of a prompt."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("class_type"), str)
        and bool(value["class_type"])
    )
