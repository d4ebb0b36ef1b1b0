"""Pictures and files on their way to the server."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from ui.media import Refused, Upload, from_data_url, from_editor, from_path, put_back, to_editor


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Gradio keeps uploads in."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


def test_a_file_keeps_its_name_and_bytes(uploads: Path) -> None:
    """A file from the browser is sent as it is, under its own name without folders."""
    (uploads / "a cat.png").write_bytes(b"data")
    upload = from_path(str(uploads / "a cat.png"))
    assert isinstance(upload, Upload)
    assert (upload.name, upload.data, upload.size) == ("a cat.png", b"data", 4)
    assert from_path(None) is None


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "{}/../secret.png", "{}/gone.png", "{}", "{}/\0.png", "{}/" + "x" * 5000, "", "CON"]
)
def test_only_what_was_uploaded_is_a_file(uploads: Path, place: str) -> None:
    """A place outside of the folder of uploads, and one where nothing is, is refused in words."""
    (uploads.parent / "secret.png").write_bytes(b"secret")
    assert isinstance(from_path(place.format(uploads)), Refused)


def test_a_data_address_is_a_file() -> None:
    """Scripts send files inside an address; anything else is no file."""
    upload = from_data_url("data:image/png;base64," + base64.b64encode(b"\x89PNG").decode())
    assert upload is not None
    assert (upload.name, upload.data) == ("upload.png", b"\x89PNG")


@pytest.mark.parametrize("text", ["", "a cat", "data:image/png,plain", "data:image/png;base64,***", "C:\\x,y"])
def test_other_text_is_no_file(text: str) -> None:
    """Ordinary text, also with a comma in it, is not taken for a file."""
    assert from_data_url(text) is None


def painted(size: tuple[int, int] = (40, 30)) -> Image.Image:
    """An editor's layer with a painted box in its left upper quarter."""
    layer = Image.new("RGBA", size)
    layer.paste((255, 255, 255, 255), (0, 0, size[0] // 2, size[1] // 2))
    return layer


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_the_mask_becomes_transparency(mode: str) -> None:
    """What is painted over arrives transparent, the rest opaque, and no colour is lost below."""
    background = Image.new("RGB", (40, 30), (10, 200, 30)).convert(mode)
    upload = from_editor({"background": background, "layers": [painted()], "composite": None})
    assert upload is not None
    sent = Image.open(io.BytesIO(upload.data))
    assert sent.mode == "RGBA"
    assert sent.getchannel("A").getpixel((5, 5)) == 0
    assert sent.getchannel("A").getpixel((35, 25)) == 255
    assert sent.convert("RGB").getpixel((5, 5)) == background.convert("RGB").getpixel((5, 5))


def test_layers_add_up_and_fit_the_picture() -> None:
    """Several layers are one mask; a layer of another size is fitted to the picture."""
    right = painted((80, 60)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    upload = from_editor({"background": Image.new("RGB", (40, 30)), "layers": [painted(), right]})
    assert upload is not None
    alpha = Image.open(io.BytesIO(upload.data)).getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((35, 5)), alpha.getpixel((20, 25))) == (0, 0, 255)


def test_nothing_painted_means_no_mask() -> None:
    """A picture that nobody painted on stays whole, and no picture is no file."""
    upload = from_editor({"background": Image.new("RGB", (8, 8)), "layers": []})
    assert upload is not None
    assert Image.open(io.BytesIO(upload.data)).getchannel("A").getextrema() == (255, 255)
    assert from_editor(None) is None
    assert from_editor({"background": None, "layers": []}) is None


def test_a_mask_survives_the_way_back(tmp_path: Path) -> None:
    """A picture that was sent with its mask is shown with the mask painted over it, and is sent alike again."""
    first = from_editor({"background": Image.new("RGB", (40, 30), "teal"), "layers": [painted()]})
    assert isinstance(first, Upload)
    (tmp_path / "sent.png").write_bytes(first.data)
    again = from_editor(to_editor(str(tmp_path / "sent.png")))
    assert isinstance(again, Upload)
    assert again.data == first.data


def test_other_pictures_go_to_the_editor_as_they_are(tmp_path: Path) -> None:
    """One without transparency, one that is none, and no picture at all."""
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    (tmp_path / "none.png").write_bytes(b"no picture")
    for path in (str(tmp_path / "plain.png"), str(tmp_path / "none.png"), None):
        assert to_editor(path) == path


@pytest.mark.parametrize("name", ["../../x.png", "a\0b.png", "", "con.png", "x" * 500 + ".png"])
def test_a_kept_file_is_put_back_under_a_safe_name(uploads: Path, tmp_path: Path, name: str) -> None:
    """Its own name as far as that is one, in a folder of its own among the uploads; its bytes unchanged."""
    (tmp_path / "kept").write_bytes(b"data")
    first = put_back(tmp_path / "kept", "ab" * 32, name)
    assert Path(first).parent == uploads / ("ab" * 32)
    assert Path(first).read_bytes() == b"data"
    assert put_back(tmp_path / "kept", "ab" * 32, name) == first
