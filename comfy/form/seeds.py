"""Values of a seed field besides a number: None draws a random seed, `CountUp` counts up from the
last one, or down in fields that count down.

In ComfyUI the editor does this (`control_after_generate`, docs/comfyui.md#41). The server always
gets a plain number.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from comfy.form.model import Field, Form

# Browsers and the editor can't represent larger seeds exactly. Users may type larger ones, but
# random seeds stay below.
_MAX_RANDOM_SEED = 2**53 - 1


@dataclass(frozen=True, slots=True)
class CountUp:
    """The seed after `last`, or before it with the `step` -1. After the largest seed comes the
    smallest. If `last` isn't used yet, it is the next seed itself."""

    last: int
    is_used: bool = True
    step: int = 1

    def ahead(self, count: int) -> CountUp:
        """Return the value whose next seed is this many steps further."""
        return replace(self, last=self.last + count * self.step)


Seed = int | CountUp | None


def next_seed(field: Field, seed: Seed, rng: random.Random) -> int:
    """Return the number to send: the seed itself, the one after `CountUp.last`, or a random one for
    None."""
    match seed:
        case None:
            return random_seed(field, rng)
        case CountUp(last, is_used=False):
            return last
        case CountUp(last, step=step):
            return _counted(last + step, field, step)
        case int():
            return seed


def _counted(seed: int, field: Field, step: int) -> int:
    low = max(0, int(field.min or 0))
    high = int(field.max if field.max is not None else max(seed, _MAX_RANDOM_SEED))
    if low <= seed <= high:
        return seed
    return low if step > 0 else high


def random_seed(field: Field, rng: random.Random) -> int:
    """Return a random seed within the field's limits. It is never negative, which would mean
    "random" to some nodes."""
    low = max(0, int(field.min or 0))
    high = int(field.max if field.max is not None else _MAX_RANDOM_SEED)
    return rng.randint(low, max(low, min(high, _MAX_RANDOM_SEED)))


def counted_on(
    values: Mapping[str, object], form: Form, sent: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the values for the next run of the same batch, after a run with the values in
    `sent`."""
    seeds = [one for one in form.fields if one.is_seed and one.group != "hidden"]
    counting = [
        one
        for one in seeds
        if isinstance(values.get(one.key), CountUp) or (values.get(one.key) is None and one.counts)
    ]
    if not counting and all(values.get(one.key) is not None for one in seeds):
        counting = seeds
    return dict(values) | {
        one.key: CountUp(int(str(sent[one.key])), step=one.counts or 1) for one in counting
    }
