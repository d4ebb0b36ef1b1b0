"""Missing parts of all workflows, grouped by model and by node pack, for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from comfy.base.errors import (
    ManyProblems,
    ServerError,
    ServerUnreachable,
    TooManyThreads,
    WorkflowError,
)
from comfy.base.messages import Message, sentences
from comfy.form.missing_items import MAY_BE_OFF, MissingChoice, MissingClass
from comfy.form.model import Form
from ui.library import WorkflowLibrary
from ui.web.identity import NOBODY

PackKind = Literal["pack", "core", "paid", "unknown"]
_REGISTRY, _GITHUB = "https://registry.comfy.org/nodes/", "https://github.com/"


@dataclass(frozen=True, slots=True)
class MissingModel:
    """Model or other choice that no server offers, and the titles of the workflows that want it.
    `folder`: where it belongs on the server, `address`: where to get it; both may be "".
    `used`: what forms use instead, or "". `similar`: what the servers have like it, or ""."""

    name: str
    folder: str
    address: str
    used: str
    similar: str
    workflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingPack:
    """Nodes that no server has, of one pack, and the titles of the workflows that use them.

    `kind`: a pack, ComfyUI's own nodes, its paid API nodes, or nodes without a known pack.
    `address`: where to get the pack, or "". `reason`: why nodes of ComfyUI itself may be missing.
    """

    name: str
    kind: PackKind
    address: str
    reason: str
    nodes: tuple[str, ...]
    workflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadableWorkflow:
    """Workflow that can't be read, and why."""

    title: str
    why: str


@dataclass(frozen=True, slots=True)
class MissingParts:
    """Missing parts of all workflows. `known`: whether a server has reported its nodes."""

    models: tuple[MissingModel, ...] = ()
    packs: tuple[MissingPack, ...] = ()
    unreadable: tuple[UnreadableWorkflow, ...] = ()
    known: bool = True


def missing_parts(library: WorkflowLibrary, *, demo: bool) -> MissingParts:
    """Return the missing parts of the folder's workflows. `demo`: without replaced models, because
    the stand-in's models stand for all others. The first call may take seconds, because it builds
    the forms of all workflows."""
    models: dict[str, MissingModel] = {}
    packs: dict[tuple[PackKind, str], MissingPack] = {}
    unreadable: list[UnreadableWorkflow] = []
    try:
        for entry in library.folder.entries():
            try:
                _, form = library.forms.form(entry.name, NOBODY)
            except (WorkflowError, ManyProblems) as problem:
                why = sentences(str(problem), getattr(problem, "hint", ""))
                unreadable.append(UnreadableWorkflow(entry.title, why))
                continue
            for model in _models(form, entry.title, demo=demo):
                known = models.get(model.name.lower())
                models[model.name.lower()] = _joined_models(known, model) if known else model
            for pack in _packs(form, entry.title):
                key = pack.kind, pack.name
                packs[key] = _joined_packs(packs[key], pack) if key in packs else pack
    except (ServerUnreachable, ServerError, TooManyThreads):
        return MissingParts(known=False)
    return MissingParts(
        tuple(sorted(models.values(), key=lambda one: (-len(one.workflows), one.name.lower()))),
        tuple(sorted(packs.values(), key=lambda one: (one.kind, one.name.lower()))),
        tuple(unreadable),
    )


def _models(form: Form, title: str, *, demo: bool) -> Iterator[MissingModel]:
    for item in form.missing:
        if isinstance(item, MissingChoice):
            close = "" if item.close is None else str(item.close)
            yield MissingModel(item.file, item.folder, item.address, "", close, (title,))
    for note in () if demo else form.notes:
        values = note.said.values if isinstance(note.said, Message) else {}
        if "wanted" in values:
            yield MissingModel(str(values["wanted"]), "", "", str(values["used"]), "", (title,))


def _joined_models(one: MissingModel, other: MissingModel) -> MissingModel:
    return MissingModel(
        one.name,
        one.folder or other.folder,
        one.address or other.address,
        one.used or other.used,
        one.similar or other.similar,
        tuple(dict.fromkeys((*one.workflows, *other.workflows))),
    )


def _packs(form: Form, title: str) -> Iterator[MissingPack]:
    for item in form.missing:
        if isinstance(item, MissingClass):
            kind, name, address = _place(item)
            reason = MAY_BE_OFF if item.may_be_off else ""
            yield MissingPack(name, kind, address, reason, (item.class_type,), (title,))


def _joined_packs(one: MissingPack, other: MissingPack) -> MissingPack:
    return MissingPack(
        one.name,
        one.kind,
        one.address,
        one.reason or other.reason,
        tuple(dict.fromkeys((*one.nodes, *other.nodes))),
        tuple(dict.fromkeys((*one.workflows, *other.workflows))),
    )


def _place(item: MissingClass) -> tuple[PackKind, str, str]:
    """Return the kind, name and address of a node's pack."""
    if item.is_paid:
        return "paid", "", ""
    if item.is_built_in:
        return "core", "", ""
    if not item.pack:
        return "unknown", "", ""
    base = _GITHUB if "/" in item.pack else _REGISTRY
    return "pack", item.pack, f"{base}{quote(item.pack)}"
