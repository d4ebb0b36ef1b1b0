"""What a workflow needs and a server does not have, said before anybody runs it: node classes,
models, other choices.

Where the workflow came from a graph, that knows more: the node pack a class belongs to, and where a
model was meant to come from. An address is only ever shown, never fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from comfy.form.labels import closest, says_something
from comfy.form.model import Field
from comfy.object_info import Catalogue
from comfy.prompt.model import Prompt, own_title
from comfy.wording import short

_MAX_TITLES = 3
_MAX_ADDRESS = 300


class ListedModel(Protocol):
    """A model that a graph says it needs: `name` is its file, `directory` a folder under the
    server's models."""

    @property
    def name(self) -> str:
        """The name of its file."""

    @property
    def directory(self) -> str:
        """The folder of models it belongs in."""

    @property
    def url(self) -> str:
        """Where it can be downloaded, or ""."""


class ListedNode(Protocol):
    """A node class that a graph says it needs, and the node pack it comes with ("" if the graph
    does not say)."""

    @property
    def class_type(self) -> str:
        """The node class."""

    @property
    def pack(self) -> str:
        """The node pack, or ""."""


@dataclass(frozen=True, slots=True)
class MissingClass:
    """A node class that the server lacks. `close` is the display name of the one most like it, or
    ""."""

    class_type: str
    nodes: tuple[str, ...]
    titles: tuple[str, ...]
    close: str
    pack: str

    @property
    def sentence(self) -> str:
        """What is said to a person."""
        times = "" if len(self.nodes) == 1 else f" (used {len(self.nodes)} times)"
        said = f"This server does not have the node {short(self.class_type)}{times}"
        if self.titles:
            shown = ", ".join(short(title) for title in self.titles[:_MAX_TITLES])
            more = len(self.titles) - _MAX_TITLES
            said += f", here called {shown}" + (f" and {more} more" if more > 0 else "")
        said += "."
        if self.pack:
            said += f" It belongs to the node pack {short(self.pack)}."
        if self.close:
            said += f" The closest it has is {short(self.close)}."
        return said


@dataclass(frozen=True, slots=True)
class MissingChoice:
    """A model, or another choice, that the server does not offer in a field. `close` is the
    closest, None if none."""

    key: str
    label: str
    value: Any
    close: Any | None
    directory: str = ""
    url: str = ""

    @property
    def sentence(self) -> str:
        """What is said to a person."""
        said = f"{self.label} is {short(self.value)}, "
        if self.close is None:
            said += "but this server has nothing to choose from."
        else:
            said += f"which this server does not have. The closest it has is {short(self.close)}."
        folder = (
            f" It belongs in the server's folder models/{_plain(self.directory)}"
            if self.directory
            else ""
        )
        if self.url:
            return (
                f"{said}{folder or ' It'}{' and' if folder else ''} was meant to come from"
                f" {_plain(self.url)}"
            )
        return f"{said}{folder}." if folder else said


def missing_classes(
    prompt: Prompt,
    catalogue: Catalogue,
    listed: Iterable[ListedNode] = (),
    titles: Mapping[str, str] | None = None,
) -> tuple[MissingClass, ...]:
    """The node classes of a prompt that a server lacks, in the prompt's order, each once.

    Also those that reach no output: a server refuses a prompt for any of them. `titles`: what
    people call the nodes, where that is not their own title.
    """
    own = {node_id: own_title(node) for node_id, node in prompt.items()} | dict(titles or {})
    packs = {one.class_type: one.pack for one in listed}
    found: dict[str, list[str]] = {}
    for node_id, node in prompt.items():
        if node["class_type"] not in catalogue:
            found.setdefault(node["class_type"], []).append(node_id)
    return tuple(
        MissingClass(
            class_type,
            tuple(nodes),
            tuple(_titles(class_type, [own[node_id] for node_id in nodes])),
            catalogue.similar(class_type),
            packs.get(class_type, ""),
        )
        for class_type, nodes in found.items()
    )


def missing_choices(
    fields: Iterable[Field], listed: Iterable[ListedModel] = ()
) -> Iterator[MissingChoice]:
    """The choices that fields start with and a server does not offer. Files to upload are none of
    these."""
    origins = {_file_name(one.name): one for one in listed}
    for field in fields:
        if field.default_offered or field.choices is None or field.is_media:
            continue
        origin = origins.get(_file_name(field.default))
        best = closest(field.default, (value for _, value in field.choices))
        yield MissingChoice(
            field.key,
            field.label,
            field.default,
            best,
            origin.directory if origin else "",
            origin.url if origin else "",
        )


def _titles(class_type: str, titles: Iterable[str]) -> Iterator[str]:
    """The titles that tell more than the class does."""
    return (
        title
        for title in dict.fromkeys(titles)
        if says_something(title, class_type, "", shared=False)
    )


def _file_name(value: object) -> str:
    return str(value).replace("\\", "/").rpartition("/")[2].lower()


def _plain(text: str) -> str:
    line = "".join(c for c in text[: _MAX_ADDRESS + 1] if c.isprintable())
    return line if len(line) <= _MAX_ADDRESS else f"{line[: _MAX_ADDRESS - 1]}…"
