"""Follow links through a prompt: find out which nodes have an effect, what values are for, and
where images go.

Uses the server's types if the node class is known, otherwise the input names. Every walk visits a
node once, so cycles end.

Find the nodes that give results, and their kinds.

Samplers of a prompt: their order, their results, and whether they use negative texts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from comfy.base.files import is_model_file
from comfy.comfyui.input_spec import WIDGET_TYPES, InputSpec
from comfy.comfyui.object_info import Catalog, NodeSpec
from comfy.comfyui.protocol.result_types import RESULT_TYPES, ResultKind
from comfy.prompt.model import NOT_DRAWN, DrawnNode, InputRef, Link, Prompt, links, own_title

# Types by input name, for links between nodes missing on the server.
_TYPES_BY_NAME = MappingProxyType(
    dict.fromkeys(("latent_image", "latent", "samples"), "LATENT")
    | dict.fromkeys(("image", "images", "pixels"), "IMAGE")
    | dict.fromkeys(("positive", "negative", "conditioning"), "CONDITIONING")
)
# Link types that carry an image to the sampler that repaints it.
_IMAGE_TYPES = frozenset({"IMAGE", "MASK", "LATENT", "VIDEO", "*"})
_MEDIA_TYPES = _IMAGE_TYPES | {"AUDIO"}
# Link types that only samplers take together with a latent.
_SAMPLER_TYPES = frozenset({"MODEL", "GUIDER", "NOISE", "SIGMAS"})
# Link types that lead from a sampler to the loader of its model.
_MODEL_TYPE = re.compile(
    r"^(?!.*(?:upscale|style|patch|control|interp|vision)).*(?:model|dit|guider|pipe(?:line)?)$",
    re.I,
)
# Link types of nodes that make something of their own from an image or a text.
_MAKER_TYPES = frozenset({"MODEL", "CONDITIONING", "VAE", "GUIDER"})
# Input names of value nodes that are missing on the server.
_VALUE_INPUTS = frozenset({"value", "int", "float", "number", "boolean"})
# Types of nodes that pass on one of their inputs unchanged: a value that feeds them is meant for
# the nodes after them.
_PASSING_TYPES = frozenset({"*", "COMFY_MATCHTYPE_V3"})
# Output nodes that only show an intermediate result.
ONLY_SHOWS = re.compile(
    r"^(preview|show|display|imagecompare)|preview(image|any|text)|preview$", re.IGNORECASE
)
# Inputs of a switch: the input that chooses, and the chosen one by its value.
_SWITCH = "switch"
_BRANCHES = MappingProxyType({True: "on_true", False: "on_false"})
# Input that makes a node pass on the input of its output's type.
_BYPASS = "bypass"
# Maximum distance for following a value through pass-through nodes.
_MAX_HOPS = 20
_PREVIEW = re.compile(r"^(PreviewImage|MaskPreview|Preview(?!Any|3D|Audio|Text))", re.I)
_KIND_OF_TYPE: Mapping[str, ResultKind] = MappingProxyType(
    {type_: kind for kind, row in RESULT_TYPES.items() for type_ in row.types}
)
_RESULT_TYPES = _MEDIA_TYPES | _KIND_OF_TYPE.keys()
# Savers from packs that a server may lack. The atomic groups keep the search linear.
_KNOWN_SAVER = re.compile(
    r"\A(?:save|preview|show|(?>.*?save).*image|(?>.*?image).*save|.*video_?combine)",
    re.IGNORECASE | re.DOTALL,
)
# With more samplers, numbers don't help users.
_MOST_SAMPLERS = 30
_GUIDANCE = "cfg"
# Input of nodes that save results, and what its value has besides a name.
_FILE_NAME = "filename_prefix"
_NO_NAME = re.compile(r"^.*[/\\]|^comfyui[-_ ]*|^[-_ ]+|[-_ ]+$", re.IGNORECASE)


class Trace:
    """A prompt with its links indexed. Build one per form; it isn't changed.

    `ends`: the nodes where a run ends. `alive`: the nodes that reach an end. `useful`: the nodes
    that reach a result or a sampler and not just a preview. `chosen`: the nodes that reach an end
    without the branches that a switch or a node's own bypass leaves out. `distance`: the number of
    links from each alive node to the nearest result.

    `drawn` is what the editor's graph says about the nodes, which gives the types of unknown ones.
    """

    def __init__(
        self, prompt: Prompt, catalog: Catalog, drawn: Mapping[str, DrawnNode] | None = None
    ) -> None:
        self.prompt = prompt
        self.catalog = catalog
        self._drawn = drawn or {}
        self.sources = {
            node_id: {name: link for name, link in links(node) if link.node in prompt}
            for node_id, node in prompt.items()
        }
        self.uses: dict[Link, list[InputRef]] = defaultdict(list)
        self._used: dict[str, set[int]] = {node_id: set() for node_id in prompt}
        for node_id, inputs in self.sources.items():
            for name, link in inputs.items():
                self.uses[link].append(InputRef(node_id, name))
                self._used[link.node].add(link.slot)
        self._active: dict[str, dict[str, InputSpec]] = {}
        self.ends = ends = self._ends()
        saving = [end for end in ends if not ONLY_SHOWS.search(prompt[end]["class_type"])]
        if not any(self.spec(end) for end in saving):
            saving = []
        self.alive = frozenset(self.walk(ends, None))
        samplers = [node_id for node_id in self.alive if self.is_sampler(node_id)]
        self.useful = frozenset(self.walk(saving + samplers, None)) if saving else self.alive
        self.distance = self._distances(saving or ends)
        self.chosen = frozenset(self.walk(ends, None, self._is_chosen))
        self.incomplete = any(self.spec(node_id) is None for node_id in prompt) or any(
            True for _ in self.dangling()
        )

    def spec(self, node_id: str) -> NodeSpec | None:
        """Return the server's definition of a node's class, or None."""
        return self.catalog.get(self.prompt[node_id]["class_type"])

    def drawn(self, node_id: str) -> DrawnNode:
        """Return what the editor's graph says about a node."""
        return self._drawn.get(node_id, NOT_DRAWN)

    def dangling(self) -> Iterator[tuple[InputRef, str]]:
        """Yield the inputs linked to missing nodes, and the missing node."""
        for node_id, node in self.prompt.items():
            yield from (
                (InputRef(node_id, name), link.node)
                for name, link in links(node)
                if link.node not in self.prompt
            )

    def used_outputs(self, node_id: str) -> frozenset[int]:
        """Return the outputs of a node that have links."""
        return frozenset(self._used[node_id])

    def given_types(self, node_id: str) -> frozenset[str]:
        """Return the types of a node's outputs; for an unknown class, "?" and those that the graph
        names or other nodes take from it."""
        spec = self.spec(node_id)
        if spec is not None:
            return frozenset(spec.output_types)
        if named := self.drawn(node_id).outputs:
            return (frozenset(kind for _, kind in named) | {"?"}) - _PASSING_TYPES
        uses = (use for slot in self._used[node_id] for use in self.uses[Link(node_id, slot)])
        return (frozenset(map(self._likely_type, uses)) | {"?"}) - _PASSING_TYPES

    def users(self, node_id: str) -> list[str]:
        """Return the nodes that take a node's outputs."""
        return [use.node for use in self.uses_of(node_id)]

    def uses_of(self, node_id: str) -> list[InputRef]:
        """Return the inputs that take any of a node's outputs."""
        return [use for slot in self._used[node_id] for use in self.uses[Link(node_id, slot)]]

    def arrivals(self, node_id: str, carried: frozenset[str]) -> Iterator[list[InputRef]]:
        """Yield the inputs that a node's outputs reach on the way to a result, the nearest first:
        each list is behind one more node that only passes `carried` types on."""
        here, seen = [node_id], {node_id}
        while here:
            uses = [
                use
                for one in here
                for slot in self._used[one]
                if one == node_id or self.given_type(one, slot) in carried
                for use in self.uses[Link(one, slot)]
                if use.node in self.useful
            ]
            yield uses
            here = [*dict.fromkeys(use.node for use in uses if use.node not in seen)]
            here = [one for one in here if self._carries(one, carried)][:_MAX_HOPS]
            seen.update(here)

    def _carries(self, node_id: str, carried: frozenset[str]) -> bool:
        """Return whether a node passes types on, and makes nothing of its own from them."""
        spec = self.spec(node_id)
        makes = spec is not None and bool(spec.raw.get("api_node"))
        takes = self.taken_types(node_id)
        is_maker = makes or not takes.isdisjoint(_MAKER_TYPES)
        return not is_maker and not self.given_types(node_id).isdisjoint(carried)

    def consumers(self, node_id: str, carried: frozenset[str]) -> list[str]:
        """Return the first nodes after this one that give none of the `carried` types."""
        found: dict[str, None] = {}
        todo = [node_id]
        for here in todo:  # grows during the loop
            for user in self.users(here):
                if user not in self.alive:
                    continue
                if self.given_types(user).isdisjoint(carried):
                    found[user] = None
                elif user not in todo and len(todo) < _MAX_HOPS:
                    todo.append(user)
        return list(found)

    def users_give(self, node_id: str) -> frozenset[str]:
        """Return the types that the users of a node's outputs give."""
        return frozenset(kind for user in self.users(node_id) for kind in self.given_types(user))

    def is_sampler(self, node_id: str) -> bool:
        """Return whether a node changes a latent with a model."""
        taken = self.taken_types(node_id)
        keeps_latent = "LATENT" in self.given_types(node_id) & taken
        return keeps_latent and not taken.isdisjoint(_SAMPLER_TYPES)

    def taken_types(self, node_id: str) -> frozenset[str]:
        """Return the types that a node's inputs take; for an unknown class, those that other nodes
        give it."""
        spec = self.spec(node_id)
        if spec is not None:
            return frozenset(part for one in spec.inputs for part in one.type.split(","))
        named = (self._likely_type(InputRef(node_id, name)) for name in self.sources[node_id])
        given = (self.given_type(*link) for link in self.sources[node_id].values())
        return frozenset((*named, *given)) - _PASSING_TYPES

    def _likely_type(self, place: InputRef) -> str:
        kind = self.type_of(*place)
        return _TYPES_BY_NAME.get(place.input, "*") if kind == "*" else kind

    def given_type(self, node_id: str, slot: int) -> str:
        """Return the type of an output, "*" if neither the server nor the graph knows it."""
        spec = self.spec(node_id)
        types = spec.output_types if spec else [kind for _, kind in self.drawn(node_id).outputs]
        return types[slot] if 0 <= slot < len(types) else "*"

    def output_names(self, node_id: str) -> tuple[str, ...]:
        """Return the names of a node's outputs, none if neither the server nor the graph knows
        them."""
        spec = self.spec(node_id)
        return spec.output_names if spec else tuple(name for name, _ in self.drawn(node_id).outputs)

    def takes_image(self, node_id: str) -> bool:
        """Return whether a loaded image, video or mask reaches this sampler's starting latent."""
        start = [
            source
            for name, (source, _) in self.sources[node_id].items()
            if self.type_of(node_id, name) == "LATENT"
        ]
        return any(_loads_image(self.spec(source)) for source in self.walk(start, _IMAGE_TYPES))

    @cached_property
    def loaded(self) -> frozenset[str]:
        """Return the nodes that take a loaded image, video or mask."""
        return self._after(one for one in self.prompt if _loads_image(self.spec(one)))

    @cached_property
    def sampled(self) -> frozenset[str]:
        """Return the nodes that take a sampler's image or latent."""
        return self._after(filter(self.is_sampler, self.prompt))

    def _after(self, start: Iterable[str]) -> frozenset[str]:
        """Return the nodes that images from these nodes reach."""
        seen: set[str] = set()
        todo = list(start)
        for node_id in todo:
            for slot in self._used[node_id]:
                for user, name in self.uses[Link(node_id, slot)]:
                    if user not in seen and self.type_of(user, name) in _IMAGE_TYPES:
                        seen.add(user)
                        todo.append(user)
        return frozenset(seen)

    def neighbors(self, node_id: str) -> Iterator[str]:
        """Yield the nodes linked to a node, on either side."""
        yield from (link.node for link in self.sources[node_id].values())
        yield from self.users(node_id)

    def meaning(self, node_id: str, input_name: str) -> InputRef:
        """Return the input that a literal is really for, following nodes that only hold a value."""
        meant = InputRef(node_id, input_name)
        if not self.holds_value(*meant) and not self._passes_on(*meant):
            return meant
        for _ in range(_MAX_HOPS):
            uses = self.uses.get(Link(meant.node, 0), ())
            if not uses:
                return meant
            meant = next((use for use in uses if use.node in self.alive), uses[0])
            if not self._passes_on(*meant):
                return meant
        return meant

    def parameter(self, node_id: str, input_name: str) -> InputRef | None:
        """Return the input that gets a number of a node with several parameters, by the name of the
        node's output; None if no alive node takes it. Inputs of samplers and latents come first."""
        spec = self.spec(node_id)
        if spec is None or not _MEDIA_TYPES.isdisjoint(spec.output_types):
            return None
        uses = [
            use
            for slot, (name, kind) in enumerate(
                zip(spec.output_names, spec.output_types, strict=False)
            )
            if name.lower() == input_name.lower() and kind in ("INT", "FLOAT")
            for use in self.uses.get(Link(node_id, slot), ())
            if use.node in self.alive
        ]
        return min(uses, key=lambda use: "LATENT" not in self.given_types(use.node), default=None)

    def literal(self, node_id: str, input_name: str) -> object:
        """Return the value of an input, also if a node that only holds a value provides it; None if
        the value is computed. A switch's own value isn't followed through other switches, which
        could go round in circles."""
        follows = input_name != _SWITCH
        for _ in range(_MAX_HOPS):
            if input_name not in self.sources[node_id]:
                return self.prompt[node_id]["inputs"].get(input_name)
            node_id, _ = self.sources[node_id][input_name]
            if follows and (branch := self._branch(node_id)):
                input_name = branch
                continue
            held = [
                name for name in self.prompt[node_id]["inputs"] if self.holds_value(node_id, name)
            ]
            if len(held) != 1:
                return None
            input_name = held[0]
        return None

    def spec_of(self, node_id: str, input_name: str) -> InputSpec | None:
        """Return the server's definition of an input, or None."""
        spec = self.spec(node_id)
        if spec is None:
            return None
        input_spec = spec.by_name.get(input_name)
        if input_spec is None:
            if node_id not in self._active:
                self._active[node_id] = spec.active_inputs(self.prompt[node_id]["inputs"])
            input_spec = self._active[node_id].get(input_name)
        return input_spec

    def holds_value(self, node_id: str, input_name: str) -> bool:
        """Return whether a node only holds this value for others."""
        spec = self.spec(node_id)
        if spec is None:
            return input_name.lower() in _VALUE_INPUTS
        return (
            len(spec.inputs) == 1
            and spec.inputs[0].name == input_name
            and bool(spec.output_types)
            and spec.output_types[0] in WIDGET_TYPES
        )

    def _passes_on(self, node_id: str, input_name: str) -> bool:
        spec = self.spec(node_id)
        types = spec.output_types if spec else ()
        return (
            len(types) == 1
            and types[0] in _PASSING_TYPES
            and self.type_of(node_id, input_name) in _PASSING_TYPES
        )

    def turned_on_by(self, node_id: str) -> InputRef | None:
        """Return the value of the switch that turns a node's own branch on, or None."""
        uses = [use for slot in self._used[node_id] for use in self.uses[Link(node_id, slot)]]
        if not uses or any(use.input != _BRANCHES[True] for use in uses):
            return None
        switch = uses[0].node
        link = self.sources[switch].get(_SWITCH)
        return InputRef(link.node, "value") if link else InputRef(switch, _SWITCH)

    def _branch(self, node_id: str) -> str:
        """Return the input that a switch passes on, "" for other nodes or if it is computed."""
        inputs = self.prompt[node_id]["inputs"]
        if _SWITCH not in inputs or not inputs.keys() & set(_BRANCHES.values()):
            return ""
        on = self.literal(node_id, _SWITCH)
        return _BRANCHES[on] if isinstance(on, bool) else ""

    def _is_chosen(self, node_id: str, input_name: str) -> bool:
        if self.literal(node_id, _BYPASS) is True:
            passed = self.type_of(node_id, input_name) in self.given_types(node_id)
            return passed or input_name == _BYPASS
        branch = self._branch(node_id)
        return not branch or input_name in (branch, _SWITCH)

    def _distances(self, ends: Iterable[str]) -> dict[str, int]:
        distances = dict.fromkeys(ends, 0)
        todo = list(distances)
        for node_id in todo:
            for source, _ in self.sources[node_id].values():
                if source not in distances:
                    distances[source] = distances[node_id] + 1
                    todo.append(source)
        return distances

    def _ends(self) -> list[str]:
        """Return the nodes where a run ends: output nodes, and nodes of unknown classes without
        users. Without any, return all nodes without users, or all nodes."""
        known = [
            node_id for node_id in self.prompt if (spec := self.spec(node_id)) and spec.output_node
        ]
        used = {link.node for link in self.uses}
        unknown = [
            node_id for node_id in self.prompt if self.spec(node_id) is None and node_id not in used
        ]
        return (
            known + unknown
            or [node_id for node_id in self.prompt if node_id not in used]
            or list(self.prompt)
        )

    def walk(
        self,
        start: Iterable[str],
        types: frozenset[str] | None,
        through: Callable[[str, str], bool] = lambda node_id, input_name: True,
    ) -> Iterator[str]:
        """Yield these nodes and all nodes that feed them, nearest first, along inputs of the given
        types for which `through` is true."""
        seen: set[str] = set()
        todo = list(start)
        for node_id in todo:
            if node_id in seen:
                continue
            seen.add(node_id)
            yield node_id
            todo.extend(
                source
                for name, (source, _) in self.sources[node_id].items()
                if (types is None or self.type_of(node_id, name) in types)
                and through(node_id, name)
            )

    def type_of(self, node_id: str, input_name: str) -> str:
        """Return the type of an input, "*" if neither the server nor the graph knows it."""
        if self.spec(node_id) is None:
            return self.drawn(node_id).inputs.get(input_name, "*")
        input_spec = self.spec_of(node_id, input_name)
        return input_spec.type if input_spec else "*"


def _loads_image(spec: NodeSpec | None) -> bool:
    """Return whether a node loads an image or a video: it has an upload, or names a file and makes
    an image."""
    if spec is None:
        return False
    makes_image = "IMAGE" in spec.output_types and "IMAGE" not in {one.type for one in spec.inputs}
    return any(
        one.upload in ("image", "video") or (makes_image and one.names_files) for one in spec.inputs
    )


def find_outputs(prompt: Prompt, catalog: Mapping[str, NodeSpec]) -> Iterator[Output]:
    """Yield the output nodes in the prompt's order. Classes that the server lacks count if they are
    named like savers."""
    for node_id, node in prompt.items():
        class_type = node["class_type"]
        spec = catalog.get(class_type)
        if spec.output_node if spec else _KNOWN_SAVER.search(class_type):
            is_preview = bool(_PREVIEW.search(class_type))
            kind = "image" if is_preview else _kind_of(class_type, spec)
            yield Output(node_id, kind, is_preview)


def _kind_of(class_type: str, spec: NodeSpec | None) -> ResultKind:
    """Guess the kind from the class's name, which is more specific than its inputs; "image" by
    default."""
    for kind, row in RESULT_TYPES.items():
        if row.classes and row.classes.search(class_type):
            return kind
    types = (one for declared in (spec.inputs if spec else ()) for one in declared.type.split(","))
    return next((_KIND_OF_TYPE[one] for one in types if one in _KIND_OF_TYPE), "image")


@dataclass(frozen=True, slots=True)
class Output:
    """A node with a result that counts. `label`: its name for users; a form always sets it."""

    node: str
    kind: ResultKind
    is_preview: bool = False
    label: str = ""

    @property
    def is_aside(self) -> bool:
        """Return whether this is a preview or a text. As long as a prompt has results to save,
        these don't justify a run."""
        return self.is_preview or self.kind == "text"


class Samplers:
    """The samplers of a traced prompt. Build one per form."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def ignore_negatives(self, node_id: str) -> bool:
        """Return whether every sampler after a node has a guidance of 1, so that it ignores
        negative texts."""
        return node_id in self._sampled and node_id not in self._guided

    @cached_property
    def _sampled(self) -> frozenset[str]:
        return frozenset(self.trace.walk(self._guidance, None))

    @cached_property
    def _guided(self) -> frozenset[str]:
        guided = (node_id for node_id, guidance in self._guidance.items() if guidance != 1)
        return frozenset(self.trace.walk(guided, None))

    @cached_property
    def _guidance(self) -> dict[str, object]:
        return {
            node_id: self.trace.literal(node_id, _GUIDANCE)
            for node_id, node in self.trace.prompt.items()
            if _GUIDANCE in node["inputs"] and node_id in self.trace.alive
        }

    @cached_property
    def passes(self) -> dict[str, int]:
        """Return the number of the sampler that a node is for, if samplers follow each other.
        Nodes for several samplers have none."""
        trace = self.trace
        samplers = [one for one in trace.prompt if one in trace.alive and trace.is_sampler(one)]
        if not 1 < len(samplers) <= _MOST_SAMPLERS:
            return {}
        before = {one: {*trace.walk([one], _IMAGE_TYPES)} for one in samplers}
        numbers = {one: sum(other in before[one] for other in samplers) for one in samplers}
        if max(numbers.values()) == 1:
            return {}
        passes: dict[str, int] = {}
        for sampler, number in numbers.items():
            for node_id in trace.walk([sampler], None, self._is_setting):
                passes[node_id] = number if passes.get(node_id, number) == number else 0
        return {node_id: number for node_id, number in passes.items() if number}

    @cached_property
    def results(self) -> dict[str, str]:
        """Return the name of the only result that a node is for, if there are several. It's the
        title or the file name of the node that saves it."""
        trace = self.trace
        ends = {end: self._result_name(end) for end in trace.ends}
        ends = {end: name for end, name in ends.items() if name is not None}
        if not 1 < len(ends) <= _MOST_SAMPLERS:
            return {}
        results: dict[str, str] = {}
        for end, name in ends.items():
            for node_id in trace.walk([end], None):
                results[node_id] = "" if node_id in results else name or ""
        return {node_id: name for node_id, name in results.items() if name}

    @cached_property
    def model(self) -> InputRef | None:
        """Return the input with the model file of the sampler that begins the nearest result, None
        without one. Samplers count before nodes that only change an image with a model."""
        trace = self.trace
        results = [node_id for node_id, distance in trace.distance.items() if distance == 0]
        made = [*filter(self._takes_model, trace.walk(results, _RESULT_TYPES))]
        samplers = [one for one in made if "LATENT" in trace.given_types(one)]
        steps = trace.walk((samplers or made)[:1], frozenset({"LATENT"}))
        begins = [*filter(self._takes_model, steps)][-1:]
        return next(
            (
                InputRef(node_id, name)
                for node_id in reversed([*trace.walk(begins, None, self._is_model)])
                for name, value in trace.prompt[node_id]["inputs"].items()
                if isinstance(value, str) and is_model_file(value)
            ),
            None,
        )

    def _takes_model(self, node_id: str) -> bool:
        return any(self._is_model(node_id, name) for name in self.trace.sources[node_id])

    def _is_model(self, node_id: str, input_name: str) -> bool:
        return bool(_MODEL_TYPE.search(self.trace.type_of(node_id, input_name)))

    def _result_name(self, end: str) -> str | None:
        """Return the name of a saved result, "" without one, None for nodes that save nothing."""
        node, spec = self.trace.prompt[end], self.trace.spec(end)
        file_name = node["inputs"].get(_FILE_NAME)
        if file_name is None:
            return None
        title = own_title(node).removeprefix(spec.display_name if spec else "").strip(" -:()")
        if title and title != node["class_type"]:
            return title
        if not isinstance(file_name, str) or "%" in file_name:
            return ""
        return _NO_NAME.sub("", _NO_NAME.sub("", file_name)).replace("_", " ")

    def _is_setting(self, node_id: str, input_name: str) -> bool:
        return self.trace.type_of(node_id, input_name) not in _IMAGE_TYPES
