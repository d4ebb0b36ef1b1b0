"""`comfyforms lock WORKFLOW…`: write the exact models, node packs and ComfyUI of workflows."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from comfy.base.errors import WorkflowError, words_of
from comfy.base.files import is_model_file
from comfy.base.json_values import as_mapping, as_text
from comfy.base.wording import bytes_words
from comfy.cli.options import add_server_arguments, addresses_of
from comfy.cli.outcome import FAILED, OK, StopSignals, exit_status
from comfy.cli.space.contents import collect
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.manager import ManagerClient
from comfy.comfyui.discovery import choose_servers
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.node_lists import CORE_NODES, PAID_NODES
from comfy.downloads import why_not
from comfy.model_files.server import ServerModels
from comfy.requirements.lock import (
    Lock,
    LockedPack,
    filled,
    lock_in,
    lock_text,
    merged,
    release_in,
)
from comfy.requirements.model import ModelFile, NodePack, safe_path
from comfy.requirements.read import pack_at, packs_of, saved_texts, texts_in, valid_pack
from comfy.requirements.readiness import folder_of_loader, newest
from comfy.workflow.model import Workflow, read_workflow
from comfy.workflow.resolve import on_server
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts
from comfyforms.comfyui_node.downloads.problems import DownloadProblem
from comfyforms.comfyui_node.downloads.transfer import FileSource, facts_of

_PACKS = "custom_nodes."  # prefix of `python_module`
_TOKENS = ("COMFYFORMS_HUGGINGFACE_TOKEN", "HF_TOKEN")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflows",
        nargs="+",
        type=Path,
        metavar="WORKFLOW",
        help="workflow, chain, or folder of them",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("lock.toml"),
        metavar="FILE",
        help="file to write or to complete; its values are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--download-hosts",
        default="",
        metavar="HOST,…",
        help="hosts that models may be downloaded from, besides huggingface.co and civitai.com",
    )
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Write a lock. Return 0, 1 if an author has to complete it, 2 if it can't be written."""
    return exit_status(partial(_write, args))


def _write(args: argparse.Namespace, _signals: StopSignals) -> int:
    hosts = tuple(filter(None, args.download_hosts.replace(",", " ").split()))
    lock = replace(lock_of(args.workflows, addresses_of(args)), hosts=hosts)
    if args.out.exists():
        lock = merged(lock, read_lock(args.out))
    lock, problems = with_facts(lock)
    problems += problems_of(lock)
    try:
        args.out.write_text(lock_text(lock), encoding="utf-8")
    except OSError as error:
        raise WorkflowError(f"{args.out} can't be written: {words_of(error)}.") from error
    size = bytes_words(sum(one.size for one in lock.models))
    packs = f"{len(lock.packs)} node pack{'' if len(lock.packs) == 1 else 's'}"
    models = f"{len(lock.models)} model{'' if len(lock.models) == 1 else 's'} ({size})"
    print(f"Wrote {args.out}: {models}, {packs}, ComfyUI {lock.comfyui or '?'}.")
    for problem in dict.fromkeys(problems):
        print(f"! {problem}")
    for note in notes_of(lock):
        print(f"- {note}")
    if problems:
        print(f"Correct these values in {args.out}, and run the command again.")
    return FAILED if problems else OK


def read_lock(file: Path) -> Lock:
    """Return the lock in a file. Raises WorkflowError."""
    try:
        return lock_in(file.read_bytes())
    except OSError as error:
        raise WorkflowError(f"{file} can't be read: {words_of(error)}.") from error


def workflows_in(sources: Sequence[Path]) -> Iterator[Workflow]:
    """Yield the workflows in these files, chains and folders, without damaged ones of a folder.
    Raises WorkflowError."""
    for file in collect(sources).values():
        if file.suffix == ".json" or file in sources:
            with suppress(WorkflowError):
                yield read_workflow(file)


def lock_of(sources: Sequence[Path], addresses: Sequence[ServerAddress]) -> Lock:
    """Return the lock of the workflows in `sources`, as far as they and the first server know it.
    Without addresses, ComfyUI's usual one is asked. Raises ComfyError."""
    with choose_servers(addresses) as named, Client(named.addresses[0]) as client:
        catalog = Catalog(client.object_info())
        read = [on_server(one, catalog) for one in workflows_in(sources)]
        if named.stand_in:
            return _combined(read, catalog, ServerPacks())
        with ManagerClient(named.addresses[0]) as manager:
            packs = ServerPacks.at(manager)
        lock = _combined(read, catalog, packs)
        system = as_mapping(client.system_stats().get("system"))
        return replace(
            lock,
            comfyui=release_in(as_text(system.get("comfyui_version"))) or lock.comfyui,
            models=tuple(_with_size(one, ServerModels(client)) for one in lock.models),
        )


@dataclass(frozen=True, slots=True)
class ServerPacks:
    """Node packs that a server's Manager knows. `by_class`: as from `ManagerClient.packs`;
    `by_folder`: the installed ones."""

    by_class: Mapping[str, str] = field(default_factory=dict)
    by_folder: Mapping[str, NodePack] = field(default_factory=dict)

    @classmethod
    def at(cls, manager: ManagerClient) -> ServerPacks:
        """Ask a server. Raises ComfyError."""
        installed = manager.installed().items()
        by_folder = {folder: valid_pack(*told) for folder, told in installed}
        known = {folder: pack for folder, pack in by_folder.items() if pack}
        return cls(manager.packs(), known)

    def of(self, class_type: str, catalog: Catalog, saved: NodePack | None) -> NodePack | None:
        """Return the pack of a node class; `saved`: as the workflow names it."""
        folder = _folder_of(class_type, catalog)
        known = pack_at(self.by_class.get(class_type, ""))
        return self.by_folder.get(folder) or saved or valid_pack(known or folder)


def _combined(workflows: Iterable[Workflow], catalog: Catalog, packs: ServerPacks) -> Lock:
    """Return the lock of workflows as converted for this catalog."""
    models: dict[str, ModelFile] = {}
    nodes: dict[NodePack, dict[str, None]] = {}
    versions = []
    for workflow in workflows:
        for model in _models_of(workflow, catalog):
            models[model.key] = filled(models.get(model.key, model), model)
        saved = packs_of(workflow.prompt)
        versions += [one.version for one in saved.values() if one.is_core]
        for class_type in (node["class_type"] for node in workflow.prompt.values()):
            if not _is_core(class_type, catalog, saved.get(class_type)):
                pack = packs.of(class_type, catalog, saved.get(class_type))
                nodes.setdefault(pack or NodePack(""), {})[class_type] = None
    return Lock(
        newest(*versions),
        models=tuple(models.values()),
        packs=tuple(
            LockedPack(pack, pack.url if "/" in pack.id else "", tuple(classes))
            for pack, classes in nodes.items()
        ),
    )


def _is_core(class_type: str, catalog: Catalog, saved: NodePack | None) -> bool:
    """Return whether a node class is one of ComfyUI's own."""
    if class_type in catalog:
        return not _folder_of(class_type, catalog)
    return saved.is_core if saved else class_type in CORE_NODES | PAID_NODES


def _folder_of(class_type: str, catalog: Catalog) -> str:
    """Return the folder in `custom_nodes` that a node class comes from, or ""."""
    module = as_text(as_mapping(catalog.raw.get(class_type)).get("python_module"))
    return module.removeprefix(_PACKS) if module.startswith(_PACKS) else ""


def _models_of(workflow: Workflow, catalog: Catalog) -> Iterator[ModelFile]:
    """Yield the model files that a workflow's nodes use, completed by its own lists."""
    named = {one.key: one for one in workflow.models}
    values = [
        (text, folder_of_loader(node["class_type"], name))
        for node in workflow.prompt.values()
        for name, value in node["inputs"].items()
        for text in texts_in(value)
    ]
    # A node that the catalog lacks has no inputs after the conversion.
    unknown = {node["class_type"] for node in workflow.prompt.values()} - set(catalog)
    values += [(text, "") for text in saved_texts(workflow.graph or {}, unknown)]
    for text, folder in values:
        if is_model_file(text) and (path := safe_path(text)):
            used = ModelFile(path, folder)
            yield filled(used, named[used.key]) if used.key in named else used


def _with_size(model: ModelFile, server: ServerModels) -> ModelFile:
    """Return a file with its size at a server."""
    listed = server.files(model.folder, frozenset()).get(model.name) if model.folder else None
    return replace(model, size=model.size or listed.size) if listed else model


def problems_of(lock: Lock) -> list[str]:
    """Return a sentence for each value without which something can't be installed."""
    found = []
    if not lock.comfyui:
        found.append("comfyui is empty. Enter a release of ComfyUI, such as 0.33.0, or a commit.")
    hosts = AllowedHosts(lock.hosts)
    found += [f"{one.name}: {why}" for one in lock.models if (why := why_not(one, hosts))]
    for one in lock.packs:
        if not one.pack.id:
            names = ", ".join(one.nodes)
            found.append(f"Enter the id or the GitHub repository of the node pack with {names}.")
        elif not one.pack.version:
            found.append(f"{one.pack.id}: Enter the version of this node pack, or a commit.")
        elif not one.is_release and not one.repository:
            found.append(f"{one.pack.id}: Enter the address of this node pack's Git repository.")
    return found


def notes_of(lock: Lock) -> list[str]:
    """Return a sentence for each model whose content can't be checked."""
    unchecked = [one for one in lock.models if one.url and not one.sha256]
    return [f"{one.name} has no checksum: only its format is checked." for one in unchecked]


def with_facts(lock: Lock) -> tuple[Lock, list[str]]:
    """Return a lock with sizes and checksums from the download hosts, and a sentence for
    each wrong address."""
    hosts, problems, models = AllowedHosts(lock.hosts), list[str](), list[ModelFile]()
    token = next(filter(None, map(os.environ.get, _TOKENS)), "")
    for model in lock.models:
        models.append(model)
        if why_not(model, hosts) or (model.sha256 and model.size):
            continue
        try:
            facts = facts_of(FileSource(model.url, hosts, token=token))
        except DownloadProblem as problem:
            problems.append(f"{model.name}: {problem}")
            continue
        if facts.size and model.size and facts.size != model.size:
            here, there = bytes_words(model.size), bytes_words(facts.size)
            problems.append(f"{model.name} has {here}, but the file at {model.url} has {there}.")
        models[-1] = replace(
            model,
            sha256=model.sha256 or facts.sha256,
            size=model.size or facts.size or 0,
        )
    return replace(lock, models=tuple(models)), problems
