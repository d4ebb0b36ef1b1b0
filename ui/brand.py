"""The app's brand: name, logo, accent color and plain texts from `[brand]` in the file of
`--config`."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from comfy.media.svg import is_plain_drawing
from ui.settings.named_servers import OWN, at_home, unreadable

PRODUCT = "ComfyForms"
ACCENT = "#5a48dd"
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LONGEST_NAME, _LONGEST_TEXT = 40, 500  # characters
_LARGEST_LOGO = 500_000  # bytes
_WIDEST_LOGO = 5.0  # times its height
_VIEW_BOX = re.compile(rb"""<svg[^<>]*\sviewBox=["']([\d.\s,-]*)["']""")


@dataclass(frozen=True, slots=True)
class Logo:
    """Image for the header. `kind`: the end of its media type; `ratio`: its width, with its height
    as the unit."""

    content: bytes = field(repr=False)
    kind: str
    ratio: float

    @property
    def address(self) -> str:
        """Return its URL below the app's, which changes with its content."""
        return f"icons/logo-{hashlib.sha256(self.content).hexdigest()[:16]}"


def _logo(path: object) -> object:
    """Return the image in the file with this name."""
    if not isinstance(path, str):
        return path
    try:
        with at_home(Path(path)).open("rb") as file:
            content = file.read(_LARGEST_LOGO + 1)
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    if len(content) > _LARGEST_LOGO:
        raise PydanticCustomError(OWN, "use an image of at most 500 kB.")
    kind, width, height = _drawing(content) or _picture(content)
    return Logo(content, kind, min(width / height, _WIDEST_LOGO))


def _drawing(content: bytes) -> tuple[str, float, float] | None:
    if not is_plain_drawing(content) or not (box := _VIEW_BOX.search(content)):
        return None
    try:
        _, _, width, height = map(float, box[1].replace(b",", b" ").split())
    except ValueError:
        return None
    return ("svg+xml", width, height) if min(width, height) > 0 else None


def _picture(content: bytes) -> tuple[str, float, float]:
    from comfy.media.decoding import Undecodable, opened  # imports Pillow, which takes time

    try:
        with opened(io.BytesIO(content), ("PNG", "WEBP")) as image:
            return str(image.format).lower(), image.width, image.height
    except Undecodable as error:
        raise PydanticCustomError(
            OWN, "use a PNG or WebP image, or an SVG with a viewBox, without scripts and links."
        ) from error


def _name(value: str) -> str:
    """Return a name on one line. Braces would be places for values in messages."""
    name = _text(value)
    if not name or len(name) > _LONGEST_NAME or {*name} & {*"{}"}:
        raise PydanticCustomError(OWN, "write a name of at most 40 characters, without braces.")
    return name


def _text(value: str) -> str:
    text = " ".join(value.split())
    if not text.isprintable() or len(text) > _LONGEST_TEXT:
        raise PydanticCustomError(OWN, "write a text of at most 500 characters.")
    return text


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise PydanticCustomError(OWN, "write a color like #5a48dd.")
    return value.lower()


def _link(value: str) -> str:
    safe = value.isascii() and value.isprintable() and " " not in value
    if not safe or urlsplit(value).scheme not in ("", "http", "https", "mailto"):
        raise PydanticCustomError(
            OWN, "write an address that starts with https://, http://, mailto: or a slash."
        )
    return value


_Text = Annotated[str, AfterValidator(_text)]


class Brand(BaseModel):
    """`name`: the app's name for people. `accent`: color of buttons and links, see `accent_tones`.
    `notice`: text below the header. `footer`: text at the end of each page, with a link to
    `footer_link`. `sign_in`: text on the sign-in page."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(_name)] = PRODUCT
    logo: Annotated[Logo | None, BeforeValidator(_logo)] = None
    accent: Annotated[str, AfterValidator(_color)] = ACCENT
    notice: _Text = ""
    footer: _Text = ""
    footer_link: Annotated[str, AfterValidator(_link)] = ""
    sign_in: _Text = ""


_OWN_BRAND = Brand()
_current: ContextVar[Brand] = ContextVar("brand", default=_OWN_BRAND)


def current_brand() -> Brand:
    """Return the brand of the app that answers the current request or is being built."""
    return _current.get()


@contextmanager
def branded(brand: Brand) -> Iterator[None]:
    """Use this brand during the block."""
    before = _current.set(brand)
    try:
        yield
    finally:
        _current.reset(before)
