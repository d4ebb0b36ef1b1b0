"""About how long batches take, and how large their results are, going by earlier runs."""

from __future__ import annotations

from comfy.records.wanted import Wanted
from comfy.runs.interface import RunRegistry
from comfy.services.open_batch import BatchSummary

_SAMPLE = 5  # runs


def batch_seconds_left(runs: RunRegistry, batch: BatchSummary) -> float | None:
    """About how long the rest of a batch takes; None where nobody can tell."""
    usual = runs.usual_seconds(batch.workflow)
    if usual is None or batch.state not in ("running", "paused"):
        return None
    return usual * (batch.rows - batch.done - batch.failed)


def estimate(
    runs: RunRegistry, workflow: str, rows: int, owner: str
) -> tuple[float | None, float | None]:
    """About how many seconds so many rows take, and how many bytes their results have, going by
    this owner's last runs of the workflow; None where there were none."""
    seconds, history = runs.usual_seconds(workflow), runs.history
    wanted = Wanted(workflow, fruitless=False)
    last = history.of(owner, wanted, limit=_SAMPLE) if history is not None else ()
    sizes = [sum(file.size or 0 for file in record.state.files) for record in last]
    size = sum(sizes) / len(sizes) if any(sizes) else None
    return seconds and seconds * rows, size and size * rows
