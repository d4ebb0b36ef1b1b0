"""Images and files that the app sends to the server."""

from __future__ import annotations

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.launch.uploads import Refused, Upload, from_data_url
from comfy.media.checks import FileLimits
from comfy.media.decoding import DecodingSlots
from tests.support.samples.media import saved
from tests.support.waiting import LONGEST_WAIT, eventually
from ui.files.components import Painted
from ui.files.field_files import FieldFiles
from ui.web.upload_folder import UploadFolder


@pytest.fixture
def uploads(tmp_path: Path) -> UploadFolder:
    """Return a folder for users' files."""
    return UploadFolder(tmp_path / "uploads")


@pytest.fixture
def files(uploads: UploadFolder) -> FieldFiles:
    """Return the files of Ann's forms."""
    return FieldFiles(uploads, FileLimits(), DecodingSlots(), "ann")


def given(uploads: UploadFolder, data: bytes, name: str = "a cat.png", owner: str = "ann") -> str:
    file = uploads.make(owner, name)
    file.write_bytes(data)
    return uploads.place(file)


def of(widget: str) -> Field:
    """Return a field of this kind."""
    return Field("1.file", "1", "file", "File", "FILE", KINDS[widget], "main", "")


def test_a_file_keeps_its_name_and_bytes(uploads: UploadFolder, files: FieldFiles) -> None:
    """The app sends a browser's file unchanged, under its own name without folders."""
    upload = files.taken(given(uploads, saved("PNG")), of("image"))
    assert isinstance(upload, Upload)
    assert (upload.name, upload.data, upload.size) == ("a cat.png", saved("PNG"), len(saved("PNG")))
    assert files.taken(None, of("image")) is None


@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd",
        "{}/../secret.png",
        "{}/gone.png",
        "{}",
        "{}/\0.png",
        "{}/" + "x" * 5000,
        "",
        "CON",
        "{}/..",
    ],
)
def test_only_an_existing_upload_is_accepted_as_a_file(
    tmp_path: Path, files: FieldFiles, place: str
) -> None:
    """The app refuses anything except the place of an existing upload, and says why."""
    (tmp_path / "secret.png").write_bytes(b"secret")
    for folder in (tmp_path / "uploads", "ab" * 16):
        assert isinstance(files.taken(place.format(folder), of("file")), Refused)


def test_finding_22_a_location_works_for_its_owner_only(
    uploads: UploadFolder, files: FieldFiles
) -> None:
    """A user who knows the location of another user's file can't get the file."""
    place = given(uploads, saved("PNG"), owner="bob")
    assert isinstance(files.taken(place, of("image")), Refused)
    assert files.shown(place, of("image")) is None
    assert uploads.find("bob", place) is not None


@pytest.mark.parametrize("widget", ["image", "mask", "audio", "video"])
@pytest.mark.parametrize(
    "data", [b"%!PS-Adobe-3.0 EPSF-3.0", b"#EXTM3U\nfile:///etc/passwd", b"8BPS\0\1", b""]
)
def test_a_field_refuses_files_of_another_kind(
    uploads: UploadFolder, files: FieldFiles, widget: str, data: bytes
) -> None:
    """The app checks a file by its bytes, regardless of its name, before it shows the file and
    before it sends the file."""
    place = given(uploads, data)
    assert isinstance(files.shown(place, of(widget)), Refused)
    assert isinstance(files.taken(place, of(widget)), Refused)


def test_a_data_address_is_a_file() -> None:
    """Scripts can send a file inside a data URL. No other address is a file."""
    upload = from_data_url("data:image/png;base64," + base64.b64encode(b"\x89PNG").decode())
    assert upload is not None
    assert (upload.name, upload.data) == ("upload.png", b"\x89PNG")


@pytest.mark.parametrize(
    "text", ["", "a cat", "data:image/png,plain", "data:image/png;base64,***", "C:\\x,y"]
)
def test_ordinary_text_is_not_a_data_url(text: str) -> None:
    """The app doesn't mistake ordinary text for a file, even if it contains a comma."""
    assert from_data_url(text) is None


def painted(size: tuple[int, int] = (40, 30)) -> bytes:
    """Return an editor's layer with a painted box in the upper left quarter."""
    layer = Image.new("RGBA", size)
    layer.paste((255, 255, 255, 255), (0, 0, size[0] // 2, size[1] // 2))
    return saved("PNG", layer)


def flipped(size: tuple[int, int]) -> bytes:
    with Image.open(io.BytesIO(painted(size))) as layer:
        return saved("PNG", layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def sent(files: FieldFiles, image: bytes, *layers: bytes) -> Upload:
    places = [given(files.uploads, data) for data in (image, *layers)]
    upload = files.taken(Painted(places[0], tuple(places[1:])), of("mask"))
    assert isinstance(upload, Upload), upload
    assert upload.below == hashlib.sha256(image).hexdigest()
    return upload


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "1"])
def test_the_mask_becomes_transparency(files: FieldFiles, mode: str) -> None:
    """The painted area becomes transparent and the rest stays opaque. The colors below the paint
    are kept."""
    background = Image.new("RGB", (40, 30), (10, 200, 30)).convert(mode)
    with Image.open(io.BytesIO(sent(files, saved("PNG", background), painted()).data)) as image:
        assert image.mode == "RGBA"
        assert image.getchannel("A").getpixel((5, 5)) == 0
        assert image.getchannel("A").getpixel((35, 25)) == 255
        assert image.convert("RGB").getpixel((5, 5)) == background.convert("RGB").getpixel((5, 5))


def test_a_rotated_image_is_masked_as_displayed(files: FieldFiles) -> None:
    """The app rotates a camera's image as browsers do, so that the paint stays where the user put
    it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    upload = sent(
        files, saved("JPEG", Image.new("RGB", (40, 30)), exif=exif.tobytes()), painted((30, 40))
    )
    with Image.open(io.BytesIO(upload.data)) as image:
        assert image.size == (30, 40)
        assert [image.getpixel(place)[3] for place in ((5, 5), (25, 35))] == [0, 255]


def test_layers_add_up_and_fit_the_image(files: FieldFiles) -> None:
    """Several layers add up to one mask. The app scales a layer of another size to fit the
    image."""
    upload = sent(files, saved("PNG", Image.new("RGB", (40, 30))), painted(), flipped((80, 60)))
    with Image.open(io.BytesIO(upload.data)) as image:
        alpha = image.getchannel("A")
    assert (alpha.getpixel((5, 5)), alpha.getpixel((35, 5)), alpha.getpixel((20, 25))) == (
        0,
        0,
        255,
    )


def test_nothing_painted_means_no_mask(files: FieldFiles) -> None:
    """An unpainted image stays fully opaque. Without an image, there is no file."""
    with Image.open(io.BytesIO(sent(files, saved("PNG")).data)) as image:
        assert image.getchannel("A").getextrema() == (255, 255)
    assert files.taken(None, of("mask")) is None


def test_a_mask_round_trips(files: FieldFiles) -> None:
    """The page shows an image that was sent with a mask with the mask painted over it. Sending it
    again gives the same file."""
    first = sent(files, saved("PNG", Image.new("RGB", (40, 30), "teal")), painted())
    for _ in range(2):
        shown = files.shown(given(files.uploads, first.data, "sent.png"), of("mask"))
        assert isinstance(shown, dict)
        places = [shown["background"]["path"], *(layer["path"] for layer in shown["layers"])]
        again = files.taken(Painted(places[0], tuple(places[1:])), of("mask"))
        assert isinstance(again, Upload)
        assert again.data == first.data


def test_a_stored_mask_is_shown_unchanged(files: FieldFiles) -> None:
    """The page gets the same two files again, or only the image if the mask is gone. A field
    without painting gets only the image."""
    image, mask = given(files.uploads, saved("PNG")), given(files.uploads, painted())
    shown = files.shown(Painted(image, (mask,)), of("mask"))
    assert isinstance(shown, dict)
    assert [shown["background"]["path"], *(one["path"] for one in shown["layers"])] == [image, mask]
    shown = files.shown(Painted(image, (f"{'0' * 32}/mask.png",)), of("mask"))
    assert isinstance(shown, dict)
    assert (shown["background"]["path"], shown["layers"]) == (image, [])
    shown = files.shown(Painted(image, (mask,)), of("image"))
    assert isinstance(shown, dict)
    assert shown["path"] == image
    assert files.shown(Painted(f"{'0' * 32}/a.png", (mask,)), of("mask")) is None


def test_other_images_go_to_the_page_as_they_are(files: FieldFiles) -> None:
    """The page gets an image without transparency as is."""
    place = given(files.uploads, saved("PNG", Image.new("RGB", (4, 4))))
    shown = files.shown(place, of("mask"))
    assert isinstance(shown, dict)
    assert (shown["background"]["path"], shown["layers"]) == (place, [])


@pytest.mark.parametrize(
    ("image", "layers", "said"),
    [
        ((4, 4), [(4, 4)] * 5, "4 layers"),
        ((60, 60), [(60, 60)] * 2, "at most 0 million pixels"),
        ((4, 4), [(80, 80), (60, 60)], "at most 0 million pixels"),
    ],
)
def test_finding_05_image_and_paint_share_one_budget(
    uploads: UploadFolder, image: tuple[int, int], layers: list[tuple[int, int]], said: str
) -> None:
    """The app limits the pixels that it decodes for one field, however they are spread over image
    and layers."""
    files = FieldFiles(uploads, FileLimits(painted=10_000), DecodingSlots(), "ann")
    places = [given(uploads, saved("PNG", Image.new("L", size))) for size in (image, *layers)]
    refused = files.taken(Painted(places[0], tuple(places[1:])), of("mask"))
    assert isinstance(refused, Refused)
    assert said in refused.why


def test_finding_05_one_image_at_a_time_and_few_that_wait(files: FieldFiles) -> None:
    """While another image is in memory, two images of a user may wait. The app asks the user to try
    the next one later."""
    places = [given(files.uploads, saved("PNG")) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        with files.turns.turn():
            waiting = [
                pool.submit(files.taken, Painted(place, ()), of("mask")) for place in places[:2]
            ]
            eventually(lambda: files.turns.waiting("ann") == 2)
            refused = files.taken(Painted(places[2], ()), of("mask"))
            assert isinstance(refused, Refused)
            assert "Try again in a moment" in refused.why
        assert all(isinstance(one.result(LONGEST_WAIT), Upload) for one in waiting)
    assert files.turns.waiting("ann") == 0
    assert isinstance(files.taken(Painted(places[2], ()), of("mask")), Upload)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_finding_04_a_layer_is_a_png(files: FieldFiles, form: str) -> None:
    """Paint comes from the page's editor, which only makes PNGs."""
    places = [given(files.uploads, data) for data in (saved("PNG"), saved(form))]
    refused = files.taken(Painted(places[0], (places[1],)), of("mask"))
    assert isinstance(refused, Refused)
    assert "can't be read" in refused.why


@pytest.mark.parametrize("name", ["../../x.png", "a\0b.png", "", "con.png", "x" * 500 + ".png"])
def test_a_stored_file_is_restored_under_a_safe_name(
    uploads: UploadFolder, tmp_path: Path, name: str
) -> None:
    """The file keeps its bytes and as much of its name as is safe. It gets its own folder among the
    uploads."""
    (tmp_path / "kept").write_bytes(b"data")
    first = uploads.copy("ann", tmp_path / "kept", name, "ab" * 16)
    assert first.parent.name == "ab" * 16
    assert first.parent.parent.parent == uploads.path
    assert first.read_bytes() == b"data"
    assert uploads.copy("ann", tmp_path / "kept", name, "ab" * 16) == first
    assert uploads.find("ann", uploads.place(first)) == first
