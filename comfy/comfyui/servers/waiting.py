"""Reasons why runs wait, and the model files that they wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import ServerPool

WaitReason = Literal["busy", "paused", "away", "unable"]
_MOST_MODELS = 50


def wait_reason(pool: ServerPool, needs: Needs) -> WaitReason:
    """Return why a run waits: its servers are busy, paused, or don't answer, or no server has what
    it needs."""
    able = [one for one in pool.servers if one.can_do(needs)]
    if not able:
        return "unable"
    up = [one for one in able if one.up]
    if not up:
        return "away"
    return "busy" if any(one.takes_runs for one in up) else "paused"


def models_waited_for(nodes: Catalog, waiting: Iterable[Needs]) -> Counter[str]:
    """Count the waiting runs of each model file, for the files that most runs wait for. Only files
    in the lists of `nodes` count, because users may write any name."""
    counts = Counter(model for needs in waiting for model in needs.chosen_models(nodes))
    return Counter(dict(counts.most_common(_MOST_MODELS)))
