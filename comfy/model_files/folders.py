"""Decide which model folder of ComfyUI a list of choices shows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from comfy.base.files import is_model_file


def files_among(choices: Iterable[object]) -> frozenset[str]:
    """Return the choices that are names of model files, without others such as "None"."""
    return frozenset(one for one in choices if isinstance(one, str) and is_model_file(one))


def lists_files(choices: Collection[object]) -> bool:
    """Return whether at least half of the choices are model files."""
    return bool(choices) and 2 * len(files_among(choices)) >= len(choices)


def folder_of(files: Collection[str], folders: Mapping[str, Collection[str]]) -> str:
    """Return the folder that has all files, "" if none does. The smallest such folder is the most
    similar one."""
    fitting = [name for name, listed in folders.items() if files and set(files) <= {*listed}]
    return min(fitting, key=lambda name: len(folders[name]), default="")
