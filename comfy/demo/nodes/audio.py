"""FLAC audio of the stand-in."""

from __future__ import annotations

import io

import soundfile

from comfy.demo.nodes.values import AudioSamples


def silence(seconds: float, rate: int, channels: int) -> AudioSamples:
    """Return this many seconds of silence."""
    return AudioSamples(bytes(2 * channels * round(seconds * rate)), rate, channels)


def flac_bytes(audio: AudioSamples) -> bytes:
    """Return the audio as a FLAC file. Raises ValueError for a sample rate that FLAC can't
    store."""
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(
            file, "w", audio.rate, audio.channels, "PCM_16", format="FLAC"
        ) as sound:
            sound.buffer_write(audio.samples, "int16")
    except soundfile.LibsndfileError as problem:
        raise ValueError(f"FLAC doesn't support a sample rate of {audio.rate}") from problem
    return file.getvalue()
