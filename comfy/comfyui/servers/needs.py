"""Requirements of a prompt on a server: node classes, choices (including models), and inputs that
accept its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from comfy.base.filenames import is_model_file
from comfy.base.json_values import as_number
from comfy.comfyui.input_spec import COMBO, InputSpec, RowNotation, compatible
from comfy.comfyui.object_info import Catalog
from comfy.prompt.cache_keys import cache_keys
from comfy.prompt.model import InputRef, Prompt, is_link
from comfy.prompt.rows import read_rows, unoffered_cells
from comfy.prompt.value_types import BadValue, read_value


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

    def __init__(self, prompt: Prompt, given: Iterable[InputRef] = ()) -> None:
        """`given`: the inputs that get a user's file, which the app uploads to the server."""
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
        """See `comfy.prompt.cache_keys.cache_keys`."""
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
