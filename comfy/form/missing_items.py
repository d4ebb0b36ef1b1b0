"""One missing part of a workflow, and the message about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from comfy.base.files import is_model_file
from comfy.base.messages import listed, message, sentences
from comfy.base.wording import quoted, short
from comfy.comfyui.protocol.node_lists import CORE_NODES, DISABLE_OPTION, PAID_NODES
from comfy.requirements.known_packs import pack_id, pack_name
from comfy.requirements.model import NodePack
from comfy.requirements.read import valid_pack
from comfy.requirements.readiness import is_newer, newest

MAY_BE_OFF = message("Paid nodes are off on this server, or it is too old.")
TO_SWITCH_ON = message("Start ComfyUI without {option}, or update it.", option=DISABLE_OPTION)
_TO_UPDATE = message("Update ComfyUI. If it is up to date, look at its start messages.")
_CORE = "comfy-core"  # the name of ComfyUI's own nodes in graphs
_FIRST_PAID = "0.3.31"  # the first release with paid nodes
_LISTED = "0.33.0"  # has the classes of CORE_NODES and PAID_NODES
_MAX_TITLES = 3
_MAX_ADDRESS = 300


@dataclass(frozen=True, slots=True)
class MissingClass:
    """A node class that the server lacks, so that the workflow can't run. `close` is the display
    name of the most similar class, or "". `has_paid_nodes`: the server offers some of ComfyUI's
    paid API nodes. `version`: of the pack, or of ComfyUI for its own nodes, when the workflow was
    saved. `server`: the server's version of ComfyUI. Both are "" if unknown."""

    class_type: str
    nodes: tuple[str, ...]
    titles: tuple[str, ...]
    close: str
    pack: str
    has_paid_nodes: bool = True
    version: str = ""
    server: str = ""

    @property
    def can_be_replaced(self) -> bool:
        """Return False: users can't choose another node."""
        return False

    @property
    def is_paid(self) -> bool:
        """Return whether it is a paid API node of ComfyUI itself."""
        return self.class_type in PAID_NODES and self.pack in ("", _CORE)

    @property
    def is_built_in(self) -> bool:
        """Return whether it is a node of ComfyUI itself, paid or not."""
        return self.is_paid or self.pack == _CORE or self._is_free

    @property
    def _is_free(self) -> bool:
        return self.class_type in CORE_NODES and self.pack in ("", _CORE)

    @property
    def may_be_off(self) -> bool:
        """Return whether the node may be turned off on the server, or the server too old for it. In
        both cases it offers no paid nodes at all. A node that isn't known may be a new paid one."""
        return self.is_built_in and not self._is_free and not self.has_paid_nodes

    @property
    def node_pack(self) -> NodePack | None:
        """Return the pack to install; None for ComfyUI's own nodes, and for an unknown or invalid
        pack."""
        return None if self.is_built_in else valid_pack(pack_id(self.pack), self.version)

    @property
    def sentence(self) -> str:
        used = len(self.nodes)
        return sentences(
            f"Missing node: {self.class_type}.",
            f"It is used {used} times." if used > 1 else "",
            f"The workflow calls it {self._quoted_titles()}." if self.titles else "",
            self._origin(),
            f"Similar: {self.close}." if self.close and not self.pack else "",
        )

    def _quoted_titles(self) -> str:
        shown = [quoted(short(title)) for title in self.titles[:_MAX_TITLES]]
        return listed([*shown, "…"] if len(self.titles) > _MAX_TITLES else shown)

    def _origin(self) -> str:
        if self.is_built_in:
            kind = "It is a paid node." if self.is_paid else "It is part of ComfyUI."
            return sentences(kind, self.reason)
        return f"It comes with the node pack {self.pack}." if self.pack else ""

    @property
    def reason(self) -> str:
        """Return why the server lacks a node of ComfyUI itself, and the next step."""
        listed = _LISTED if self.class_type in CORE_NODES | PAID_NODES else ""
        had_it = [one for one in (self.version, listed) if newest(one)]
        here = {"installed": self.server}
        if not newest(self.server):
            return MAY_BE_OFF if self.may_be_off else _TO_UPDATE
        if self.may_be_off and self.is_paid:
            if is_newer(_FIRST_PAID, self.server):
                return message("ComfyUI {installed} is too old for paid nodes.", **here)
            return message("Paid nodes are off on this server.")
        if had_it and all(is_newer(one, self.server) for one in had_it):
            here["version"] = had_it[0]
            return message("Update ComfyUI from {installed} to {version} or newer.", **here)
        if self.may_be_off or not had_it:
            return MAY_BE_OFF if self.may_be_off else _TO_UPDATE
        return message(
            "ComfyUI {installed} on this server is new enough, so loading has probably failed:"
            " look at ComfyUI's start messages.",
            **here,
        )


@dataclass(frozen=True, slots=True)
class MissingPrompt:
    """The main prompt of a form, which belongs to a node that the server lacks."""

    node: MissingClass

    @property
    def sentence(self) -> str:
        """Return the message in the place of the prompt."""
        name = self.node.titles[0] if self.node.titles else self.node.class_type
        if self.node.is_built_in:
            return message(
                "The prompt belongs to the missing node {node} and appears once ComfyUI has it.",
                node=short(name),
            )
        return message(
            "The prompt belongs to the missing node {node} and appears once it is installed.",
            node=short(name),
        )


@dataclass(frozen=True, slots=True)
class MissingChoice:
    """A model or other choice that the server doesn't offer in a field. `close` is the most similar
    choice, or None."""

    key: str
    label: str
    value: Any
    close: Any | None
    directory: str = ""
    url: str = ""

    @property
    def can_be_replaced(self) -> bool:
        return self.close is not None

    @property
    def file(self) -> str:
        """Return the file's name, or the choice itself, on one line."""
        return _plain(str(self.value).replace("\\", "/").rpartition("/")[2])

    @property
    def is_model(self) -> bool:
        """Return whether the choice is a file, which is probably a model."""
        return bool(self.directory) or is_model_file(self.file)

    @property
    def folder(self) -> str:
        """Return the server folder for the file, "" if unknown."""
        return f"models/{_plain(self.directory)}" if self.directory else ""

    @property
    def address(self) -> str:
        """Return the download URL on one line, "" if unknown."""
        return _plain(self.url)

    @property
    def sentence(self) -> str:
        close = "" if self.close is None else short(self.close)
        return sentences(
            f"{self.label}: “{short(self.value)}” isn't available.",
            f"Similar: “{close}”." if close else "",
            f"Put it in {self.folder}." if self.folder else "",
            f"Download: {self.address}" if self.url else "",
        )


Missing = MissingClass | MissingChoice


def sentences_about(missing: Iterable[Missing]) -> Iterator[str]:
    """Yield a message for each missing node pack, then for each other missing part."""
    packs: dict[str, NodePack] = {}
    nodes: dict[str, list[str]] = {}
    others = []
    for one in missing:
        if isinstance(one, MissingClass) and (pack := one.node_pack):
            packs.setdefault(pack.id, pack)
            nodes.setdefault(pack.id, []).append(one.class_type)
        else:
            others.append(one.sentence)
    for pack in packs.values():
        yield sentences(
            f"Missing node pack: {pack_name(pack.id)} ({listed(nodes[pack.id])}).",
            f"Install it with “{pack.command}” ({pack.url}), then restart ComfyUI.",
        )
    yield from others


def _plain(text: str) -> str:
    line = "".join(c for c in text[: _MAX_ADDRESS + 1] if c.isprintable())
    return line if len(line) <= _MAX_ADDRESS else f"{line[: _MAX_ADDRESS - 1]}…"
