"""The stand-in's music: words choose it, and the same text and seed give the same sound."""

from __future__ import annotations

from array import array

import pytest

from comfy.demo.nodes.music import RATE, music


def samples(text: str, seed: int = 1) -> array[int]:
    sound = music(text, 4, seed)
    assert (sound.rate, sound.channels) == (RATE, 1)
    return array("h", sound.samples)


@pytest.mark.parametrize("text", ["a calm piano", "techno drums", "waves", "blorp", "!"])
def test_any_text_makes_a_sound_of_the_asked_length(text: str) -> None:
    """It is neither silent nor too loud, and ends softly."""
    made = samples(text)
    assert len(made) == 4 * RATE
    assert 10_000 < max(map(abs, made)) < 32_767
    assert abs(made[-1]) < 500


def test_text_and_seed_choose_the_sound() -> None:
    assert samples("a calm piano") == samples("a calm piano")
    assert samples("a calm piano") != samples("a calm piano", seed=2)
    assert samples("a calm piano") != samples("a calm harp")
