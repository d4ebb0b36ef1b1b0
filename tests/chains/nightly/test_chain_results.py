"""Results of any kind that one step of a chain passes to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comfy.demo import DemoServer
from comfy.prompt.model import Node
from tests.chains.test_chain_results import PAINT, SAVERS, chain_of, made
from tests.support.samples.forms import node
from tests.support.serving import RunningApp, running_app

FILM = {
    **PAINT,
    "7": node("CreateVideo", images=["6", 0], fps=2.0),
    "8": node("SaveVideo", video=["7", 0], filename_prefix="x", format="auto"),
}


FILM_AGAIN = {
    "1": node("LoadVideo", "Film", file="a.mp4"),
    "2": node("SaveVideo", video=["1", 0], filename_prefix="again", format="auto"),
}


SOUND = {
    "1": node("EmptyAudio", duration=1.0, sample_rate=8000, channels=1),
    "2": node("SaveAudio", audio=["1", 0], filename_prefix="x"),
}


SOUND_AGAIN = {
    "1": node("LoadAudio", "Sound", audio="a.flac"),
    "2": node("SaveAudio", audio=["1", 0], filename_prefix="again"),
}


AS_MASK = {
    **PAINT,
    "7": node("LoadImageMask", "Mask", image="example.png", channel="red"),
    "8": node("VAEEncodeForInpaint", pixels=["6", 0], vae=["1", 2], mask=["7", 0], grow_mask_by=6),
    "9": node("VAEDecode", samples=["8", 0], vae=["1", 2]),
    "10": node("SaveImage", images=["9", 0], filename_prefix="x"),
}


PAINTED_OVER = {
    **AS_MASK,
    "7": node("LoadImage", "Mask", image="example.png"),
    "8": node("VAEEncodeForInpaint", pixels=["7", 0], vae=["1", 2], mask=["7", 1], grow_mask_by=6),
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    """Yield an app with no workflows yet."""
    with (
        DemoServer(step_seconds=0, painted=64) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        yield app


@pytest.mark.parametrize(
    ("given", "first", "second", "kind"),
    [
        ('"Film" = "first"', FILM, FILM_AGAIN, "video"),
        ('"Sound" = "first"', SOUND, SOUND_AGAIN, "audio"),
    ],
)
def test_a_video_or_a_sound_is_passed_on(
    app: RunningApp,
    tmp_path: Path,
    given: str,
    first: dict[str, Node],
    second: dict[str, Node],
    kind: str,
) -> None:
    """The next step gets the file byte for byte as the first step made it."""
    chain_of(tmp_path, given, first, second)
    before, after = ((*run.state.files,) for run in made(app))
    assert [one.kind for one in after] == [kind]
    assert [one.digest for one in after] == [one.digest for one in before]


@pytest.mark.parametrize("second", [AS_MASK, PAINTED_OVER], ids=["as a mask", "to be painted on"])
def test_an_image_is_a_mask(app: RunningApp, tmp_path: Path, second: dict[str, Node]) -> None:
    """The image goes into a node that loads a mask, and into one where users would paint a mask.
    The chain leaves seeds alone that users can't set, because their nodes make nothing in this
    workflow."""
    chain_of(tmp_path, '"7.image" = "first@8[2]"', SAVERS, second)
    first, after = made(app)
    small = [one for one in first.state.files if one.node == "8"]
    assert [one.digest for one in after.job.inputs.values()] == [small[1].digest]
    assert after.state.files


@pytest.mark.parametrize(
    "text",
    [
        '{"subject": "a cat", "style": "ink"}',
        'the words "http://example.org" on a wall',
        "one of {a|b|c|d}, __times__ /* this stays */",
        r"\frac{a}{b} \{ \\} \|",
    ],
)
def test_a_text_is_passed_on_unchanged(app: RunningApp, tmp_path: Path, text: str) -> None:
    """The chain treats nothing in the text as a comment or an alternative, unlike in text that a
    user types. The details show the text unchanged, too."""
    words = {
        "1": node("PrimitiveStringMultiline", "Words", value=text),
        "2": node("PreviewAny", source=["1", 0]),
    }
    paint = {**PAINT, "7": node("SaveImage", images=["6", 0], filename_prefix="x")}
    chain_of(tmp_path, '"2.text" = "first.text"', words, paint)
    before, after = made(app)
    assert [one.text for one in before.state.texts] == [text]
    assert after.job.prompt["2"]["inputs"]["text"] == after.job.values["2.text"] == text
