"""Values of a seed field besides a number: None draws one, `CountUp` counts up from the last.

In ComfyUI the editor does this (`control_after_generate`, docs/comfyui.md#41); the server always
gets a plain number.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from comfy.form.model import Field, Form

# Above this, browsers and the editor can no longer hold a seed exactly. Typed seeds may be larger,
# random ones are not.
_MAX_RANDOM_SEED = 2**53 - 1


@dataclass(frozen=True, slots=True)
class CountUp:
    """The seed after `last`; after the largest comes the smallest again. Where `last` was not used
    yet, it is `last` itself."""

    last: int
    is_used: bool = True


Seed = int | CountUp | None


def next_seed(field: Field, seed: Seed, rng: random.Random) -> int:
    """The number that is sent: the seed itself, the one after `CountUp.last`, or for None a random
    one."""
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
    """A seed within the field's limits, none of them negative (that means "random" to some
    nodes)."""
    low = max(0, int(field.min or 0))
    high = int(field.max if field.max is not None else _MAX_RANDOM_SEED)
    return rng.randint(low, max(low, min(high, _MAX_RANDOM_SEED)))


def counted_on(
    values: Mapping[str, object], form: Form, sent: Mapping[str, object]
) -> Mapping[str, object]:
    """The values of the run after one of the same batch, with which these were sent."""
    seeds = [one.key for one in form.fields if one.is_seed and one.group != "hidden"]
    counting = [key for key in seeds if isinstance(values.get(key), CountUp)]
    if not counting and all(values.get(key) is not None for key in seeds):
        counting = seeds
    return dict(values) | {key: CountUp(int(str(sent[key]))) for key in counting}
