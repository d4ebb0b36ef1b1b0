"""Parts of a workflow that a server lacks, reported before a run: node classes, models, other
choices.

A graph provides more details: a class's node pack and a model's source. URLs are only shown, never
fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from comfy.base.files import is_model_file
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.node_lists import CORE_NODES, PAID_NODES
from comfy.form.labels import closest, says_something
from comfy.form.missing_items import (
    Missing,
    MissingChoice,
    MissingClass,
    MissingPrompt,
)
from comfy.form.model import Field, cell_label
from comfy.prompt.model import MissingNode, Prompt, own_title
from comfy.prompt.texts import Pole, Texts, looks_negative
from comfy.prompt.trace import ONLY_SHOWS, Trace
from comfy.requirements.known_packs import known_pack
from comfy.requirements.model import ModelFile, NodePack, file_key
from comfy.requirements.read import packs_of
from comfy.requirements.readiness import has_paid_nodes
from comfy.workflow.model import Workflow

# Types of results and of texts, which prompts are for. Packs have their own, such as
# WANVIDEOTEXTEMBEDS.
_WRITTEN_FOR = re.compile(r"IMAGE|VIDEO|AUDIO|LATENT|COND|STRING|EMBED|TEXT|PROMPT|PIPE")
_LEAST_WORDS = 3  # of a saved text that may be a prompt


def find_missing(
    workflow: Workflow, fields: Sequence[Field], trace: Trace, titles: Mapping[str, str]
) -> tuple[tuple[Missing, ...], MissingPrompt | None]:
    """Return the parts of a workflow that the server lacks, and the node that has the prompt of a
    form without one. Choices of fields that reach no result aren't missing."""
    classes = missing_classes(trace.prompt, trace.catalog, workflow.missing, titles)
    reached = (field for field in fields if field.node in trace.alive)
    choices = missing_choices(reached, workflow.models)
    return (*classes, *choices), missing_prompt(fields, trace, classes)


def missing_classes(
    prompt: Prompt,
    catalog: Catalog,
    listed: Iterable[MissingNode] = (),
    titles: Mapping[str, str] | None = None,
) -> tuple[MissingClass, ...]:
    """Return a prompt's node classes that a server lacks, in the prompt's order, each once. Of a
    legacy group node, these are the `listed` classes inside.

    Nodes that reach no output count, too: the server refuses a prompt for any missing class.
    `titles`: the nodes' names for users, if they differ from their own titles.
    """
    own = {node_id: own_title(node) for node_id, node in prompt.items()} | dict(titles or {})
    packs, inside = dict[str, str](), dict[str, list[str]]()
    for one in listed:
        packs[one.class_type] = one.pack
        if one.group:
            inside.setdefault(one.group, []).append(one.class_type)
    nodes_by_class: dict[str, list[str]] = {}
    for node_id, node in prompt.items():
        if (kind := node["class_type"]) not in catalog:
            for class_type in inside.get(kind, [kind]):
                nodes_by_class.setdefault(class_type, []).append(node_id)
    offers_paid = bool(nodes_by_class) and has_paid_nodes(catalog)
    named = packs_of({one: prompt[one] for nodes in nodes_by_class.values() for one in nodes})
    return tuple(
        MissingClass(
            class_type,
            tuple(nodes),
            tuple(_titles(class_type, [own[node_id] for node_id in nodes])),
            catalog.similar(class_type),
            packs.get(class_type) or _pack_of(class_type, named),
            offers_paid,
            named[class_type].version if class_type in named else "",
        )
        for class_type, nodes in nodes_by_class.items()
    )


def _pack_of(class_type: str, named: Mapping[str, NodePack]) -> str:
    """Return the pack that a prompt or the shipped table names, "" if unknown or if the class is
    ComfyUI's own."""
    if class_type in named:
        return named[class_type].id
    return "" if class_type in CORE_NODES | PAID_NODES else known_pack(class_type)


def missing_prompt(
    fields: Iterable[Field], trace: Trace, missing: Iterable[MissingClass]
) -> MissingPrompt | None:
    """Return the node of an unknown class that has the prompt, if the form has no prompt.

    The best one is on the way of a positive text to a sampler and was saved with a text, then the
    first one on the way, then any with a text, such as a service that makes images. Nodes that only
    show a text were saved with it, too.
    """
    by_node = {
        node: missing_class
        for missing_class in missing
        for node in missing_class.nodes
        if node in trace.alive and not ONLY_SHOWS.search(missing_class.class_type)
    }
    if not by_node or any(one.role == "prompt" and one.group == "main" for one in fields):
        return None
    poles = Texts(trace).poles
    on_way = [node for node in by_node if poles.get(node) is Pole.POSITIVE]
    first = [
        node
        for node in on_way
        if not any(link.node in poles for link in trace.sources[node].values())
    ]
    written = [
        node
        for node in by_node
        if any(map(_WRITTEN_FOR.search, trace.given_types(node)))
        and any(map(_may_be_prompt, trace.drawn(node).texts))
    ]
    best = [*(node for node in on_way if node in written), *first, *on_way, *written]
    return MissingPrompt(by_node[best[0]]) if best else None


def _may_be_prompt(text: str) -> bool:
    is_prose = len(text.split()) >= _LEAST_WORDS and not is_model_file(text)
    return is_prose and not looks_negative(text)


def missing_choices(
    fields: Iterable[Field], listed: Iterable[ModelFile]
) -> Iterator[MissingChoice]:
    """Return default choices that the server doesn't offer, without files to upload."""
    origins = {one.key: one for one in listed}
    for key, label, value, choices in _not_offered(fields):
        origin = origins.get(file_key(str(value)))
        yield MissingChoice(
            key,
            label,
            value,
            closest(value, _alike(value, choices)),
            origin.folder if origin else "",
            origin.url if origin else "",
        )


def _alike(value: object, choices: Iterable[tuple[str, Any]]) -> Iterator[object]:
    """Yield the choices that could replace a value: for a model's file, only other files."""
    is_file = is_model_file(str(value))
    return (choice for _, choice in choices if not is_file or is_model_file(str(choice)))


def _not_offered(
    fields: Iterable[Field],
) -> Iterator[tuple[str, str, Any, tuple[tuple[str, Any], ...]]]:
    """Yield key, label, value and choices of each default that the server doesn't offer."""
    for field in fields:
        if not field.default_offered and field.choices is not None and not field.is_media:
            yield field.key, field.label, field.default, field.choices
        for number, key in field.row_lacks:
            column = next(one for one in field.columns if one.key == key)
            label = cell_label(field, number, column)
            yield field.key, label, field.default[number - 1][key], column.choices or ()


def _titles(class_type: str, titles: Iterable[str]) -> Iterator[str]:
    """Yield the titles that say more than the class name does."""
    return (title for title in dict.fromkeys(titles) if says_something(title, class_type, ""))
