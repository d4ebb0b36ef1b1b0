"""The prompt as it is posted: nodes by id, and the links between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, NotRequired, TypedDict, TypeGuard


class Node(TypedDict):
    """One node: each of its inputs is a value, or a link `[node id, output slot]`."""

    class_type: str
    inputs: dict[str, Any]
    _meta: NotRequired[dict[str, Any]]


Prompt = dict[str, Node]


class InputRef(NamedTuple):
    """An input of a prompt: what a field sets."""

    node: str
    input: str

    @property
    def key(self) -> str:
        """Return the spelling in forms, links and scripts: "6.text"."""
        return f"{self.node}.{self.input}"


class Link(NamedTuple):
    """Where an input gets its value: an output of another node."""

    node: str
    slot: int


def is_link(value: object) -> TypeGuard[list[Any]]:
    """True for `[node id, output slot]`. The server takes every list in a prompt for a link."""
    match value:
        case [str() | int(), int() | float()]:
            return True
        case _:
            return False


def links(node: Node) -> Iterator[tuple[str, Link]]:
    """The linked inputs of a node by name."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, Link(str(value[0]), int(value[1]))


def with_inputs(node: Node, inputs: dict[str, Any]) -> Node:
    """Return the node with other inputs."""
    return {**node, "inputs": inputs}


def written_title(node: Node) -> str:
    """The title that the author's file gives a node, exactly as it stands there, or ""."""
    match node:
        case {"_meta": {"title": str(title)}}:
            return title
        case _:
            return ""


def own_title(node: Node) -> str:
    """Return the title for display: one line of at most 80 characters."""
    title = written_title(node)[:400]
    line = " ".join("".join(c if c.isprintable() else " " for c in title).split())
    return line if len(line) <= 80 else line[:79] + "…"


def sources_first(
    users: Mapping[str, Iterable[str]], waiting: Mapping[str, int]
) -> tuple[list[str], list[str]]:
    """Sort each node after its sources: `waiting` has the number of sources, `users` the
    dependents.

    Second result: nodes in a cycle, or behind one, in the given order.
    """
    left = dict(waiting)
    ready = [one for one, count in left.items() if count == 0]
    for source in ready:  # grows while it is read
        for user in users[source]:
            left[user] -= 1
            if left[user] == 0:
                ready.append(user)
    return ready, [one for one, count in left.items() if count > 0]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model the graph says it needs: its file name, the folder it belongs in and where it can be
    had."""

    name: str
    directory: str
    url: str
    node: str


@dataclass(frozen=True, slots=True)
class MissingNode:
    """A class type the server does not know, the nodes that need it, and the node pack the file
    names ('' if none)."""

    class_type: str
    nodes: tuple[str, ...]
    pack: str
