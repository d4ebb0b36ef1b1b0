"""Files: audio, images with or without a painted mask, videos, and any other kind."""

from __future__ import annotations

from typing import Any

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from ui.brand import current_brand
from ui.files.components import Audio, File, Image, Video
from ui.page.accent import accent_tones
from ui.page.form.kinds.view import Control, FieldView, accepted_files, options_of
from ui.page.mask_painter import MaskPainter
from ui.page.theme import HARDEST_BACKGROUND

_WAVES = "#7f7f8b"  # visible on light and dark backgrounds


def _audio(field: Field, value: Any, scope: str) -> Control:
    accent = accent_tones(current_brand().accent, HARDEST_BACKGROUND)[0][5]
    audio = Audio(
        value,
        sources=["upload", "microphone"],
        buttons=["download"],
        waveform_options={"waveform_color": _WAVES, "waveform_progress_color": accent},
        **options_of(field, scope),
    )
    return Control(field, (audio,))


def _file(field: Field, value: Any, scope: str) -> Control:
    endings = [one for one in accepted_files(field).split(",") if one]
    return Control(field, (File(value, file_types=endings or None, **options_of(field, scope)),))


def _image(field: Field, value: Any, scope: str) -> Control:
    image = Image(
        value,
        sources=["upload", "webcam"],
        buttons=["fullscreen"],
        **options_of(field, scope),
    )
    return Control(field, (image,))


def _mask(field: Field, value: Any, scope: str) -> Control:
    return Control(field, (MaskPainter(value, **options_of(field, scope)),))


def _video(field: Field, value: Any, scope: str) -> Control:
    video = Video(value, sources=["upload", "webcam"], **options_of(field, scope))
    return Control(field, (video,))


VIEWS = (
    FieldView(KINDS["audio"], _audio, browser="file", component="Audio"),
    FieldView(KINDS["file"], _file, browser="file", component="File"),
    FieldView(KINDS["image"], _image, browser="file", component="Image"),
    FieldView(KINDS["mask"], _mask, browser="painted", component="ImageEditor"),
    FieldView(KINDS["video"], _video, browser="file", component="Video"),
)
