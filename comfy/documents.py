"""ComfyUI's two documents inside JSON: prompts (API format) and the editor's graphs, however wrapped.

Seen in the wild: a POST body, a history entry (`[number, id, prompt, extra_data, outputs]`), a worker's job
(`{"input": {"workflow": …}}`), other tools' own files, and JSON that was written as a string once or twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["prompt", "graph"]

MAX_DEPTH = 100
MAX_PARTS = 300_000  # lists and objects, a few hundred bytes each; the largest graph seen has 12,000
MAX_VALUES = 1_000_000  # commas; some 300 ns and 100 bytes each
MAX_WRAPS = 6

# Under which keys programs wrap the documents.
WRAPPERS = (
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


class NotJson(Exception):
    """A text is not JSON, or cut off."""


class TooDeep(Exception):
    """A document is nested too deeply for a workflow, or has more parts than any."""


@dataclass(frozen=True)
class Document:
    """One prompt or graph; `key` is the name it stood under, lower case ("" at the top of a file)."""

    kind: Kind
    key: str
    data: dict[str, Any]


def read_json(text: str) -> Any:
    """The JSON value a text begins with; what follows it is ignored, since containers pad with NULs and worse.

    NaN and infinity, which ComfyUI writes into `is_changed` and JSON cannot carry, become None; NULs go, and halves of
    characters. Raises NotJson and TooDeep.
    """
    text = text.replace("\0", "").lstrip("\ufeff \t\r\n")
    if text.count("[") + text.count("{") > MAX_PARTS or text.count(",") > MAX_VALUES:
        raise TooDeep
    try:
        value, _ = _DECODER.raw_decode(text)
    except ValueError as error:
        raise NotJson(str(error)) from error
    except RecursionError as error:
        raise TooDeep from error
    _measure(value)
    return _without_lone_surrogates(value) if "\\u" in text else value


def documents(value: object, key: str = "") -> Iterator[Document]:
    """Every prompt and graph in a JSON value, outermost first. Strings that hold JSON are looked into; never raises."""
    yield from _search(value, key.lower(), 0)


def is_prompt(value: object) -> bool:
    """True for the API format: at least one node with a `class_type`, whatever else was put beside them."""
    return isinstance(value, dict) and any(_is_node(node) for node in value.values())


def is_graph(value: object) -> bool:
    """True for what the editor saves: a list of nodes, as in schemas 0.4 and 1.0 (glTF files have one too)."""
    if not isinstance(value, dict) or not isinstance(value.get("nodes"), list):
        return False
    nodes = value["nodes"]
    return "links" in value or any(isinstance(node, dict) and "id" in node and "type" in node for node in nodes)


def _search(value: object, key: str, depth: int) -> Iterator[Document]:
    if depth > MAX_WRAPS:
        return
    match value:
        case str():
            yield from _inside_string(value, key, depth)
        case list():
            for item in value[:8]:
                yield from _search(item, key, depth + 1)
        case dict() if is_graph(value):
            yield Document("graph", key, value)
        case dict():
            if is_prompt(value):
                yield Document("prompt", key, value)
            for name in _wrapped(value):
                yield from _search(value[name], name, depth + 1)


def _wrapped(value: dict[str, Any]) -> Iterator[str]:
    """The keys to look behind: the known wrappers, and the id that a copied history has around its one entry."""
    yield from (name for name in WRAPPERS if name in value and not _is_node(value[name]))
    if len(value) == 1:
        yield from (name for name in value if name not in WRAPPERS and not _is_node(value[name]))


def _inside_string(text: str, key: str, depth: int) -> Iterator[Document]:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return
    try:
        value = read_json(text)
    except (NotJson, TooDeep):
        return
    yield from _search(value, key, depth + 1)


def _is_node(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_type"), str) and bool(value["class_type"])


def _finite(number: str) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None


# strict=False: line breaks inside strings, which people's own tools leave unescaped.
_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_float=_finite)


def _measure(value: object) -> None:
    """Raises TooDeep; walks without recursion, because what is measured is how deep one would recurse."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise TooDeep
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
            if isinstance(child, dict | list)
        ]


def _without_lone_surrogates(value: Any) -> Any:
    """Half a character, as `\\ud83d` alone, cannot be sent or shown: it becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode(errors="replace"))
    return value
