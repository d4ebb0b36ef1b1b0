"""Order of a chain's steps: which wait for each other, and which are due. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from comfy.chains.model import Step


def _sources_of(step: Step) -> frozenset[str]:
    """Return the names of the steps whose results this step may get."""
    return frozenset(source.step for several in step.inputs.values() for source in several)


def circle(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the names of steps that wait for each other in a cycle, or an empty tuple. A step that
    waits only for itself isn't a cycle."""
    waits = {step.name: _sources_of(step) - {step.name} for step in steps}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return tuple(error.args[1][1:])
    return ()


def after_sources(steps: Collection[Step]) -> Iterator[Step]:
    """Yield each step after its sources. The steps must have no cycle."""
    by_name = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: _sources_of(step) for step in steps}).static_order()
    return (by_name[name] for name in order if name in by_name)


def due(steps: Iterable[Step], started: Collection[str], done: Collection[str]) -> tuple[Step, ...]:
    """Return the steps to start now, because their sources are done."""
    return tuple(
        step for step in steps if step.name not in started and _sources_of(step) <= set(done)
    )


def held_up(steps: Collection[Step], failed: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that can't run because of failed sources, direct or indirect."""
    stopped = set(failed)
    held = []
    for step in after_sources(steps):
        if step.name not in stopped and _sources_of(step) & stopped:
            stopped.add(step.name)
            held.append(step)
    return tuple(held)
