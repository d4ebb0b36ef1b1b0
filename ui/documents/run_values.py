"""The texts and seeds among the values of a run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comfy.records.record import Record

_ABOUT = 80  # characters
_WRITTEN = (".text", ".prompt")  # inputs that count even with a single word
_SEEDS = ("seed", "noise_seed")


def first_text(values: Mapping[str, object], most: int = _ABOUT) -> str:
    """Return `written_text` on one line, shortened to `most` characters."""
    return " ".join(written_text(values).split())[:most]


def written_text(values: Mapping[str, object]) -> str:
    """Return the first text among the values that is a prompt or has several words."""
    texts = ((key, text, text.split()) for key, text in values.items() if isinstance(text, str))
    written = (
        text for key, text, words in texts if words[1:] or (words and key.endswith(_WRITTEN))
    )
    return next(written, "")


def seeds_of(record: Record) -> Iterable[str]:
    """Return the seeds among a run's values."""
    return seeds_among(record.job.values).values()


def seeds_among(values: Mapping[str, object]) -> dict[str, str]:
    """Return the seeds by their keys, as text, because a browser's numbers have fewer digits."""
    return {key: str(value) for key, value in values.items() if key.rpartition(".")[2] in _SEEDS}
