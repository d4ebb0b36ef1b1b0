"""Routes and data of plugins that the attacks try, in the modules `tests/attacked.py` of their
folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel

from tests.attacks.faces import Lists, Names
from tests.imports import ROOT
from tests.support.serving import RunningApp

# Builds bodies from ids of runs, and from values by a form's keys.
Bodies = Callable[[SearchStrategy[Any], SearchStrategy[Any]], SearchStrategy[Any]]


@dataclass(frozen=True, slots=True)
class AttackedPart:
    """Routes of a plugin."""

    # creates data of the user with a cookie and a run, and returns values of paths' parameters
    owned: Callable[[RunningApp, str, str], Mapping[str, str]] = lambda *_: {}
    hidden: str = "-"  # the beginning of the paths that only its owner sees
    opened: frozenset[str] = frozenset()  # the paths that need no sign-in
    refused: Mapping[str, int] = field(default_factory=dict)  # see `REFUSED`
    special: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()  # pages that a browser without a cookie gets empty
    settings: BaseModel | None = None  # turn its routes on
    answering: tuple[str, ...] = ()  # the beginnings of its paths
    bodies: Bodies | None = None
    lists: Mapping[str, Lists] = field(default_factory=dict)
    names: Mapping[str, Names] = field(default_factory=dict)
    sent: Mapping[str, object] = field(default_factory=dict)  # JSON that it accepts, by path
    # JSON with a run's id, by path, which may end this run
    naming: Mapping[str, Callable[[str], object]] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)  # by path, with parameters in braces
    kept: tuple[tuple[str, object], ...] = ()  # paths and JSON after which it keeps something
    # calls its function of Gradio with a cookie, and returns the event's id
    call: Callable[[RunningApp, str], str] | None = None
    sockets: tuple[str, ...] = ()  # addresses of sockets that follow the run in their braces
    # the beginning of the paths that this host doesn't have; the part's own tests walk them
    elsewhere: str = "-"
    # starts a run at a URL with a cookie and a number of steps, and returns how many it saw
    steps_seen: Callable[[str, str, int], int] | None = None
    # makes the data that `owned` returned as large as it may be
    enlarge: Callable[[RunningApp, Mapping[str, str]], None] = lambda *_: None


@cache
def attacked_parts() -> tuple[AttackedPart, ...]:
    """Return the parts of all plugins, called `PART` in these modules."""
    files = sorted((ROOT / "comfyforms" / "plugins").glob("*/tests/attacked.py"))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return tuple(import_module(name).PART for name in names)
