"""Values of a seed field besides a number: None draws a random seed, `CountUp` counts up from the
last one.

In ComfyUI the editor does this (`control_after_generate`, docs/comfyui.md#41). The server always
gets a plain number.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from comfy.form.model import Field, Form

# Browsers and the editor can't represent larger seeds exactly. Users may type larger ones, but
# random seeds stay below.
_MAX_RANDOM_SEED = 2**53 - 1


@dataclass(frozen=True, slots=True)
class CountUp:
    """The seed after `last`. After the largest seed comes the smallest. If `last` isn't used yet,
    it is the next seed itself."""

    last: int
    is_used: bool = True


Seed = int | CountUp | None


def next_seed(field: Field, seed: Seed, rng: random.Random) -> int:
    """Return the number to send: the seed itself, the one after `CountUp.last`, or a random one for
    None."""
    match seed:
        case None:
            return random_seed(field, rng)
        case CountUp(last, is_used=False):
            return last
        case CountUp(last):
            low = max(0, int(field.min or 0))
            return last + 1 if field.max is None or low <= last + 1 <= field.max else low
        case int():
            return seed


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
    seeds = [one.key for one in form.fields if one.is_seed and one.group != "hidden"]
    counting = [key for key in seeds if isinstance(values.get(key), CountUp)]
    if not counting and all(values.get(key) is not None for key in seeds):
        counting = seeds
    return dict(values) | {key: CountUp(int(str(sent[key]))) for key in counting}
