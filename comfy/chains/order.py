"""Which steps wait for which, and which of them are due. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

from comfy.chains.model import Step


def _sources_of(step: Step) -> frozenset[str]:
    """The names of the steps that this one may be given something by."""
    return frozenset(one.step for many in step.inputs.values() for one in many)


def circle(steps: Iterable[Step]) -> tuple[str, ...]:
    """Names of steps of which each waits for the one before it, and the first for the last; empty
    where there are none. A step that waits for itself alone is no circle."""
    waits = {step.name: _sources_of(step) - {step.name} for step in steps}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return tuple(error.args[1][1:])
    return ()


def after_sources(steps: Collection[Step]) -> Iterator[Step]:
    """Each after those that it waits for. There is no circle."""
    by_name = {step.name: step for step in steps}
    order = TopologicalSorter({step.name: _sources_of(step) for step in steps}).static_order()
    return (by_name[name] for name in order if name in by_name)


def due(steps: Iterable[Step], begun: Collection[str], done: Collection[str]) -> tuple[Step, ...]:
    """The steps to begin now, together: all that they wait for is done."""
    return tuple(
        step for step in steps if step.name not in begun and _sources_of(step) <= set(done)
    )


def held_up(steps: Collection[Step], failed: Collection[str]) -> tuple[Step, ...]:
    """The steps that cannot run because others failed which they wait for, near or far."""
    stopped = set(failed)
    held = []
    for step in after_sources(steps):
        if step.name not in stopped and _sources_of(step) & stopped:
            stopped.add(step.name)
            held.append(step)
    return tuple(held)
