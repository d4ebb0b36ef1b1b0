"""Simple music from words, for the stand-in's audio. The same text and seed give the same sound."""

from __future__ import annotations

import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import pi, sin, tau

from comfyui_standin.nodes.base import AudioSamples
from comfyui_standin.painter.words import hashed, telling_words

RATE = 22050  # samples per second
_LOUDNESS = 0.8
_COMPOSED = 8.0  # seconds, then it repeats
_PERIOD = 512  # samples of one period of a wave
_MAJOR, _MINOR = (0, 4, 7), (0, 3, 7)
# Steps from the key's note at which the chords of a bar begin, and whether they are minor chords.
_BRIGHT = ((0, _MAJOR), (7, _MAJOR), (9, _MINOR), (5, _MAJOR))
_DARK = ((0, _MINOR), (8, _MAJOR), (3, _MAJOR), (10, _MAJOR))
_MINOR_WORDS = frozenset(["sad", "dark", "night", "minor", "rain", "gloomy", "storm", "slow"])
_BEATS = frozenset(["drum", "drums", "beat", "beats", "techno", "house", "lofi", "hip-hop", "rock"])
_NOISES = frozenset(["rain", "wind", "ocean", "sea", "waves", "surf", "storm", "river", "water"])
_TEMPOS = {"slow": 60, "calm": 66, "ambient": 60, "fast": 140, "upbeat": 124, "techno": 128}


@dataclass(frozen=True, slots=True)
class Voice:
    """An instrument. `harmonics`: strengths of the multiples of a note's frequency; `attack` and
    `decay`: seconds until the note is loud, and until it has faded to a third."""

    harmonics: Mapping[int, float]
    attack: float
    decay: float


_PIANO = Voice({1: 1.0, 2: 0.4, 3: 0.2, 4: 0.1}, 0.005, 0.5)
_HUM, _LONGEST_SPEECH = Voice({1: 1.0, 2: 0.8, 3: 0.5, 5: 0.3}, 0.04, 0.3), 60.0
_VOICES: Mapping[str, Voice] = {
    "bell bells chime chimes celesta": Voice({1: 1.0, 3: 0.5, 7: 0.25}, 0.002, 0.9),
    "guitar harp pluck plucked banjo": Voice({1: 1.0, 2: 0.6, 3: 0.4, 5: 0.2}, 0.002, 0.25),
    "ambient pad strings choir organ violin calm": Voice({1: 1.0, 2: 0.3, 3: 0.3}, 0.3, 2.0),
    "synth techno electronic house 8-bit chiptune": Voice({1: 1.0, 3: 0.33, 5: 0.2}, 0.005, 0.3),
}


def music(text: str, seconds: float, seed: int) -> AudioSamples:
    """Return a piece whose tempo, key, instrument, drums and noise the words choose."""
    if seconds > _COMPOSED:
        part = array("h", music(text, _COMPOSED, seed).samples)
        quiet = array("h", (level * 2 // 5 for level in part))
        parts = [part] * int(seconds / _COMPOSED + 1)
        if len(parts) > 3:  # an intro, a bridge and an outro
            parts[0] = parts[len(parts) // 2] = parts[-1] = quiet
        size = 2 * round(seconds * RATE)
        return AudioSamples(b"".join(one.tobytes() for one in parts)[:size], RATE, 1)
    words = telling_words(text)
    rng = random.Random(hashed(seed, words))
    beat = 60 / next((_TEMPOS[word] for word in words if word in _TEMPOS), 92)
    chords = _DARK if _MINOR_WORDS.intersection(words) else _BRIGHT
    voice = _voice(words)
    key = 110 * 2 ** (rng.randrange(-3, 5) / 12)
    sound = array("f", bytes(4 * round(seconds * RATE)))
    for number in range(int(seconds / beat)):
        start, (root, steps) = number * beat, chords[number // 4 % len(chords)]
        if number % 4 == 0:
            for step in steps:
                _add(sound, voice, start, 4 * beat, _pitch(key, root + step), 0.22)
        if rng.random() < 0.85:
            high = root + rng.choice(steps) + rng.choice((12, 12, 24))
            _add(sound, voice, start, 1.5 * beat, _pitch(key, high), 0.34)
        if _BEATS.intersection(words):
            _drum(sound, rng, start, 0.5, low=True)
            _drum(sound, rng, start + beat / 2, 0.16, low=False)
    if _NOISES.intersection(words):
        _swell(sound, rng)
    return AudioSamples(_faded(sound).tobytes(), RATE, 1)


def speech(text: str, seed: int) -> AudioSamples:
    """Return a voice that hums a text's syllables, with pauses between its words and sentences."""
    rng, at, sounds = random.Random(hashed(seed, text)), 0.1, list[tuple[float, float]]()
    for word in text.split():
        for _ in range(1 + len(word) // 4):
            sounds.append((at, 120 * 2 ** rng.uniform(-0.2, 0.2)))
            at += 0.16
        at += 0.09 if word[-1].isalnum() else 0.5
        if at > _LONGEST_SPEECH:
            break
    sound = array("f", bytes(4 * round((at + 0.3) * RATE)))
    for start, pitch in sounds:
        _add(sound, _HUM, start, 0.19, pitch, rng.uniform(0.4, 1))
    return AudioSamples(_faded(sound).tobytes(), RATE, 1)


def _voice(words: Sequence[str]) -> Voice:
    named = (voice for names, voice in _VOICES.items() if set(names.split()).intersection(words))
    return next(named, _PIANO)


def _pitch(key: float, steps: int) -> float:
    return float(key * 2 ** (steps / 12))


def _add(
    sound: array[float], voice: Voice, start: float, length: float, pitch: float, loud: float
) -> None:
    first = round(start * RATE)
    count = min(round(length * RATE), len(sound) - first)
    attack, fade = max(1, round(voice.attack * RATE)), 3 ** (-1 / (voice.decay * RATE))
    release = max(1, min(count // 4, RATE // 20))
    wave, turn, phase = _period(voice), pitch * _PERIOD / RATE, 0.0
    level = loud
    for at in range(count):
        level *= fade
        phase += turn
        edge = min(1.0, at / attack, (count - at) / release)
        sound[first + at] += level * edge * wave[int(phase) % _PERIOD]


def _period(voice: Voice) -> list[float]:
    """Return one period of a voice's wave."""
    total = sum(voice.harmonics.values())
    return [
        sum(part * sin(tau * many * at / _PERIOD) for many, part in voice.harmonics.items()) / total
        for at in range(_PERIOD)
    ]


def _drum(sound: array[float], rng: random.Random, start: float, loud: float, *, low: bool) -> None:
    """Add a bass drum, or a hi-hat."""
    first = round(start * RATE)
    for at in range(min(RATE // (8 if low else 25), len(sound) - first)):
        seconds = at / RATE
        wave = (
            sin(tau * 55 * seconds + 6 * (1 - 2 ** (-40 * seconds))) if low else rng.uniform(-1, 1)
        )
        sound[first + at] += loud * wave * 2 ** (-seconds * (30 if low else 90))


def _swell(sound: array[float], rng: random.Random) -> None:
    """Add soft noise that swells, like rain or waves."""
    soft = 0.0
    for at in range(len(sound)):
        soft += 0.08 * (rng.uniform(-1, 1) - soft)
        sound[at] += soft * (0.5 + 0.4 * sin(tau * at / RATE / 5))


def _faded(sound: array[float]) -> array[int]:
    """Return 16-bit samples with an even loudness and a soft end."""
    loudest = max((abs(level) for level in sound), default=0.0) or 1.0
    end = min(len(sound), RATE)
    scale = 32767 * _LOUDNESS / loudest
    fading = len(sound) - end
    return array(
        "h",
        (
            round(level * scale * (1 if at < fading else sin(pi / 2 * (len(sound) - at) / end)))
            for at, level in enumerate(sound)
        ),
    )
