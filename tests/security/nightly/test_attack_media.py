r"""Findings of a second attack: files that the app and the ffmpeg in ComfyUI interpret differently.

ffmpeg looks for playlists behind ID3 tags and XML comments, regardless of the file name. With
ffmpeg 6.1 and 7.1 (PyAV 12 to 14.2, which ComfyUI 0.33.0 still accepts), all of these files
produced the sound or video that they name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.launch.uploads import Refused, Upload, judged
from comfy.media.checks import FileLimits
from tests.support.samples.media import problem_in, synchsafe

LIMITS = FileLimits()
HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9.0,\n../../../output/anna.mp4\n#EXT-X-ENDLIST\n"
DASH = (
    b'<MPD type="static"'
    b' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet><Representation>'
    b"<BaseURL>../../../output/anna.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
FRAMES = b"\xff\xfb\x90\0" * 40


def tag(length: int = 0, version: int = 4, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(length) + bytes(length)


PLAYLISTS = {
    "behind a tag": tag(20) + HLS,
    "behind an empty tag": tag() + DASH,
    "behind two tags": tag(9) + tag(70) + HLS,
    "behind zeros": tag(9) + bytes(9) + HLS,
    "in the place of a footer that is none": tag(9, 3, 0x10) + HLS[:10] + FRAMES,
    "in the place of a footer": tag(9, 4, 0x10) + HLS[:10] + FRAMES,
    "behind a tag of no version": tag(9, 9) + FRAMES,
    "behind a tag whose length is none": b"ID3\4\0\0\xff\xff\xff\xff" + HLS,
    "behind many tags": tag() * 1000 + HLS,
    "behind a tag that never ends": tag(9)[:10],
    "behind a comment": b"<!--free-->" + DASH,
    "behind a longer comment": b"<!--ftypisom-->" + DASH,
    "behind white space": b"\n\n\n\nmdat-->" + DASH,
    "as it is": HLS,
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("media", ["audio", "video", "image"])
def test_attack_no_playlist_passes_for_a_medium(tmp_path: Path, name: str, media: str) -> None:
    """ComfyUI would read the files that a playlist names. The app therefore refuses playlists with
    an error on every path."""
    assert "Choose a" in problem_in(PLAYLISTS[name], LIMITS, media)
    file = tmp_path / "song.mp3"
    file.write_bytes(PLAYLISTS[name])
    assert isinstance(judged(file, LIMITS, media), Refused)
    assert Upload("song.mp3", PLAYLISTS[name]).problem(LIMITS, media)


@pytest.mark.parametrize(
    "tags", [b"", tag(), tag(300), tag(5, 3) + tag(9, 2), tag(20) + bytes(999)]
)
@pytest.mark.parametrize("sound", [FRAMES, b"fLaC" + bytes(40), b"RIFF\0\0\0\0WAVE" + bytes(40)])
def test_attack_sounds_behind_tags_are_accepted(tags: bytes, sound: bytes) -> None:
    """The app accepts a sound file behind tags of any length and number."""
    assert problem_in(tags + sound, LIMITS, "audio") == ""
