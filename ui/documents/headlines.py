"""One-line state of a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy.base.messages import labeled, message, plural, sentences
from comfy.comfyui.protocol.run_state import Phase, RunState

_SAVING = message("Saving")

# A node's work in beginners' terms. The first part found in its class_type counts.
_PLAIN_WORDS = (
    ("Sampler", message("Sampling")),
    ("CheckpointLoader", message("Loading the model (first run takes longer)")),
    ("UNETLoader", message("Loading the model (first run takes longer)")),
    ("Loader", message("Loading a model")),
    ("LoadImage", message("Loading your file")),
    ("LoadVideo", message("Loading your file")),
    ("LoadAudio", message("Loading your file")),
    ("TextEncode", message("Reading the prompt")),
    ("VAEEncode", message("Preparing the image")),
    ("VAEDecode", message("Finishing the result")),
    ("Upscale", message("Enlarging")),
    ("Scale", message("Resizing")),
    ("Video", message("Creating the video")),
    ("Save", _SAVING),
    ("Preview", _SAVING),
    ("Latent", message("Starting")),
)

HEADLINES = {
    Phase.WAITING: message("Waiting for ComfyUI"),
    Phase.RUNNING: message("Starting"),
    Phase.DONE: message("Done"),
    Phase.STOPPED: message("Stopped"),
    Phase.FAILED: message("Something went wrong."),
    Phase.REFUSED: message("ComfyUI rejected this run."),
    Phase.LOST: message("ComfyUI lost this run."),
}

SOME_MISSING = message("Done, but some results are missing.")
NO_RESULT = message("This result no longer exists.")
AWAY = message("Can't reach ComfyUI. Retrying…")
HELD = message("Waiting for ComfyUI")
SENDING = message("Sending your files")
_FETCHING = message("Fetching the results")


def node_words(
    prompt: Mapping[str, Any], node: str, titles: Mapping[str, str], steps: int = 0
) -> str:
    """Return the work of node `node` in `prompt` in plain words, or its title if the table has no
    entry. An output node that takes `steps` does more than save, so its title counts."""
    # The server names nodes from an expanded node `outer.0.0.inner`.
    known = node if node in prompt else node.partition(".")[0]
    class_type = str(prompt.get(known, {}).get("class_type", ""))
    for part, words in _PLAIN_WORDS:
        if part in class_type and not (words is _SAVING and steps > 1):
            return words
    return titles.get(known) or message("Working")


def place_words(place: int, due_in: float | None, *, is_sent: bool) -> str:
    """Return the number of runs ahead. `is_sent`: the run waits at its server. Without an estimate
    there, other programs' prompts may be ahead."""
    if is_sent and place and due_in is None:
        return plural(
            "{count} prompt ahead on the ComfyUI server",
            "{count} prompts ahead on the ComfyUI server",
            count=place,
        )
    if place <= 1:
        return message("Next in the queue")
    return plural("{count} ahead", "{count} ahead", count=place)


def waiting_words(place: int | None, due_in: float | None, *, is_sent: bool = False) -> str:
    """Return the line for a waiting run. `place`: None until the server reports it. `is_sent`: see
    `place_words`."""
    if place is None:
        return HEADLINES[Phase.WAITING]
    words = place_words(place, due_in, is_sent=is_sent)
    if place == 0 or due_in is None:
        return words
    return message(
        "{place} · starts in about {duration}", place=words, duration=seconds_words(due_in)
    )


def _done_words(elapsed: float, *, shows: bool) -> str:
    """Return the line for a finished run. `shows`: it has a result. Without a result, the line
    names where to look, because some nodes save files on the server without reporting them."""
    if not shows:
        return message(
            "Done, but there's no result to show here. It may be saved on the ComfyUI server."
        )
    tenths = round(elapsed, 1)
    if not tenths:
        return HEADLINES[Phase.DONE]
    duration = _short_words(tenths) if tenths < 1 else elapsed_words(elapsed)
    return message("Done in {duration}", duration=duration)


def seconds_words(seconds: float) -> str:
    """Format an estimate: "40 s", "3 min", "4 h"."""
    if seconds < 90:
        return _short_words(max(1, round(seconds)))
    minutes = round(seconds / 60)
    return _long_words(minutes, round(minutes / 60))


def elapsed_words(seconds: float) -> str:
    """Format an elapsed time, rounded down: "40 s", "1 min 34 s", "12 min", "4 h"."""
    minutes, rest = divmod(max(0, int(seconds)), 60)  # clocks can go backward
    if minutes < 1:
        return _short_words(max(1, rest))
    long = _long_words(minutes, minutes // 60)
    return sentences(long, _short_words(rest)) if minutes < 10 else long


def _short_words(seconds: float) -> str:
    return message("{seconds}\xa0s", seconds=seconds)


def _long_words(minutes: int, hours: int) -> str:
    if minutes < 180:
        return message("{minutes}\xa0min", minutes=minutes)
    return message("{hours}\xa0h", hours=hours)


def headline(
    state: RunState,
    prompt: Mapping[str, Any],
    elapsed: float,
    due_in: float | None,
    *,
    is_sent: bool = False,
) -> str:
    """Return the line for a run: what it waits for, what it is doing, or how it ended. `elapsed`,
    and `due_in` until it begins, are in seconds. `is_sent`: see `place_words`."""
    match state.phase:
        case _ if state.away and not state.phase.finished:
            return AWAY
        case Phase.WAITING if state.uploading:
            return SENDING
        case Phase.WAITING if state.held:
            return HELD
        case Phase.WAITING:
            return waiting_words(state.queue_place, due_in, is_sent=is_sent)
        case Phase.RUNNING if state.over:
            return _FETCHING
        case Phase.RUNNING if state.node is not None:
            words = node_words(prompt, state.node, state.planned.titles, state.steps)
            if state.steps <= 1:
                return words
            return message(
                "{work}, step {step} of {steps}", work=words, step=state.step, steps=state.steps
            )
        case Phase.DONE if state.lacks_results:
            return SOME_MISSING
        case Phase.DONE:
            texts = any(one.text.strip() for one in state.texts)
            return _done_words(elapsed, shows=bool(state.files) or texts)
        case _ if state.error is not None:
            node, problem = state.error.node_title, state.error.message
            return labeled(node, problem) if node else problem
        case phase:
            return HEADLINES[phase]
