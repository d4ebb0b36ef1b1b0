"""Find the form field for a node's id, or for its name in a config.toml. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from comfy.base.messages import listed
from comfy.base.wording import quoted, short
from comfy.form.conventions.comfy_runner import TEXT_INPUTS
from comfy.form.model import Field, Form
from comfy.prompt.model import InputRef, is_link
from ui.api.problems import NotThere

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class NamedNodes:
    """The nodes of a form. `names`: nodes or single inputs ("3.steps") by their names in a
    config.toml."""

    form: Form
    names: Mapping[str, str]

    def text_field(self, node_id: object) -> Field:
        """Return the field of a node's text, for the input that comfy_runner would set. Raises
        NotThere if there isn't one."""
        fields = {ref: item for ref, item in self._fields() if not item.is_media}
        with_text = {ref.node: None for ref in fields if ref.input in TEXT_INPUTS}
        fit = self._nodes_that_fit(with_text)
        node, own = self._place(node_id, fit)
        wanted = (own,) if own else TEXT_INPUTS
        there = (InputRef(node, name) for name in wanted)
        if field := next((fields[ref] for ref in there if ref in fields), None):
            return field
        given = self.form.prompt[node]["inputs"]
        sources = [str(item[0]) for name in wanted if is_link(item := given.get(name))]
        if source := next((item for item in sources if item in with_text), None):
            raise NotThere(
                f"The text of node “{short(node)}” comes from another node.",
                f"Update node “{short(source)}”.",
            )
        raise NotThere(f"Node “{short(node)}” has no text to update.", fit)

    def file_field(self, node_id: object) -> Field:
        """Return the field of a node's image or other file. Raises NotThere if there isn't one."""
        files = {ref: one for ref, one in self._fields() if one.is_media}
        fit = self._nodes_that_fit(dict.fromkeys(ref.node for ref in files))
        node, own = self._place(node_id, fit)
        for ref, field in files.items():
            if ref.node == node and own in ("", ref.input):
                return field
        raise NotThere(f"Node “{short(node)}” has no file to update.", fit)

    def _place(self, node_id: object, fit: str) -> tuple[str, str]:
        """Return the node with this id or name, and the input if one is named. `fit`: alternatives
        for the error message."""
        name, prompt = str(node_id), self.form.prompt
        target = name if name in prompt else self.names.get(name, name)
        node, _, own = (target, "", "") if target in prompt else target.partition(".")
        if node not in prompt:
            raise NotThere(f"This workflow has no node “{short(name)}”.", fit)
        return node, own

    def _fields(self) -> Iterator[tuple[InputRef, Field]]:
        return ((ref, field) for field in self.form.fields for ref in field.targets)

    def _nodes_that_fit(self, nodes: Collection[str]) -> str:
        """Return alternatives for an unknown node: names in the config, then ids. Empty without
        any."""
        names = [name for name, place in self.names.items() if place.partition(".")[0] in nodes]
        alternatives = listed(quoted(one) for one in islice((*names, *nodes), _MOST_NAMED))
        return f"Nodes that can be updated: {alternatives}." if nodes else ""
