"""Lock of workflows: their exact models, node packs and ComfyUI, as a TOML file that authors can
complete."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import tomlkit

from comfy.base.errors import WorkflowError
from comfy.base.json_values import as_dicts, as_list, as_text
from comfy.requirements.model import ModelFile, NodePack
from comfy.requirements.read import completed, model_in, valid_pack
from comfyforms.comfyui_node.downloads.hosts import AllowedHosts

_HEADER = """\
# Models, node packs and ComfyUI of these workflows, written by `comfyforms lock`.
# Fill in empty values and run the command again: it keeps them, and completes checksums and sizes.

"""
_RELEASE = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_REPOSITORY = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/[\w.-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class LockedPack:
    """Node pack of a lock. `repository`: the address of its Git repository, "" if unknown; `nodes`:
    its classes that the workflows use."""

    pack: NodePack
    repository: str = ""
    nodes: tuple[str, ...] = ()

    @property
    def is_release(self) -> bool:
        """Return whether the registry has this version, otherwise it is a commit or unknown."""
        return self.pack.is_listed and bool(_RELEASE.fullmatch(self.pack.version))


@dataclass(frozen=True, slots=True)
class Lock:
    """Requirements of workflows. `comfyui`: a release such as 0.33.0, or a commit; `hosts`: as for
    `AllowedHosts`. Values are "" or 0 if unknown."""

    comfyui: str = ""
    hosts: tuple[str, ...] = ()
    models: tuple[ModelFile, ...] = ()
    packs: tuple[LockedPack, ...] = ()


def release_in(version: str) -> str:
    """Return the release or commit that ComfyUI reports as its version, "" for anything else."""
    version = version.removeprefix("v")
    return version if _RELEASE.fullmatch(version) or _COMMIT.fullmatch(version) else ""


def lock_text(lock: Lock) -> str:
    """Return a lock as TOML. Unknown values are empty."""
    written = {
        "comfyui": lock.comfyui,
        "hosts": list(lock.hosts),
        "model": [
            {key: getattr(one, key) for key in ("name", "folder", "url", "sha256", "size")}
            for one in lock.models
        ],
        "pack": [
            {
                "id": one.pack.id,
                "repository": one.repository,
                "version": one.pack.version,
                "nodes": list(one.nodes),
            }
            for one in lock.packs
        ],
    }
    return _HEADER + tomlkit.dumps({key: value for key, value in written.items() if value != []})


def lock_in(data: bytes) -> Lock:
    """Return the lock in a TOML file. Raises WorkflowError."""
    try:
        read = tomllib.loads(data.decode())
        hosts = tuple(one for one in as_list(read.get("hosts")) if isinstance(one, str))
        AllowedHosts(hosts)
    except ValueError as error:
        raise WorkflowError(f"The lock can't be read: {error}.") from error
    version = release_in(as_text(read.get("comfyui")))
    if read.get("comfyui") and not version:
        raise WorkflowError(f"The lock has a wrong version of ComfyUI: {read['comfyui']!r}.")
    return Lock(
        version,
        hosts,
        tuple(_model(one) for one in as_dicts(read.get("model"))),
        tuple(_pack(one) for one in as_dicts(read.get("pack"))),
    )


def _model(raw: dict[str, object]) -> ModelFile:
    sent = {"directory": raw.get("folder"), "hash": raw.get("sha256"), "hash_type": "SHA256"}
    model = model_in({**raw, **sent})
    if model is None:
        raise WorkflowError(f"The lock has a model with a wrong name: {raw.get('name')!r}.")
    for key in ("folder", "url", "sha256"):
        if raw.get(key) and not getattr(model, key):
            raise WorkflowError(f"The lock has a wrong {key} for {model.name}: {raw[key]!r}.")
    return model


def _pack(raw: dict[str, object]) -> LockedPack:
    version, repository = as_text(raw.get("version")), as_text(raw.get("repository"))
    name = as_text(raw.get("id"))
    pack = valid_pack(name, version) if name else NodePack("", version)
    if pack is None or pack.version != version.removeprefix("v"):
        raise WorkflowError(f"The lock has a wrong node pack: {raw.get('id')!r} {version!r}.")
    repository = repository or ("" if pack.is_listed else pack.url)
    if repository and not _REPOSITORY.fullmatch(repository):
        raise WorkflowError(f"The lock has a wrong repository for {pack.id}: {repository!r}.")
    nodes = (one for one in as_list(raw.get("nodes")) if isinstance(one, str))
    return LockedPack(pack, repository, tuple(nodes))


def merged(lock: Lock, earlier: Lock) -> Lock:
    """Return an earlier lock with the additions of a new one. The values of the earlier one win,
    because an author may have entered them."""
    models = {one.key: one for one in lock.models}
    kept = {one.key: completed(one, models) for one in earlier.models}
    packs = {one.pack.id: one for one in lock.packs}
    entered = {one.pack.id: _merged_pack(one, packs) for one in earlier.packs if one.pack.id}
    named = {name for one in entered.values() for name in one.nodes}
    found = {key: one for key, one in packs.items() if key or not named.issuperset(one.nodes)}
    return Lock(
        earlier.comfyui or lock.comfyui,
        tuple(dict.fromkeys((*earlier.hosts, *lock.hosts))),
        tuple((models | kept).values()),
        tuple((found | entered).values()),
    )


def _merged_pack(pack: LockedPack, packs: Mapping[str, LockedPack]) -> LockedPack:
    other = packs.get(pack.pack.id, pack)
    version = pack.pack.version or other.pack.version
    repository = pack.repository or other.repository
    return LockedPack(replace(pack.pack, version=version), repository, other.nodes)
