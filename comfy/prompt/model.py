"""The prompt as posted to ComfyUI: nodes by id, and the links between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NotRequired, TypedDict, TypeGuard

from comfy.base.wording import one_line


class Node(TypedDict):
    """A node. Each of its inputs is a value or a link `[node id, output slot]`."""

    class_type: str
    inputs: dict[str, Any]
    _meta: NotRequired[dict[str, Any]]


Prompt = dict[str, Node]


class InputRef(NamedTuple):
    """An input of a prompt, which a field can set."""

    node: str
    input: str

    @property
    def key(self) -> str:
        """Return the spelling in forms, links and scripts: "6.text"."""
        return f"{self.node}.{self.input}"


class Link(NamedTuple):
    """Source of an input: an output of another node."""

    node: str
    slot: int


def is_link(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a link, `[node id, output slot]`. The server treats every list in a
    prompt as a link."""
    match value:
        case [str() | int(), int() | float()]:
            return True
        case _:
            return False


def links(node: Node) -> Iterator[tuple[str, Link]]:
    """Yield the linked inputs of a node: name and link."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, Link(str(value[0]), int(value[1]))


def with_inputs(node: Node, inputs: dict[str, Any]) -> Node:
    return {**node, "inputs": inputs}


def written_title(node: Node) -> str:
    """Return a node's title exactly as in the author's file, or "" without a title."""
    match node:
        case {"_meta": {"title": str(title)}}:
            return title
        case _:
            return ""


def own_title(node: Node) -> str:
    """Return the title for display: one line of at most 80 characters."""
    line = one_line(written_title(node)[:400])
    return line if len(line) <= 80 else line[:79] + "…"


def sources_first(
    users: Mapping[str, Iterable[str]], waiting: Mapping[str, int]
) -> tuple[list[str], list[str]]:
    """Sort each node after its sources. `waiting`: each node's number of sources; `users`: the
    nodes that it feeds.

    Second result: nodes in a cycle, or after one, in the given order.
    """
    left = dict(waiting)
    ready = [one for one, count in left.items() if count == 0]
    for source in ready:  # grows during the loop
        for user in users[source]:
            left[user] -= 1
            if left[user] == 0:
                ready.append(user)
    return ready, [one for one, count in left.items() if count > 0]


@dataclass(frozen=True, slots=True)
class MissingNode:
    """A class type that the server doesn't know, the nodes that need it, and the node pack that the
    file names ('' if it names none). `group`: the class of the legacy group nodes that contain it,
    which are in the prompt instead."""

    class_type: str
    nodes: tuple[str, ...]
    pack: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """Details of a node in the editor's graph that its prompt lacks.

    `group` is the title of the group around it, and `color` its color. A node of an unknown class
    also has `inputs` (type by name), `outputs` (name and type) and `texts`, its saved values that
    have no input name. `is_outdated`: its saved values don't suit its class.
    """

    group: str = ""
    color: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[tuple[str, str], ...] = ()
    texts: tuple[str, ...] = ()
    is_outdated: bool = False


NOT_DRAWN = DrawnNode()
