"""Requirements of a prompt on a server: node classes, choices (including models), and inputs that
accept its values.

Conflicting choices: explain why no single server can run a prompt, although each part is on some
server.

Predict ComfyUI's cache: nodes that are unchanged, together with all nodes that feed them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any, NamedTuple, Protocol

from comfy.base.files import is_model_file
from comfy.base.json_values import as_number
from comfy.base.messages import listed, message, sentences
from comfy.base.wording import quoted, short
from comfy.comfyui.input_spec import COMBO, InputSpec, RowNotation, compatible
from comfy.comfyui.object_info import Catalog
from comfy.prompt.model import InputRef, Prompt, is_link, links
from comfy.prompt.rows import read_rows, unoffered_cells
from comfy.prompt.value_types import BadValue, read_value

_MOST_NAMED = 3  # choices that one sentence names
# The key of the field that sets the value, and the value or node class.
_Item = tuple[str | None, str]


def cache_keys(prompt: Prompt) -> frozenset[int]:
    """Return one number per distinct node. Nodes share a number if their class, values and feeding
    nodes are equal, which is how ComfyUI identifies cached results (docs/comfyui.md#6). Empty for a
    prompt with circular links. Valid within this process."""
    feeds = {node_id: {link.node for _, link in links(node)} for node_id, node in prompt.items()}
    hashes: dict[str, int] = {}
    try:
        for node_id in TopologicalSorter(feeds).static_order():
            if node_id in prompt:  # a link may name a missing node
                node = prompt[node_id]
                inputs = {
                    name: [hashes.get(str(value[0])), value[1]] if is_link(value) else value
                    for name, value in node["inputs"].items()
                }
                hashes[node_id] = hash(json.dumps([node["class_type"], inputs], sort_keys=True))
    except CycleError:
        return frozenset()
    return frozenset(hashes.values())


class Lack(NamedTuple):
    """A node class that a server lacks, or a choice at the input `place`, for which the server has
    `offered`."""

    name: str
    place: InputRef | None = None
    offered: tuple[str, ...] = ()


class _Judgement(NamedTuple):
    """Cached result for one catalog."""

    nodes: Catalog
    lacking: tuple[Lack, ...]
    unfit_inputs: int


class Needs:
    """Requirements of one prompt, evaluated once per server catalog. Thread-safe: concurrent
    evaluations return the same result."""

    def __init__(
        self,
        prompt: Prompt,
        given: Iterable[InputRef] = (),
        servers: Collection[str] | None = None,
    ) -> None:
        """`given`: the inputs that get a user's file, which the app uploads to the server.
        `servers`: the names of the servers that the user may use, None for all."""
        self.servers = servers
        self._prompt = prompt
        self._given = frozenset(given)
        self._judged: dict[int, _Judgement] = {}

    def met_by(self, nodes: Catalog) -> bool:
        """Return whether a server with these nodes meets all requirements."""
        return not self.lacking(nodes)

    def lacking(self, nodes: Catalog) -> tuple[Lack, ...]:
        """Return the requirements that a server with these nodes lacks."""
        return self._judgement(nodes).lacking

    def unfit_inputs(self, nodes: Catalog) -> int:
        """Return the number of inputs that a server with these nodes doesn't know, requires in
        addition, or has with another type or other limits.

        Every server has some, such as inputs that only the editor uses. The server with the fewest
        is best.
        """
        return self._judgement(nodes).unfit_inputs

    @cached_property
    def models(self) -> frozenset[str]:
        """Return the names of the prompt's model files."""
        return frozenset(
            value
            for node in self._prompt.values()
            for value in node["inputs"].values()
            if isinstance(value, str) and is_model_file(value)
        )

    def chosen_models(self, nodes: Catalog) -> frozenset[str]:
        """Return the model files that the prompt chooses from lists of a server with these
        nodes."""
        return frozenset(
            value
            for node in self._prompt.values()
            if (spec := nodes.get(node["class_type"])) is not None
            for name, value in node["inputs"].items()
            if isinstance(value, str)
            and value in self.models
            and (declared := spec.active_inputs(node["inputs"]).get(name)) is not None
            and value in (declared.choices or ())
        )

    @cached_property
    def cache_keys(self) -> frozenset[int]:
        return cache_keys(self._prompt)

    def _judgement(self, nodes: Catalog) -> _Judgement:
        known = self._judged.get(id(nodes))
        if known is None or known.nodes is not nodes:
            unfit_inputs = sum(1 for _ in self._unfit_inputs(nodes))
            known = _Judgement(nodes, tuple(self._missing(nodes)), unfit_inputs)
            self._judged[id(nodes)] = known
        return known

    def _unfit_inputs(self, nodes: Catalog) -> Iterator[InputRef]:
        for node_id, node in self._prompt.items():
            spec, given = nodes.get(node["class_type"]), node["inputs"]
            declared = spec.active_inputs(given) if spec else {}
            for name, value in given.items():
                input_spec = declared.get(name)
                if input_spec is None or not self._fits(input_spec, value, nodes):
                    yield InputRef(node_id, name)
            for name, input_spec in declared.items():
                if input_spec.required and not input_spec.is_group and name not in given:
                    yield InputRef(node_id, name)

    def _fits(self, spec: InputSpec, value: object, nodes: Catalog) -> bool:
        if is_link(value):
            source = self._prompt.get(str(value[0]))
            source_spec = nodes.get(source["class_type"]) if source else None
            types = source_spec.output_types if source_spec else ()
            return int(value[1]) < len(types) and compatible(types[int(value[1])], spec.type)
        if spec.choices:  # `_missing` reports a text that isn't among the choices
            return value in spec.choices or (spec.type == COMBO and isinstance(value, str))
        try:
            number = read_value(spec.value_type, value)
        except BadValue:
            return False
        least, most = (as_number(spec.options.get(limit)) for limit in ("min", "max"))
        return not isinstance(number, int | float) or (
            (least is None or number >= least) and (most is None or number <= most)
        )

    def _missing(self, nodes: Catalog) -> Iterator[Lack]:
        for node_id, node in self._prompt.items():
            spec = nodes.get(node["class_type"])
            if spec is None:
                yield Lack(node["class_type"])
                continue
            declared = spec.active_inputs(node["inputs"])
            for name, value in node["inputs"].items():
                input_spec, input_ref = declared.get(name), InputRef(node_id, name)
                choices = (
                    input_spec.choices
                    if input_spec is not None and input_spec.type == COMBO
                    else None
                )
                lacks = choices and isinstance(value, str) and value not in choices
                if lacks and input_ref not in self._given:
                    yield Lack(value, input_ref, tuple(map(str, choices or ())))
            for group in (one.rows for one in declared.values() if one.rows):
                rows = read_rows(group, node["inputs"]) or ()
                for _, column, value in unoffered_cells(group, rows):
                    if group.notation is not RowNotation.DOTTED:  # whose cells are inputs
                        offered = tuple(map(str, column.choices or ()))
                        yield Lack(value, InputRef(node_id, group.name), offered)


class ChoiceField(Protocol):
    """A form field with a list of choices."""

    @property
    def key(self) -> str:
        """Return the field's key."""

    @property
    def choices(self) -> tuple[tuple[str, Any], ...] | None:
        """Return the choices, as labels with their values."""

    @property
    def targets(self) -> tuple[InputRef, ...]:
        """Return the prompt inputs that the field sets."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A choice or node class that no server has together with `others`.

    `key`: the field that sets it, None if no field does. `instead`: alternatives in that field that
    work if all else stays. `servers`: the names of the servers that have it.
    """

    key: str | None
    said: str
    others: tuple[str, ...]
    instead: tuple[str, ...]
    servers: tuple[str, ...]

    def sentence(self, *, named: bool) -> str:
        """Return the message for a user. `named`: users may see server names."""
        return sentences(
            message(
                "No server has both “{choice}” and {others}.",
                choice=short(self.said),
                others=_quoted(self.others),
            ),
            self._told_instead(),
            message(
                "“{choice}” is on {servers}.", choice=short(self.said), servers=listed(self.servers)
            )
            if named
            else "",
        )

    def _told_instead(self) -> str:
        if not self.instead:
            return ""
        choices = _quoted(self.instead)
        if len(self.instead) > _MOST_NAMED:
            choices = listed([choices, "…"])
        return message("Choose one of these instead: {choices}.", choices=choices)


def conflicts(
    needs: Needs, fields: Collection[ChoiceField], servers: Mapping[str, Catalog]
) -> tuple[Conflict, ...]:
    """Return the reasons why none of these servers, by name, can run a prompt. Return () if one of
    them can, or if a part is on no server, since another choice wouldn't help then.

    `fields`: the fields with choices. If another choice in one of them would help, only those
    conflicts are returned.
    """
    labels: dict[str | None, dict[Any, str]] = {
        one.key: {value: label for label, value in one.choices or ()} for one in fields
    }
    keys = {target: one.key for one in fields for target in one.targets}
    lacking = {name: _items(needs.lacking(nodes), keys) for name, nodes in servers.items()}
    everything = [frozenset(items) for items in lacking.values()]
    if not all(everything) or frozenset.intersection(*everything):
        return ()
    wanted = dict.fromkeys(chain.from_iterable(lacking.values()))
    reasons = tuple(_conflict(one, lacking, labels) for one in wanted)
    return tuple(one for one in reasons if one.instead) or reasons


def _items(lacking: Iterable[Lack], keys: Mapping[InputRef, str]) -> dict[_Item, tuple[str, ...]]:
    """Return the parts that a server lacks, with the alternatives it offers."""
    return {
        (keys.get(lack.place) if lack.place else None, lack.name): lack.offered for lack in lacking
    }


def _conflict(
    item: _Item,
    lacking: Mapping[str, Mapping[_Item, tuple[str, ...]]],
    labels: Mapping[str | None, Mapping[Any, str]],
) -> Conflict:
    key, _ = item
    having = {name: lacks for name, lacks in lacking.items() if item not in lacks}
    others = min(having.values(), key=len)
    offered = chain.from_iterable(
        lacks[item] for lacks in lacking.values() if lacks.keys() == {item}
    )
    own = labels.get(key, {})
    return Conflict(
        key,
        _label(item, labels),
        tuple(_label(one, labels) for one in others),
        tuple(own[one] for one in dict.fromkeys(offered) if one in own),
        tuple(having),
    )


def _label(item: _Item, labels: Mapping[str | None, Mapping[Any, str]]) -> str:
    key, name = item
    return labels.get(key, {}).get(name, name)


def _quoted(names: tuple[str, ...]) -> str:
    return listed(quoted(short(one)) for one in names[:_MOST_NAMED])
