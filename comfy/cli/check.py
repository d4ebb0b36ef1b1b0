"""`comfyforms check LOCK`: compare ComfyUI servers with a lock."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.json_values import as_mapping, as_text
from comfy.base.wording import bytes_words
from comfy.cli.lock import ServerPacks, read_lock
from comfy.cli.options import add_server_arguments, addresses_of
from comfy.cli.outcome import FAILED, OK, StopSignals, exit_status
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.manager import ManagerClient
from comfy.comfyui.discovery import choose_servers
from comfy.model_files.server import ServerModels
from comfy.requirements.lock import Lock, LockedPack, release_in
from comfy.requirements.model import ModelFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("lock", type=Path, metavar="LOCK", help="file that the command lock wrote")
    add_server_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Compare. Return 0, 1 if a server lacks something or has another version, 2 if it can't be
    asked."""
    return exit_status(partial(_check, args))


def _check(args: argparse.Namespace, _signals: StopSignals) -> int:
    lock = read_lock(args.lock)
    with choose_servers(addresses_of(args)) as named:
        if named.stand_in:
            raise ComfyError("No ComfyUI answers.", "Name its address with --server.")
        found = {one.url: tuple(differences(lock, one)) for one in named.addresses}
    for url, problems in found.items():
        print(f"{url} {'differs from' if problems else 'has everything in'} {args.lock}.")
        for problem in problems:
            print(f"! {problem}")
    return FAILED if any(found.values()) else OK


def differences(lock: Lock, address: ServerAddress) -> Iterator[str]:
    """Yield a sentence for each difference between a server and a lock. Raises ComfyError."""
    with Client(address) as client, ManagerClient(address) as manager:
        system = as_mapping(client.system_stats().get("system"))
        version = release_in(as_text(system.get("comfyui_version")))
        if version and lock.comfyui and version != lock.comfyui:
            yield f"ComfyUI is {version}, not {lock.comfyui}. Install that version."
        models = ServerModels(client)
        for model in lock.models:
            yield from _model_difference(model, models)
        if lock.packs:
            nodes, packs = client.object_info(), ServerPacks.at(manager)
            for one in lock.packs:
                yield from _pack_difference(one, nodes, packs)


def _model_difference(model: ModelFile, server: ServerModels) -> Iterator[str]:
    place = f"{model.folder}/{model.name}"
    listed = server.files(model.folder, frozenset()).get(model.name) if model.folder else None
    if listed is None:
        yield f"{place} is missing. Download it from {model.url or 'its page'}."
    elif model.size and listed.size and model.size != listed.size:
        here, there = bytes_words(listed.size), bytes_words(model.size)
        yield f"{place} has {here}, not {there}. Replace it by {model.url or 'the right file'}."


def _pack_difference(
    locked: LockedPack, nodes: dict[str, object], server: ServerPacks
) -> Iterator[str]:
    pack = locked.pack
    command = f"git clone {locked.repository}" if locked.repository else pack.command
    if missing := [one for one in locked.nodes if one not in nodes]:
        yield f"{pack.id} is missing with its nodes {', '.join(missing)}. Install it: {command}"
    elif pack.version:
        same = (one for one in server.by_folder.values() if one.id == pack.id)
        found = next(same, pack).version
        if found and found != pack.version:
            yield f"{pack.id} is {found}, not {pack.version}. Install that version: {command}"
