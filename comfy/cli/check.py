"""`comfyforms check LOCK`: compare ComfyUI servers with a lock."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.wording import bytes_words
from comfy.cli.lock import installed_packs, read_lock, version_of
from comfy.cli.options import add_server_arguments, addresses_of
from comfy.cli.outcome import FAILED, OK, StopSignals, exit_status
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.client.client import Client
from comfy.comfyui.client.manager import ManagerClient
from comfy.comfyui.discovery import choose_servers
from comfy.model_files.server import ListedFile, ServerModels
from comfy.requirements.lock import Lock, LockedPack
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
        version = version_of(client)
        if version and lock.comfyui and version != lock.comfyui:
            yield f"ComfyUI is {version}, not {lock.comfyui}. Install that version."
        models = ServerModels(client)
        for model in lock.models:
            yield from _model_difference(model, models.files(model.folder, frozenset()))
        if lock.packs:
            nodes, installed = client.object_info(), installed_packs(manager).values()
            versions = {one.id: one.version for one in installed}
            for one in lock.packs:
                yield from _pack_difference(one, nodes, versions.get(one.pack.id, ""))


def _model_difference(model: ModelFile, files: Mapping[str, ListedFile]) -> Iterator[str]:
    place, listed = f"{model.folder}/{model.name}", files.get(model.name)
    if listed is None:
        yield f"{place} is missing. Download it from {model.url or 'its source'}"
    elif model.size and listed.size and model.size != listed.size:
        here, there = bytes_words(listed.size), bytes_words(model.size)
        yield f"{place} has {here}, not {there}. Replace it by {model.url}"


def _pack_difference(
    locked: LockedPack, nodes: Mapping[str, object], installed: str
) -> Iterator[str]:
    """`installed`: the pack's version at the server, "" if unknown."""
    pack = locked.pack
    clone = f"git clone {locked.repository}, then git checkout {pack.version} there"
    command = pack.command if locked.is_release else clone
    if missing := [one for one in locked.nodes if one not in nodes]:
        yield f"{pack.id} is missing with its nodes {', '.join(missing)}. Install it: {command}"
    elif installed and pack.version and installed != pack.version:
        yield f"{pack.id} is {installed}, not {pack.version}. Install that version: {command}"
