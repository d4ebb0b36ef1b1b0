"""Nodes for animations, video and audio.

FLAC audio of the stand-in.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import soundfile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from comfyui_standin.nodes.base import (
    AudioLatent,
    AudioSamples,
    Images,
    Inputs,
    Latent,
    MediaFile,
    NodeFailure,
    NodeResult,
    NodeRun,
    VideoFrames,
    node,
)
from comfyui_standin.nodes.music import RATE, music
from comfyui_standin.nodes.video import mp4

_WEBP_EFFORT = {"default": 4, "fastest": 0, "slowest": 6}
_LONGEST_MUSIC = 60.0  # seconds
_EXIF_TAGS = 0x0110, 0x010F, 0x010E  # camera model, its make, description


def silence(seconds: float, rate: int, channels: int) -> AudioSamples:
    return AudioSamples(bytes(2 * channels * round(seconds * rate)), rate, channels)


def decoded_audio(file: Path | io.BytesIO) -> AudioSamples:
    """Return a file's sound, at most a minute of it. Raises ValueError if it can't be read."""
    try:
        with soundfile.SoundFile(file) as sound:
            count = min(sound.frames, round(_LONGEST_MUSIC * sound.samplerate))
            samples = bytes(sound.buffer_read(count, "int16"))
            return AudioSamples(samples, sound.samplerate, sound.channels)
    except soundfile.LibsndfileError as problem:
        raise ValueError("This file can't be read as sound") from problem


def flac_bytes(audio: AudioSamples, comment: str = "") -> bytes:
    """Return the audio as a FLAC file. Raises ValueError for a sample rate that FLAC can't
    store."""
    file = io.BytesIO()
    try:
        with soundfile.SoundFile(
            file, "w", audio.rate, audio.channels, "PCM_16", format="FLAC"
        ) as sound:
            if comment:
                sound.comment = comment
            sound.buffer_write(audio.samples, "int16")
    except soundfile.LibsndfileError as problem:
        raise ValueError(f"FLAC doesn't support a sample rate of {audio.rate}") from problem
    return file.getvalue()


def _save_animated_webp(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write the images as one animated WebP, with the prompt in its EXIF."""
    images: Images = inputs["images"]
    directory, subfolder, name, number = run.storage.next_name(
        "output", inputs["filename_prefix"], images[0].size
    )
    exif = Image.Exif()
    for tag, (key, value) in zip(_EXIF_TAGS, run.metadata.items(), strict=False):
        exif[tag] = f"{key}:{json.dumps(value)}"
    filename, file = f"{name}_{number:05}_.webp", io.BytesIO()
    images[0].save(
        file,
        "WEBP",
        save_all=True,
        duration=round(1000 / inputs["fps"]),
        append_images=images[1:],
        exif=exif,
        lossless=inputs["lossless"],
        quality=inputs["quality"],
        method=_WEBP_EFFORT[inputs["method"]],
        loop=0,
    )
    run.storage.write(directory / filename, file.getvalue(), is_result=True)
    return _animated(images, filename, subfolder, animated=len(images) > 1)


def _save_animated_png(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write the images as one animated PNG, with the prompt in its chunks."""
    images: Images = inputs["images"]
    directory, subfolder, name, number = run.storage.next_name(
        "output", inputs["filename_prefix"], images[0].size
    )
    info = PngInfo()
    for key, value in run.metadata.items():
        # Put it after the first image, as the real node does. Readers that only want one image
        # don't look there.
        info.add(
            b"comf",
            key.encode("latin-1") + b"\0" + json.dumps(value).encode("latin-1"),
            after_idat=True,
        )
    filename, file = f"{name}_{number:05}_.png", io.BytesIO()
    images[0].save(
        file,
        "PNG",
        pnginfo=info,
        compress_level=inputs["compress_level"],
        save_all=True,
        duration=int(1000 / inputs["fps"]),
        append_images=images[1:],
    )
    run.storage.write(directory / filename, file.getvalue(), is_result=True)
    return _animated(images, filename, subfolder, animated=True)


def _create_video(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Combine images and audio into a video that isn't encoded yet."""
    return NodeResult((VideoFrames(inputs["images"], inputs["fps"], inputs.get("audio")),))


def _save_video(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write an MP4 of uncompressed images without sound, the stand-in's only video format. A loaded
    file is written unchanged."""
    codec = inputs.get("format.codec", inputs.get("codec", "auto"))
    if inputs["format"] not in ("auto", "mp4") or codec not in ("auto", "h264"):
        raise NodeFailure(
            "The stand-in writes videos as mp4 with h264 only. Choose mp4 and h264, or auto."
        )
    size, data = _video(inputs["video"], run.metadata.get("demo", ""))
    saved = run.storage.put("output", inputs["filename_prefix"], "_.mp4", data, size)
    return NodeResult((inputs["video"],), {"images": [saved], "animated": [True]})


def _video(video: VideoFrames | MediaFile, comment: str) -> tuple[tuple[int, int], bytes]:
    """Return the size of the images, (0, 0) if unknown, and the file's bytes."""
    match video:
        case VideoFrames(images, fps):
            return images[0].size, mp4(images, fps, comment)
        case MediaFile(data, ".mp4"):
            return (0, 0), data
        case _:
            raise NodeFailure("The stand-in loads videos from mp4 files only.")


def _empty_audio(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Return `duration` seconds of silence."""
    if inputs["duration"] > 600:
        raise NodeFailure("The stand-in can't create audio longer than ten minutes.")
    return NodeResult((silence(inputs["duration"], inputs["sample_rate"], inputs["channels"]),))


def _empty_latent_audio(run: NodeRun, inputs: Inputs) -> NodeResult:
    return NodeResult((AudioLatent(inputs["seconds"], inputs["batch_size"]),))


def _decode_audio(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Make the first sound of a batch: music for its text, or silence before sampling."""
    run.wait(run.speed.encode)
    latent: AudioLatent | Latent = inputs["samples"]
    if isinstance(latent, Latent):
        raise NodeFailure("The stand-in can't decode an image as audio.")
    if latent.seconds > _LONGEST_MUSIC:
        raise NodeFailure("The stand-in can't make music longer than a minute.")
    if not latent.text:
        return NodeResult((silence(latent.seconds, RATE, 1),))
    return NodeResult((music(latent.text, latent.seconds, latent.seed),))


def _save_audio(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Write the audio as FLAC. A loaded FLAC file is written unchanged."""
    audio: AudioSamples | MediaFile = inputs["audio"]
    match audio:
        case MediaFile(data, ".flac"):
            pass
        case MediaFile(data):
            data = flac_bytes(decoded_audio(io.BytesIO(data)))
        case samples:
            data = flac_bytes(samples, run.metadata.get("demo", ""))
    saved = run.storage.put("output", inputs["filename_prefix"], ".flac", data)
    return NodeResult((audio,), {"audio": [saved]})


def _animated(images: Images, filename: str, subfolder: str, *, animated: bool) -> NodeResult:
    saved = {"filename": filename, "subfolder": subfolder, "type": "output"}
    return NodeResult((images,), {"images": [saved], "animated": [animated]})


NODES = [
    node("SaveAnimatedWEBP", _save_animated_webp),
    node("SaveAnimatedPNG", _save_animated_png),
    node("CreateVideo", _create_video),
    node("SaveVideo", _save_video),
    node("EmptyLatentAudio", _empty_latent_audio),
    node("VAEDecodeAudio", _decode_audio),
    node("EmptyAudio", _empty_audio),
    node("SaveAudio", _save_audio),
]
