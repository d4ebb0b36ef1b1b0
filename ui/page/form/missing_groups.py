"""Missing parts of all workflows, grouped by model and by node pack, for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from comfy.base.errors import (
    ManyProblems,
    ServerError,
    ServerUnreachable,
    TooManyThreads,
    WorkflowError,
)
from comfy.base.messages import Message, sentences
from comfy.form.missing_items import TO_SWITCH_ON, MissingChoice, MissingClass
from comfy.form.model import Form
from comfy.requirements.known_packs import pack_id
from comfy.requirements.read import valid_pack
from comfy.requirements.readiness import newest
from comfy.templates.offered import KnownParts
from ui.library import WorkflowLibrary

PackKind = Literal["pack", "core", "paid", "unknown"]


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
    `address`: the pack's page; `version`: the newest version of the pack, or of ComfyUI for its own
    nodes, that a workflow was saved with; `command`: what installs the pack in a shell; "" each if
    unknown. `reason`: why nodes of ComfyUI itself may be missing.
    """

    name: str
    kind: PackKind
    address: str
    version: str
    command: str
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


def missing_parts(
    library: WorkflowLibrary, known_parts: KnownParts, owner: str, *, demo: bool
) -> MissingParts:
    """Return the missing parts of the folder's workflows for an administrator. `demo`: without
    replaced models, because the stand-in's models stand for all others. The first call may take
    seconds, because it builds the forms of all workflows."""
    models: dict[str, MissingModel] = {}
    packs: dict[tuple[PackKind, str], MissingPack] = {}
    unreadable: list[UnreadableWorkflow] = []
    try:
        for entry in library.folder.entries():
            try:
                _, form = library.forms.form(entry.name, owner)
                form = replace(form, missing=known_parts.missing(form.missing))
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
            kind, name = _kind(item)
            to_do = TO_SWITCH_ON if item.may_be_off else ""
            reason = sentences(item.reason, to_do) if item.is_built_in else ""
            yield _pack(name, kind, item.version, reason, (item.class_type,), (title,))


def _joined_packs(one: MissingPack, other: MissingPack) -> MissingPack:
    return _pack(
        one.name,
        one.kind,
        newest(one.version, other.version),
        one.reason or other.reason,
        tuple(dict.fromkeys((*one.nodes, *other.nodes))),
        tuple(dict.fromkeys((*one.workflows, *other.workflows))),
    )


def _pack(
    name: str,
    kind: PackKind,
    version: str,
    reason: str,
    nodes: tuple[str, ...],
    workflows: tuple[str, ...],
) -> MissingPack:
    pack = valid_pack(name, version) if kind == "pack" else None
    address, command = (pack.url, pack.command) if pack else ("", "")
    version = pack.release if pack else version
    return MissingPack(name, kind, address, version, command, reason, nodes, workflows)


def _kind(item: MissingClass) -> tuple[PackKind, str]:
    """Return the kind and name of a node's pack."""
    if item.is_paid:
        return "paid", ""
    if item.is_built_in:
        return "core", ""
    return ("pack", pack_id(item.pack)) if item.pack else ("unknown", "")
