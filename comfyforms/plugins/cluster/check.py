"""Checks of everything that the processes of an app share, with a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from comfy.base.errors import ComfyError, words_of
from comfy.base.version import app_version
from comfy.comfyui.client.address import ServerAddress
from comfyforms.plugins.cluster.processes import KnownProcess
from comfyforms.plugins.cluster.settings import ClusterSettings
from comfyforms.plugins.cluster.setup import (
    DatabaseChecks,
    check_files,
    check_same_folder,
    check_same_setup,
    check_server,
    check_wire,
)


def run_checks(settings: ClusterSettings) -> int:
    """Print a line for each check. Return 0, or 1 if one found a problem."""
    assert settings.database is not None
    assert settings.wire is not None
    data, url = settings.data.absolute(), settings.wire.get_secret_value()
    with closing(DatabaseChecks(settings.database.get_secret_value())) as database:
        passed = [_passed("database", database.reach)]
        if passed[0]:
            passed += [
                _passed("tables", database.tables),
                _passed("engine", database.engine),
                _passed("connections", database.connections),
                _passed("clocks", database.clock),
            ]
        passed.append(_passed("wire", partial(check_wire, url)))
        passed.append(_passed("data", partial(check_files, data)))
        if passed[0]:
            others = database.processes()
            passed.append(_passed("data", partial(check_same_folder, data, others)))
            passed.append(_passed("setup", partial(_check_setup, data, others, settings)))
            passed.append(_passed("processes", partial(_check_names, others, settings)))
    passed += _check_servers(settings.server_addresses)
    return 0 if all(passed) else 1


def _passed(subject: str, check: Callable[[], str]) -> bool:
    """Print the check's result, and return whether it found no problem."""
    try:
        print(f"OK       {subject}: {check()}", flush=True)
    except ComfyError as problem:
        print(f"PROBLEM  {subject}: {problem} {problem.hint}", flush=True)
        return False
    return True


def _check_setup(data: Path, others: Sequence[KnownProcess], settings: ClusterSettings) -> str:
    try:
        here = settings.setup().read()
    except OSError as error:
        raise ComfyError(f"The workflow files can't be read: {words_of(error)}.") from error
    return check_same_setup(data, others, here)


def _check_names(others: Sequence[KnownProcess], settings: ClusterSettings) -> str:
    """Check that names are unique, and list the processes. Raises ComfyError."""
    names = [one.name for one in others]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ComfyError(
            f"Several processes have the name {', '.join(sorted(twice))}.",
            "Give each its own name with --process.",
        )
    version = app_version()
    listed = (
        f"{one.name} (version {one.version or 'unknown'}"
        f"{', another one than here' if one.version != version else ''}"
        f"{'' if one.executes else ', pages only'})"
        for one in others
    )
    return f"{', '.join(listed) or 'none'}. This one is called {settings.process_name}."


def _check_servers(addresses: Sequence[ServerAddress]) -> list[bool]:
    if not addresses:
        return [_passed("servers", _no_server)]
    return [_passed(address.url, partial(check_server, address)) for address in addresses]


def _no_server() -> str:
    raise ComfyError("No ComfyUI server is named.", "Name the same ones everywhere with --server.")
