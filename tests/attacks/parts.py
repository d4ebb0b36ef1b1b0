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
    """Routes of a plugin. `owned`: creates data of the user with a cookie and a run, and returns
    the values of the paths' parameters; `hidden`: the beginning of the paths that only its owner
    sees; `opened`: the paths that need no sign-in; `refused`: see `REFUSED`; `first`: pages that a
    browser without a cookie gets without their contents; `settings`: turn its routes on; `answering`:
    the beginnings of its paths; `bodies`: bodies of its requests with arbitrary data; `lists`, `names`:
    its requests that list workflows, and that name one; `sent`: JSON by path that it accepts;
    `queries`: queries by path, with names of data in braces; `kept`:
    paths and JSON of requests after which it keeps something; `steps_seen`: starts a run
    at a URL, with a cookie and a number of steps, and returns the number of steps that it saw."""

    owned: Callable[[RunningApp, str, str], Mapping[str, str]] = lambda *_: {}
    hidden: str = "-"
    opened: frozenset[str] = frozenset()
    refused: Mapping[str, int] = field(default_factory=dict)
    special: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    settings: BaseModel | None = None
    answering: tuple[str, ...] = ()
    bodies: Bodies | None = None
    lists: Mapping[str, Lists] = field(default_factory=dict)
    names: Mapping[str, Names] = field(default_factory=dict)
    sent: Mapping[str, object] = field(default_factory=dict)
    queries: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[tuple[str, object], ...] = ()
    steps_seen: Callable[[str, str, int], int] | None = None


@cache
def attacked_parts() -> tuple[AttackedPart, ...]:
    """Return the parts of all plugins, called `PART` in these modules."""
    files = sorted((ROOT / "comfyforms" / "plugins").glob("*/tests/attacked.py"))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return tuple(import_module(name).PART for name in names)
