"""Texts of a prompt: which reach the sampler, and whether as positive or as negative texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from comfy.prompt.trace import Trace

# Link types that carry a user's text to the sampler.
_TEXT_TYPES = frozenset(
    {"CONDITIONING", "STRING", "GUIDER", "*", "COMFY_MATCHTYPE_V3", "COMFY_AUTOGROW_V3"}
)
# Types of links that carry the inputs of a sampler together, such as BASIC_PIPE, PIPE_LINE and
# RGTHREE_CONTEXT.
_BUNDLE = re.compile(r"pipe|^rgthree_(dynamic_)?context$|^bus$|_tuple$", re.IGNORECASE)
# Types by input name, for nodes missing on the server.
_TEXT_NAMES = re.compile(
    r"cond|positive|negative|text|prompt|string|guider|pipe|ctx|caption|tags|lyrics|any|value",
    re.IGNORECASE,
)
# Nodes that discard a text.
_NO_EFFECT = frozenset({"ConditioningZeroOut"})


class Pole(StrEnum):
    """Positive or negative role of a text in the prompt."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


def pole_of(name: str) -> Pole | None:
    """Return the pole that an input or output name states, if any."""
    lowered = name.lower()
    if "neg" in lowered or lowered.startswith("uncond"):
        return Pole.NEGATIVE
    return Pole.POSITIVE if "positive" in lowered else None


class Texts:
    """The roles of a traced prompt's texts. Build one per form.

    `zeroed`: the nodes whose texts are zeroed on every way to an end. `telling`: the nodes whose
    texts aren't zeroed, nor negative for a sampler that ignores them because its guidance is 1.
    `poles`: for every node between a text and its consumer, whether that text is positive or
    negative.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.zeroed = trace.alive - frozenset(trace.walk(trace.ends, None, self._not_zeroed))
        self.telling = frozenset(self._find_telling())
        self.poles = self._find_poles()

    def _not_zeroed(self, node_id: str, input_name: str) -> bool:
        return self.trace.prompt[node_id]["class_type"] not in _NO_EFFECT

    def _find_telling(self) -> Iterator[str]:
        """Yield the nodes whose texts have an effect. A node with a positive and a negative output
        (ControlNet) keeps them apart."""
        todo: list[tuple[str, int | None, Pole | None]] = [
            (end, None, None) for end in self.trace.ends
        ]
        seen = set(todo)
        for node_id, slot, wanted in todo:
            yield node_id
            if self.trace.prompt[node_id]["class_type"] in _NO_EFFECT:
                continue
            split = slot is not None and self._keeps_apart(node_id)
            through = self._pole_of_slot(node_id, slot) if split and slot is not None else None
            if slot is not None and self._is_bundle(node_id, slot):
                split, through = wanted is not None, wanted
            for name, link in self.trace.sources[node_id].items():
                pole = pole_of(name)
                ignored = pole is Pole.NEGATIVE and self.trace.literal(node_id, "cfg") == 1
                step = (*link, pole or through or wanted)
                if (
                    not ignored
                    and (pole is None or not split or pole is through)
                    and step not in seen
                ):
                    seen.add(step)
                    todo.append(step)

    def _is_bundle(self, node_id: str, slot: int) -> bool:
        """Return whether an output carries positive and negative texts together."""
        return bool(_BUNDLE.search(self.trace.given_type(node_id, slot)))

    def _keeps_apart(self, node_id: str) -> bool:
        spec = self.trace.spec(node_id)
        if spec:
            outputs = {pole_of(name) for name in spec.output_names}
        else:
            outputs = {
                self._pole_of_slot(node_id, slot) for slot in self.trace.used_outputs(node_id)
            }
        inputs = {pole_of(name) for name in self.trace.sources[node_id]}
        return {*Pole} <= outputs and {*Pole} <= inputs

    def _carries_text(self, node_id: str, input_name: str) -> bool:
        if self.trace.spec(node_id) is None:
            return bool(_TEXT_NAMES.search(input_name))
        types = self.trace.type_of(node_id, input_name).split(",")
        return not _TEXT_TYPES.isdisjoint(types) or any(map(_BUNDLE.search, types))

    def _find_poles(self) -> dict[str, Pole]:
        """Return the pole of every node that conditioning passes on its way to a consumer. Positive
        wins if a node has both."""
        poles: dict[str, Pole] = {}
        todo = [
            start
            for node_id in self.trace.prompt
            if node_id in self.trace.alive
            for start in self._consumed(node_id)
        ]
        seen = set(todo)
        for node_id, slot, pole in todo:
            if self.trace.prompt[node_id]["class_type"] in _NO_EFFECT:
                continue
            if poles.get(node_id) is not Pole.POSITIVE and not self._is_bundle(node_id, slot):
                poles[node_id] = pole
            for step in self._behind(node_id, slot, pole):
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        return poles

    def _consumed(self, node_id: str) -> Iterator[tuple[str, int, Pole]]:
        """Yield the sources of conditioning that a node consumes: it takes some but passes none on,
        like samplers, guiders and detailers."""
        named = {"positive", "negative"} & self.trace.sources[node_id].keys()
        if "CONDITIONING" in self.trace.given_types(node_id) and (
            self.trace.spec(node_id) or not named
        ):
            return
        for name, (source, slot) in self.trace.sources[node_id].items():
            types = {self.trace.type_of(node_id, name), self.trace.given_type(source, slot)}
            if self._is_bundle(source, slot):
                yield from ((source, slot, pole) for pole in Pole)
            elif pole_of(name) or "CONDITIONING" in types:
                yield source, slot, pole_of(name) or Pole.POSITIVE

    def _behind(self, node_id: str, slot: int, pole: Pole) -> Iterator[tuple[str, int, Pole]]:
        """Yield the sources one step back. A node with a positive and a negative path (ControlNet)
        keeps them apart, and so does one that bundles them."""
        ways = {name: pole_of(name) for name in self.trace.sources[node_id]}
        split = {Pole.POSITIVE, Pole.NEGATIVE} <= set(ways.values())
        through = self._pole_of_slot(node_id, slot) if split else None
        if self._is_bundle(node_id, slot):
            through = pole
        for name, (source, source_slot) in self.trace.sources[node_id].items():
            if not self._carries_text(node_id, name):
                continue
            if through is None:
                yield source, source_slot, (ways[name] if split else None) or pole
            elif ways[name] in (None, through):
                yield source, source_slot, pole

    def _pole_of_slot(self, node_id: str, slot: int) -> Pole | None:
        spec = self.trace.spec(node_id)
        if spec is None:
            return (Pole.POSITIVE, Pole.NEGATIVE)[slot] if slot in (0, 1) else None
        return pole_of(spec.output_names[slot]) if 0 <= slot < len(spec.output_names) else None
