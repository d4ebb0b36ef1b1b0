"""Plan of a soak: runs of several users with faults, drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.nightly.faults.table import FAULTS, Moment, left_out

OWNERS = ("anna", "ben", "carla", "dora")


@dataclass(frozen=True, slots=True)
class Planned:
    r"""One planned run: its owner, kind, length, and what happens during the run.

    `kind`: “plain”, “cached” (the previous run's prompt), “fails” (a node raises), “invalid” (the
    server refuses it). `patience`: the run's own deadline, in seconds. `lasts`: duration of a fault
    that doesn't end by itself.
    """

    number: int
    owner: str
    seed: int
    kind: str
    steps: int
    cancelled: Moment | None
    patience: float | None
    fault: str | None
    moment: Moment
    lasts: float


def planned(seed: int, runs: int, faults: Sequence[str] = tuple(FAULTS)) -> tuple[Planned, ...]:
    """Return the same plans for the same arguments. About every second run has its own fault, which
    also affects its neighbors."""
    dice = random.Random(seed)
    cells = [
        (fault, moment) for fault in faults for moment in Moment if not left_out(fault, moment)
    ]
    plans: list[Planned] = []
    for number in range(runs):
        fault, moment = dice.choice(cells)
        kind = dice.choices(("plain", "cached", "fails", "invalid"), (85, 5, 6, 4))[0]
        plans.append(
            Planned(
                number,
                owner=dice.choice(OWNERS),
                seed=plans[-1].seed if kind == "cached" and plans else dice.getrandbits(40),
                kind=kind,
                steps=plans[-1].steps if kind == "cached" and plans else dice.randint(2, 14),
                cancelled=dice.choice((Moment.WAITING, Moment.FIRST, Moment.MIDDLE))
                if dice.random() < 0.06
                else None,
                patience=dice.uniform(0.05, 0.5) if dice.random() < 0.04 else None,
                fault=fault if dice.random() < 0.5 else None,
                moment=moment,
                lasts=dice.uniform(0.05, 0.8),
            )
        )
    return tuple(plans)
