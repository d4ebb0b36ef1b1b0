"""`comfyforms lock WORKFLOW…`: write the exact models, node packs and ComfyUI of workflows."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
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
from comfy.requirements.lock import Lock, LockedPack, lock_in, lock_text, merged, release_in
from comfy.requirements.model import ModelFile, NodePack, safe_path
from comfy.requirements.read import (
    completed,
    pack_at,
    packs_of,
    saved_texts,
    texts_in,
    valid_pack,
)
from comfy.requirements.readiness import folder_of_loader, newest
from comfy.workflow.model import Workflow, read_workflow
from comfy.workflow.resolve import on_server
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts
from comfyforms.comfyui_node.downloads.problems import DownloadProblem
from comfyforms.comfyui_node.downloads.targets import folder_name
from comfyforms.comfyui_node.downloads.transfer import FileFacts, FileSource, facts_of

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
    models, packs = f"models: {len(lock.models)} ({size})", f"node packs: {len(lock.packs)}"
    print(f"Wrote {args.out}. ComfyUI: {lock.comfyui or 'unknown'}, {models}, {packs}.")
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


def lock_of(sources: Sequence[Path], addresses: Sequence[ServerAddress]) -> Lock:
    """Return the lock of the workflows in `sources`, as far as they and the first server know it.
    Without addresses, ComfyUI's usual one is asked. Raises ComfyError."""
    with choose_servers(addresses) as named, Client(named.addresses[0]) as client:
        catalog = Catalog(client.object_info())
        workflows = [on_server(one, catalog) for one in _workflows_in(sources)]
        if named.stand_in:
            return _combined(workflows, catalog, {}, {})
        with ManagerClient(named.addresses[0]) as manager:
            lock = _combined(workflows, catalog, installed_packs(manager), manager.packs())
        models = tuple(_with_size(one, ServerModels(client)) for one in lock.models)
        return replace(lock, comfyui=version_of(client) or lock.comfyui, models=models)


def version_of(client: Client) -> str:
    """Return a server's release or commit of ComfyUI, "" if unknown. Raises ComfyError."""
    system = as_mapping(client.system_stats().get("system"))
    return release_in(as_text(system.get("comfyui_version")))


def installed_packs(manager: ManagerClient) -> Mapping[str, NodePack]:
    """Return a server's node packs by their folders, as far as its Manager knows them. Raises
    ComfyError."""
    found = {folder: valid_pack(*told) for folder, told in manager.installed().items()}
    return {folder: pack for folder, pack in found.items() if pack}


def _workflows_in(sources: Sequence[Path]) -> Iterator[Workflow]:
    """Yield the workflows in files, chains and folders, without damaged ones of a folder."""
    for file in collect(sources).values():
        if file.suffix == ".json" or file in sources:
            with suppress(WorkflowError):
                yield read_workflow(file)


def _combined(
    workflows: Iterable[Workflow],
    catalog: Catalog,
    installed: Mapping[str, NodePack],
    known: Mapping[str, str],
) -> Lock:
    """Return the lock of workflows as converted for this catalog. `installed`: packs by folder;
    `known`: ids or addresses of packs by node class."""
    models: dict[str, ModelFile] = {}
    nodes: dict[NodePack, dict[str, None]] = {}
    versions = []
    for workflow in workflows:
        for model in _models_of(workflow, catalog):
            models[model.key] = completed(models.get(model.key, model), {model.key: model})
        saved = packs_of(workflow.prompt)
        versions += [one.version for one in saved.values() if one.is_core]
        for name in (node["class_type"] for node in workflow.prompt.values()):
            module = as_text(as_mapping(catalog.raw.get(name)).get("python_module"))
            folder = module.partition("custom_nodes.")[2]
            pack = saved.get(name)
            if name in catalog:
                is_core = not folder
            else:
                is_core = pack.is_core if pack else name in CORE_NODES | PAID_NODES
            if not is_core:
                guess = valid_pack(pack_at(known.get(name, "")) or folder)
                found = installed.get(folder) or pack or guess or NodePack("")
                nodes.setdefault(found, {})[name] = None
    packs = (
        LockedPack(pack, pack.url if "/" in pack.id else "", tuple(classes))
        for pack, classes in nodes.items()
    )
    return Lock(newest(*versions), models=tuple(models.values()), packs=tuple(packs))


def _models_of(workflow: Workflow, catalog: Catalog) -> Iterator[ModelFile]:
    """Yield the model files that a workflow's nodes use, completed by its own lists."""
    values = [
        (text, folder_of_loader(node["class_type"], name))
        for node in workflow.prompt.values()
        for name, value in node["inputs"].items()
        for text in texts_in(value)
    ]
    # A node that the catalog lacks has no inputs after the conversion.
    unknown = {node["class_type"] for node in workflow.prompt.values()} - set(catalog)
    values += [(text, "") for text in saved_texts(workflow.graph or {}, unknown)]
    named = {one.key: one for one in workflow.models}
    for text, folder in values:
        if is_model_file(text) and (path := safe_path(text)):
            yield completed(ModelFile(path, folder), named)


def _with_size(model: ModelFile, server: ServerModels) -> ModelFile:
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
    """Return a lock with sizes and checksums from the download hosts, and a sentence for each wrong
    address."""
    hosts, problems, models = AllowedHosts(lock.hosts), list[str](), list[ModelFile]()
    token = next(filter(None, map(os.environ.get, _TOKENS)), "")
    for model in lock.models:
        facts = FileFacts(None)
        if not why_not(model, hosts) and not (model.sha256 and model.size):
            try:
                facts = facts_of(FileSource(model.url, hosts, token=token))
            except DownloadProblem as problem:
                problems.append(f"{model.name}: {problem}")
        size, sha256 = model.size or facts.size or 0, model.sha256 or facts.sha256
        if facts.size not in (None, size):
            here, there = bytes_words(size), bytes_words(facts.size or 0)
            problems.append(f"{model.name} has {here}, but the file at {model.url} has {there}.")
        folder = folder_name(model.folder)  # ComfyUI's present name
        models.append(replace(model, folder=folder, size=size, sha256=sha256))
    return replace(lock, models=tuple(models)), problems
