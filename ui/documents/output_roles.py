"""Which of a run's outputs are its results, and which only show what these were made of. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from comfy.base.json_values import json_or_none
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.result_types import FileKind
from comfy.prompt.model import Link, links
from comfy.records.record import Record

# `preview`: a step on the way to a result. `copy`: the same bytes as another output, or the
# comparison that a result offers. `echo`: a technical text, such as a seed or the data of a widget.
OutputRole = Literal["result", "preview", "copy", "echo"]

_ORDER: tuple[FileKind, ...] = ("video", "image", "3d", "audio", "file")
_SEEN: frozenset[FileKind] = frozenset({"image", "video", "3d"})
_LONGEST_STATE = 200  # characters
# Classes that save their results, even if they pass them on.
_SAVER = re.compile(r"save|combine|export", re.IGNORECASE)
_STATE = re.compile(
    r"\A(?:(.*:\s*)?(done|ok|true|false|none|null|success|finished)\W*"  # how something went
    r"|[\d\s.,:;×x*/()\[\]{}%+-]*"  # numbers and sizes
    r"|(?=\S*[/\\])\S*\.\w{1,12}"
    r"|\S+\.(safetensors|gguf|ckpt|pth?|png|jpe?g|webp|mp4|glb|wav|flac))",
    re.IGNORECASE,
)


def output_of(record: Record, node: str) -> str:
    """Return the prompt's node that a result belongs to. The server names the nodes of an expanded
    node `outer.0.0.inner`."""
    return node if node in record.job.prompt else node.partition(".")[0]


def output_roles(record: Record) -> Mapping[str, OutputRole]:
    """Return the roles of a run's output nodes. At least one output is a result."""
    outputs = _Outputs(record)
    if len(outputs.nodes) < 2:
        return dict.fromkeys(outputs.nodes, "result")
    roles = {node: outputs.role(node) for node in outputs.nodes}
    for role in ("preview", "echo"):
        if "result" not in roles.values():
            roles |= {node: "result" for node, its in roles.items() if its == role}
    return {**roles, **dict.fromkeys(outputs.copies(roles), "copy")}


def main_places(record: Record) -> list[int]:
    """Return the indexes of a run's results among its files, without previews: images and videos
    first."""
    roles, files = output_roles(record), record.state.files
    places = (
        at for at, file in enumerate(files) if roles[output_of(record, file.node)] == "result"
    )
    return sorted(places, key=lambda at: _ORDER.index(files[at].kind))


def main_texts(record: Record) -> list[str]:
    """Return the texts among a run's results."""
    texts = record.state.texts
    roles = output_roles(record) if texts else {}
    shown = [one.text for one in texts if roles[output_of(record, one.node)] == "result"]
    return [text for text in shown if text.strip()]


def lent_comparisons(record: Record) -> Mapping[int, int]:
    """Return the results that the workflow only compares a copy of, or a step before: the position
    of the image before, by the result's position."""
    outputs = _Outputs(record)
    places: dict[tuple[str, str], list[int]] = {}
    for at, file in enumerate(record.state.files):
        if file.kind == "image":
            places.setdefault((output_of(record, file.node), file.side), []).append(at)
    lent: dict[int, int] = {}
    of_steps: dict[int, int] = {}
    for node in (node for node, side in places if side == "b"):
        sides = zip(outputs.ordered(node), "ba", strict=False)  # with the side to compare with
        for link, before in reversed([*sides]):
            savers = outputs.takers(link) & outputs.core
            for saver in savers:
                after = places.get((saver, ""), ())
                lent |= zip(after, places.get((node, before), ()), strict=False)
            if savers:
                break
        else:
            is_step = outputs.sources.issuperset(outputs.ordered(node)[1:])
            for result in outputs.core if is_step and len(outputs.core) == 1 else ():
                after = places.get((result, ""), ())
                of_steps |= zip(after, places.get((node, "a"), ()), strict=False)
    return of_steps | lent


def is_echo(text: str, record: Record) -> bool:
    """Return whether a text is technical: data, a number, a path, or a value of the prompt."""
    text = text.strip()
    if len(text) < _LONGEST_STATE and _STATE.fullmatch(text):
        return True
    nodes = record.job.prompt.values()
    is_data = text[:1] + text[-1:] in ("{}", "[]") and json_or_none(text) is not None
    return is_data or any(text in node["inputs"].values() for node in nodes)


@dataclass(frozen=True)
class _Outputs:
    """A run's outputs and the links between its nodes."""

    record: Record

    @cached_property
    def files(self) -> dict[str, list[OutputFile]]:
        """The files of each output node."""
        files: dict[str, list[OutputFile]] = {}
        for file in self.record.state.files:
            files.setdefault(output_of(self.record, file.node), []).append(file)
        return files

    @cached_property
    def texts(self) -> dict[str, list[TextOutput]]:
        texts: dict[str, list[TextOutput]] = {}
        for text in self.record.state.texts:
            texts.setdefault(output_of(self.record, text.node), []).append(text)
        return texts

    @property
    def nodes(self) -> tuple[str, ...]:
        return (*dict.fromkeys((*self.files, *self.texts)),)

    @cached_property
    def given(self) -> dict[str, set[Link]]:
        """The links that each node of the prompt takes."""
        nodes = self.record.job.prompt.items()
        return {node_id: {link for _, link in links(node)} for node_id, node in nodes}

    @cached_property
    def inner(self) -> set[str]:
        """The nodes that other nodes take something from."""
        return {link.node for several in self.given.values() for link in several}

    @cached_property
    def saving(self) -> set[str]:
        return {
            node
            for node, files in self.files.items()
            if any(file.type == "output" for file in files)
            and (node not in self.inner or _SAVER.search(self._class_of(node)))
        }

    @cached_property
    def ends(self) -> set[str]:
        """The outputs that the run was made for. A saved 3D model comes before images and videos:
        they are made for it, or show it."""
        if models := self._ends_of(frozenset({"3d"})) & self.saving:
            return models
        return self._ends_of(_SEEN) | self._ends_of(frozenset({"audio"})) or self.saving

    @cached_property
    def core(self) -> set[str]:
        return self.ends & self.saving or self._last(self.ends)

    @cached_property
    def sources(self) -> set[Link]:
        """The links that the core is made of."""
        found = {link for node in self.core for link in self.given.get(node, ())}
        return found | self._behind(found)

    def _last(self, ends: set[str]) -> set[str]:
        """Return the outputs that aren't steps on the way to another one."""
        given = {node: self.given.get(node, set()) for node in ends}
        behind = {node: self._behind(given[node]) for node in ends}
        return {
            node
            for node in ends
            if not given[node] or not any(given[node] <= behind[other] for other in ends - {node})
        }

    def _behind(self, taken: set[Link]) -> set[Link]:
        """Return the links that these ones are made of."""
        found: set[Link] = set()
        todo = [*taken]
        while todo:
            new = self.given.get(todo.pop().node, set()) - found
            found |= new
            todo += new
        return found

    def role(self, node: str) -> OutputRole:
        """Return the role of an output node, without regard to the others' bytes."""
        files, given = self.files.get(node, []), self.given.get(node, set())
        if node in self.core:
            return "result"
        if not files and all(is_echo(one.text, self.record) for one in self.texts[node]):
            return "echo"
        if any(file.side for file in files):
            if any(self.takers(link) & self.core for link in given):
                return "copy"
            return "preview" if given <= self.sources else "result"
        is_media = any(file.kind != "file" for file in files)
        is_beside = not files and {one.node for one in given} & {one.node for one in self.sources}
        is_step = node in self.inner or given & self.sources or is_beside
        is_step = is_step or (is_media and node not in self.ends)
        return "preview" if is_step else "result"

    def copies(self, roles: Mapping[str, OutputRole]) -> Iterable[str]:
        """Yield the results and then the previews whose bytes an earlier one has."""
        seen: set[str] = set()
        ordered = [node for role in ("result", "preview") for node in roles if roles[node] == role]
        for node in ordered:
            digests = {one.digest for one in self._of(node)}
            if digests and "" not in digests and digests <= seen:
                yield node
            seen |= digests

    def takers(self, link: Link) -> set[str]:
        """Return the outputs that show a link's value: they take it, or pass it on."""
        return {node for node in self.nodes if link in self.given.get(node, ())} | {link.node}

    def ordered(self, node: str) -> list[Link]:
        """Return the links that a node takes, in the order of the names of its inputs."""
        return [link for _, link in sorted(links(self.record.job.prompt[node]))]

    def _of(self, node: str) -> list[OutputFile]:
        return self.files.get(node, [])

    def _ends_of(self, kinds: frozenset[FileKind]) -> set[str]:
        """Return the nodes that save files of these kinds; without any, those that end with one."""
        nodes = {node for node, own in self.files.items() if any(one.kind in kinds for one in own)}
        return nodes & self.saving or nodes - self.inner or nodes

    def _class_of(self, node: str) -> str:
        known = self.record.job.prompt.get(node)
        return known["class_type"] if known else ""
