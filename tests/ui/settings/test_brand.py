"""The app's name, logo, color and texts in the settings file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from ui.brand import Brand
from ui.settings.arguments import read_settings

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 30"><path d="M0 0h9"/></svg>'


def brand_of(folder: Path, lines: str) -> Brand:
    file = folder / "comfyforms.toml"
    file.write_text(f"[brand]\n{lines}\n", encoding="utf-8")
    return read_settings(["--config", str(file)]).brand


def image(kind: str, width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


def test_texts_are_on_one_line(tmp_path: Path) -> None:
    """Markup and braces stay as they are: pages escape them."""
    brand = brand_of(tmp_path, 'name = " Studio  Nord "\nnotice = """\n<b>Be\nkind</b> ${1}"""')
    assert (brand.name, brand.notice) == ("Studio Nord", "<b>Be kind</b> ${1}")
    assert (brand.accent, brand.logo) == (Brand().accent, None)


@pytest.mark.parametrize(
    ("content", "kind", "ratio"),
    [
        (DRAWING.encode(), "svg+xml", 3),
        (image("PNG", 40, 20), "png", 2),
        (image("WEBP", 20, 40), "webp", 0.5),
        (image("PNG", 900, 10), "png", 5),
    ],
)
def test_a_logo_is_a_drawing_or_an_image(
    tmp_path: Path, content: bytes, kind: str, ratio: float
) -> None:
    """Its content decides, not its name, and a very wide one gets the room of 5:1."""
    path = tmp_path / "logo"
    path.write_bytes(content)
    logo = brand_of(tmp_path, f"logo = '{path}'").logo
    assert logo is not None
    assert (logo.kind, logo.ratio, logo.content) == (kind, ratio, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        image("GIF", 9, 9),
        image("PNG", 40, 20)[:20],
        DRAWING.replace("<path", "<script>alert(1)</script><path").encode(),
        DRAWING.replace("<path", '<path onclick="alert(1)"').encode(),
        DRAWING.replace(' viewBox="0 0 90 30"', "").encode(),
        DRAWING.replace("90", "0").encode(),
        DRAWING.encode() + b" " * 500_000,
    ],
)
def test_refuses_any_other_logo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "logo"
    path.write_bytes(content)
    with pytest.raises(SystemExit):
        brand_of(tmp_path, f"logo = '{path}'")
    assert "brand: logo: use a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('accent = "green"', "accent: write a color like"),
        ('name = ""', "name: write a name of"),
        ('name = "{x}"', "name: write a name of"),
        ('notice = "a\\u0007b"', "notice: write a text of"),
        ('footer_link = "javascript:alert(1)"', "footer_link: write an address"),
        ('footer_link = "java\\nscript:alert(1)"', "footer_link: write an address"),
        ('logo = "missing.png"', "logo: the file cannot be read"),
        ('color = "#0b7a5b"', "unknown key in a table; use name, logo, accent"),
    ],
)
def test_an_error_names_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, words: str
) -> None:
    with pytest.raises(SystemExit):
        brand_of(tmp_path, lines)
    assert f"brand: {words}" in capsys.readouterr().err
