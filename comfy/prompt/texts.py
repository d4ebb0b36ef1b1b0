"""Texts of a prompt: which reach the sampler, and whether as positive or as negative texts.

Recognize a negative prompt by its words, where the graph doesn't tell it apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from comfy.prompt.model import own_title
from comfy.prompt.trace import Trace

# Faults that people list in negative prompts and hardly ever ask for.
_FAULT = re.compile(
    r"""\b(?:
      (?:worst|low(?:est|er)?|bad|poor|normal|medium)[ _-]?(?:quality|resolution|res|detail)
    | low-?res | jpe?g[ ]artifacts? | compression[ ]artifacts? | artifacts? | nsfw
    | (?:bad|poor(?:ly)?|wrong|weird|malformed|mutated|deformed|disfigured|extra|missing|fused
       |floating|cloned|disconnected|too[ ]many|long|unnatural|asymmetric|gross|ugly|crossed)[ _-]
      (?:\w+[ _-])?(?:anatomy|proportions?|hands?|fingers?|limbs?|arms?|legs?|feet|faces?|eyes?
       |pupils?|body|bodies|neck|drawn|digits?|lighting|composition|colou?rs?|heads?|teeth)
    | (?:fewer|extra)[ ]digits? | deform(?:ed|ity|ities) | disfigur(?:ed|ement) | malformed
    | mutat(?:ed|ions?) | mutilated | distort(?:ed|ions?) | ugly | blurry | blurred
    | (?:out[ ]of[ ]focus) | out[ ]of[ ]frame | grainy | pixelated | noisy | glitch(?:es)?
    | overexposed | underexposed | over-?saturat(?:ed|ion) | watermarks? | signature
    | username | duplicate | error | morbid | extra_limb | bad_\w+ | worst
    | embedding:[^\s,:]{0,80}(?:neg|bad)\w*
    | (?:easy|bad|deep)negative\w* | badhand\w* | badprompt\w*
    | lowquality | jpeg
    )\b
    | 最差|低质量|模糊|畸形|丑陋|残缺|毁容|水印|多余的|过曝|崩坏|变形
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PARTS = re.compile(r"[,;\n|\uff0c\u3001\u3002]+")
_LONGEST = 4_000
# Share of the listed things that have to be faults: a description may mention a few.
_SHARE = 0.3
_MOST_WORDS = 6  # of a listed fault; longer parts are sentences
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
_TITLE = re.compile(r"(?<![a-z])(neg|negs|negative|pos|positive)(?![a-z])", re.IGNORECASE)


def looks_negative(text: object) -> bool:
    """Return whether a text is mostly a list of faults, such as "lowres, bad anatomy"."""
    if not isinstance(text, str):
        return False
    parts = [one for one in _PARTS.split(text[:_LONGEST]) if any(map(str.isalnum, one))]
    faults = [one for one in parts if _FAULT.search(one) and len(one.split()) <= _MOST_WORDS]
    return bool(faults) and len(faults) >= min(2, len(parts)) and len(faults) > _SHARE * len(parts)


class Pole(StrEnum):
    """Positive or negative role of a text in the prompt."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


_WORDS = MappingProxyType({"pos": Pole.POSITIVE, "neg": Pole.NEGATIVE})
# The editor's green and red, in which authors paint the two texts.
_COLORS = MappingProxyType({"#232": Pole.POSITIVE, "#322": Pole.NEGATIVE})


class _Step(NamedTuple):
    """A node's output on the way of a text to a consumer. `is_stated`: an input's name, or a node's
    title or color, says which text it is. `is_only`: the consumer takes no other text."""

    node: str
    slot: int
    pole: Pole
    is_stated: bool
    is_only: bool = False


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
    negative. Where the names of inputs and outputs don't say it, titles do, then colors, then the
    text itself.
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
            through = (
                self._pole_of_slot(node_id, slot, wanted) if split and slot is not None else None
            )
            split = split and (through is not None or self.trace.spec(node_id) is not None)
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
        """Return whether a node takes both texts and gives them on, as one of an unknown class
        does."""
        inputs = {pole_of(name) for name in self.trace.sources[node_id]}
        names = self.trace.output_names(node_id)
        return {*Pole} <= inputs and (not names or {*Pole} <= {*map(pole_of, names)})

    def _carries_text(self, node_id: str, input_name: str) -> bool:
        if self.trace.spec(node_id) is None:
            given = self.trace.given_type(*self.trace.sources[node_id][input_name])
            return given == "CONDITIONING" or bool(_TEXT_NAMES.search(input_name))
        types = self.trace.type_of(node_id, input_name).split(",")
        return not _TEXT_TYPES.isdisjoint(types) or any(map(_BUNDLE.search, types))

    def _find_poles(self) -> dict[str, Pole]:
        """Return the pole of every node that conditioning passes on its way to a consumer, and of
        texts that say it themselves. Positive wins if nothing decides."""
        stated: dict[str, set[Pole]] = {}
        assumed: dict[str, Pole] = {}
        unsure: set[str] = set()
        todo = [
            self._with_hint(start)
            for node_id in self.trace.prompt
            if node_id in self.trace.alive
            for start in self._consumed(node_id)
        ]
        seen = set(todo)
        for step in todo:
            node_id = step.node
            if self.trace.prompt[node_id]["class_type"] in _NO_EFFECT:
                continue
            if not self._is_bundle(node_id, step.slot):
                if step.is_stated:
                    stated.setdefault(node_id, set()).add(step.pole)
                elif assumed.get(node_id) is not Pole.POSITIVE:
                    assumed[node_id] = step.pole
                if not step.is_stated and not step.is_only:
                    unsure.add(node_id)
            for behind in map(self._with_hint, self._behind(step)):
                if behind not in seen:
                    seen.add(behind)
                    todo.append(behind)
        return {
            node_id: pole
            for node_id in self.trace.alive
            if (
                pole := self._decided(
                    node_id,
                    stated.get(node_id, set()),
                    assumed.get(node_id),
                    is_unsure=node_id in unsure,
                )
            )
        }

    def _decided(
        self, node_id: str, stated: set[Pole], assumed: Pole | None, *, is_unsure: bool
    ) -> Pole | None:
        """Return a node's pole. A title counts more than a way on which nodes are missing. A text
        that is stated as both, as for a sampler that ignores the negative one, is positive. The
        text is read if nothing states its pole, or missing nodes mix up both, but not if its
        consumers take no other text."""
        titled = self._titled(node_id) if self.trace.incomplete else None
        if len(stated) == 1:
            return titled or next(iter(stated))
        if hint := self._hint(node_id) if stated or assumed else None:
            return hint
        if stated and (not self.trace.incomplete or self._is_taken_as_both(node_id)):
            return Pole.POSITIVE
        inputs = self.trace.prompt[node_id]["inputs"]
        values = [value for name, value in inputs.items() if not pole_of(name)]
        if (stated or is_unsure or not assumed) and any(map(looks_negative, values)):
            return Pole.NEGATIVE
        return Pole.POSITIVE if stated else assumed

    def _is_taken_as_both(self, node_id: str) -> bool:
        """Return whether some node takes the same output as positive and as negative."""
        for sources in self.trace.sources.values():
            taken = {(pole_of(name), link) for name, link in sources.items() if link[0] == node_id}
            if any((Pole.POSITIVE, link) in taken for pole, link in taken if pole is Pole.NEGATIVE):
                return True
        return False

    def _with_hint(self, step: _Step) -> _Step:
        """Return the step with the pole that the node's author gave it, unless it is stated."""
        hint = None if step.is_stated else self._hint(step.node)
        return step._replace(pole=hint, is_stated=True) if hint else step

    def _hint(self, node_id: str) -> Pole | None:
        """Return the pole that a node's title or its color says, if any."""
        if titled := self._titled(node_id):
            return titled
        color = self.trace.drawn(node_id).color.lower()
        return _COLORS.get(color) if self._painted_apart else None

    def _titled(self, node_id: str) -> Pole | None:
        """Return the pole that a node's title names, if it names only one."""
        title = own_title(self.trace.prompt[node_id])
        named = {word[:3].lower() for word in _TITLE.findall(title)}
        return _WORDS[named.pop()] if len(named) == 1 else None

    @cached_property
    def _painted_apart(self) -> bool:
        """Return whether the author painted texts in both colors."""
        trace = self.trace
        painted = {
            trace.drawn(node_id).color.lower()
            for node_id in trace.alive
            if not trace.given_types(node_id).isdisjoint({"CONDITIONING", "STRING"})
        }
        return _COLORS.keys() <= painted

    def _consumed(self, node_id: str) -> Iterator[_Step]:
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
                yield from (_Step(source, slot, pole, is_stated=False) for pole in Pole)
            elif (pole := pole_of(name)) or "CONDITIONING" in types:
                only = pole is None and self._takes_one_text(node_id)
                yield _Step(source, slot, pole or Pole.POSITIVE, pole is not None, only)

    def _takes_one_text(self, node_id: str) -> bool:
        """Return whether a node's class has a single input for conditioning, like `BasicGuider`."""
        spec = self.trace.spec(node_id)
        return spec is not None and [one.type for one in spec.inputs].count("CONDITIONING") == 1

    def _behind(self, step: _Step) -> Iterator[_Step]:
        """Yield the sources one step back. A node with a positive and a negative path (ControlNet)
        keeps them apart, and so does one that bundles them."""
        node_id, slot, pole, is_stated, only = step
        ways = {name: pole_of(name) for name in self.trace.sources[node_id]}
        split = {Pole.POSITIVE, Pole.NEGATIVE} <= set(ways.values())
        through = self._pole_of_slot(node_id, slot, pole) if split else None
        if self._is_bundle(node_id, slot):
            through = pole
        for name, (source, source_slot) in self.trace.sources[node_id].items():
            if not self._carries_text(node_id, name):
                continue
            own = ways[name] if split else None
            if through is None:
                yield _Step(source, source_slot, own or pole, is_stated or own is not None, only)
            elif ways[name] in (None, through):
                kept = pole if is_stated else through
                yield _Step(source, source_slot, kept, is_stated or own is not None, only)

    def _pole_of_slot(self, node_id: str, slot: int, arrived: Pole | None) -> Pole | None:
        """Return the pole of an output. An unknown class's is the one that its user takes it
        for."""
        names = self.trace.output_names(node_id)
        named = pole_of(names[slot]) if 0 <= slot < len(names) else None
        return named or (None if self.trace.spec(node_id) else arrived)
