"""Files kept on disk, each stored once and only if complete, and their thumbnails."""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfy.base.errors import ComfyError
from comfy.records.blobs import BlobStore
from tests.support.samples.histories import bytes_kept
from tests.support.samples.media import wav
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[BlobStore]:
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        yield kept


def on_disk(tmp_path: Path) -> list[Path]:
    """Return every file in the folder except the lock."""
    return [
        path for path in (tmp_path / "kept").rglob("*") if path.is_file() and path.name != "lock"
    ]


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, format, **options)
    return target.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG whose header claims this size but which has hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_file_is_found_by_its_digest(kept: BlobStore) -> None:
    """The store keeps a file that was added in pieces as one file, under its SHA-256."""
    digest, size = kept.add([b"light", b"", b"house"], size=10)
    assert (digest, size) == (hashlib.sha256(b"lighthouse").hexdigest(), 10)
    path = kept.path(digest)
    assert path is not None
    assert path.read_bytes() == b"lighthouse"


def test_identical_bytes_are_stored_once(kept: BlobStore, tmp_path: Path) -> None:
    """Adding the same bytes twice keeps one file, and its size counts once."""
    assert kept.add([b"same"]) == kept.add([b"sa", b"me"])
    assert len(on_disk(tmp_path)) == 1
    assert bytes_kept(kept) == 4


@pytest.mark.parametrize("size", [3, 5, 0])
def test_a_file_of_another_size_than_announced_is_refused(
    kept: BlobStore, tmp_path: Path, size: int
) -> None:
    """If a file has too many or too few bytes, the app raises an error with a message and keeps
    nothing."""
    with pytest.raises(ComfyError, match="was cut off"):
        kept.add([b"four"], size=size)
    assert on_disk(tmp_path) == []


def test_reading_stops_at_the_announced_size(kept: BlobStore) -> None:
    """If a file exceeds its announced size, the app stops reading at once, even if the file is
    endless."""

    def endless() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 100
        pytest.fail("read on after the announced size was passed")

    with pytest.raises(ComfyError):
        kept.add(endless(), size=300)


def test_an_interrupted_file_is_deleted(kept: BlobStore, tmp_path: Path) -> None:
    """The store passes on the source's exception unchanged and deletes the half-written file."""

    def broken() -> Iterator[bytes]:
        yield b"half a "
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        kept.add(broken())
    assert on_disk(tmp_path) == []


def test_leftovers_of_a_killed_program_are_removed_at_start(
    kept: BlobStore, tmp_path: Path
) -> None:
    """After a restart, an incomplete file is gone and a complete file remains."""
    digest, _ = kept.add([b"whole"])
    (tmp_path / "kept/parts/1234.part").write_bytes(b"hal")
    with contextlib.closing(BlobStore(tmp_path / "kept")) as other:
        assert not other.ours
    assert len(on_disk(tmp_path)) == 2, "another program may be writing it"
    kept.close()
    with contextlib.closing(BlobStore(tmp_path / "kept")) as again:
        assert again.ours
        assert again.path(digest) is not None
        assert len(on_disk(tmp_path)) == 1


def test_a_truncated_file_is_rewritten(kept: BlobStore) -> None:
    """The store rewrites a file whose length on disk is wrong."""
    digest, _ = kept.add([b"lighthouse"])
    path = kept.path(digest)
    assert path is not None
    path.write_bytes(b"light")
    kept.add([b"lighthouse"])
    assert path.read_bytes() == b"lighthouse"


def test_a_file_deleted_from_outside_is_reported_as_missing(kept: BlobStore) -> None:
    """Its path becomes None. Adding the file again restores it."""
    digest, _ = kept.add([b"gone"])
    path = kept.path(digest)
    assert path is not None
    path.unlink()
    assert kept.path(digest) is None
    assert kept.thumbnail(digest, "image") is None
    assert kept.remove(digest) == 0
    kept.add([b"gone"])
    assert kept.path(digest) == path


@pytest.mark.parametrize(
    "digest", ["", "..", "../../etc/passwd", "/etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"]
)
def test_only_a_digest_names_a_file(kept: BlobStore, digest: str) -> None:
    """The store knows no other names, even if a file with that name lies on the disk."""
    assert kept.path(digest) is None
    assert kept.thumbnail(digest, "image") is None
    assert not kept.hold(digest, "run")
    assert kept.remove(digest) == 0


def test_a_removed_file_takes_its_thumbnail_with_it(kept: BlobStore, tmp_path: Path) -> None:
    """No part of the file stays on the disk, and `remove` returns its size."""
    data = encoded(Image.new("RGB", (600, 400), "teal"))
    digest, size = kept.add([data])
    assert kept.thumbnail(digest, "image") is not None
    assert bytes_kept(kept) > size
    assert kept.remove(digest) == size
    assert on_disk(tmp_path) == []
    assert bytes_kept(kept) == 0


def test_a_held_file_is_not_removed(kept: BlobStore) -> None:
    """The file stays as long as one holder needs it. The store can remove it after all holders have
    released it."""
    digest, size = kept.add([b"needed"], holder="a run")
    kept.add([b"needed"], holder="a run")
    assert kept.hold(digest, "another")
    assert kept.remove(digest) == 0
    kept.release("a run")
    assert kept.remove(digest) == 0
    kept.release("another")
    assert kept.remove(digest) == size
    assert not kept.hold(digest, "a third")


def test_entries_not_renewed_for_long_are_reported(kept: BlobStore) -> None:
    """The store reports an entry that was last added before the given time. Adding the same bytes
    again renews the entry."""
    digest, _ = kept.add([b"old"])
    path = kept.path(digest)
    assert path is not None
    moment = path.stat().st_mtime + 10
    assert list(kept.unused_since(moment)) == [digest]
    assert list(kept.unused_since(moment - 20)) == []


@pytest.mark.parametrize("below", ["a file", "a file/below it"])
def test_an_unusable_folder_is_reported_with_a_sentence(tmp_path: Path, below: str) -> None:
    """If no folder can exist at this path, the error message names the path."""
    (tmp_path / "a file").write_bytes(b"")
    with pytest.raises(ComfyError, match="a file") as told:
        BlobStore(tmp_path / below)
    assert "folder" in told.value.hint


def test_a_full_disk_is_reported_with_a_sentence(kept: BlobStore, tmp_path: Path) -> None:
    """If the app can't write a file, it raises an error with its own message instead of a system
    error."""
    (tmp_path / "kept/parts").rmdir()
    with pytest.raises(ComfyError, match="couldn't be saved"):
        kept.add([b"x"])


def test_the_folder_is_for_this_account_only(kept: BlobStore, tmp_path: Path) -> None:
    """Other accounts on the machine can't look into the folder."""
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


def test_many_threads_add_and_remove_the_same_bytes(kept: BlobStore, tmp_path: Path) -> None:
    """In any order, a held file exists and is whole. No half-written file is left."""
    data = b"x" * 100_000
    digest = hashlib.sha256(data).hexdigest()
    wrong: list[object] = []

    def work(name: str) -> None:
        for _ in range(25):
            try:
                kept.add([data[:50_000], data[50_000:]], size=len(data), holder=name)
                path = kept.path(digest)
                if path is None or path.stat().st_size != len(data):
                    wrong.append("a held file was not there")
            except Exception as error:  # noqa: BLE001 - asserted in the test's own thread
                wrong.append(error)
            kept.release(name)
            kept.remove(digest)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert wrong == []
    assert on_disk(tmp_path) == []


# Thumbnails


def small(kept: BlobStore, data: bytes) -> Image.Image | None:
    digest, _ = kept.add([data])
    path = kept.thumbnail(digest, "image")
    if path is None:
        return None
    with Image.open(path) as image:
        image.load()
    assert image.format == "WEBP"
    return image


def test_a_thumbnail_knows_its_average_color(kept: BlobStore) -> None:
    """The color is known as soon as there is a thumbnail. A transparent image has none."""
    colors = []
    for mode, color in (("RGB", (30, 42, 59)), ("L", 200), ("RGBA", (30, 42, 59, 9))):
        data = io.BytesIO()
        Image.new(mode, (64, 48), color).save(data, "PNG")
        digest, _ = kept.add([data.getvalue()])
        assert kept.color(digest) is None
        assert kept.thumbnail(digest, "image")
        colors.append(kept.color(digest))
    assert colors == ["#1e2a3b", "#c8c8c8", None]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_thumbnail_of_every_common_format(kept: BlobStore, format: str) -> None:
    """The thumbnail is a WebP of at most 320 pixels per side that keeps the image's proportions."""
    image = small(kept, encoded(Image.new("RGB", (1000, 500), "orange"), format))
    assert image is not None
    assert image.size == (320, 160)
    red, _, blue = image.convert("RGB").getpixel((160, 80))
    assert red > 200
    assert blue < 60


def test_the_proportions_of_an_image(kept: BlobStore) -> None:
    """They are unknown for other, damaged and missing files."""
    image, _ = kept.add([encoded(Image.new("RGB", (1000, 500)), "PNG")])
    text, _ = kept.add([b"no image"])
    assert [kept.ratio(one) for one in (image, text, "0" * 64)] == [2.0, None, None]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_a_thumbnail_of_every_kind_of_pixel(kept: BlobStore, mode: str) -> None:
    """Palette, grayscale, CMYK, transparent and 16-bit images all get a thumbnail."""
    format = "TIFF" if mode in ("CMYK", "F") else "PNG"
    assert small(kept, encoded(Image.new(mode, (400, 400)), format)) is not None


def test_sixteen_bits_keep_their_grays(kept: BlobStore) -> None:
    """A middle gray in 16 bits is a middle gray in the thumbnail, not white."""
    image = small(kept, encoded(Image.new("I;16", (400, 400), 32768)))
    assert image is not None
    assert 110 < image.convert("L").getpixel((10, 10)) < 146


def test_transparency_stays(kept: BlobStore) -> None:
    """Transparent parts of an image are transparent in its thumbnail."""
    image = small(kept, encoded(Image.new("RGBA", (400, 400), (0, 0, 0, 0))))
    assert image is not None
    assert image.convert("RGBA").getpixel((10, 10))[3] == 0


def test_a_photo_is_turned_as_its_camera_was(kept: BlobStore) -> None:
    """A portrait photo is stored sideways in the file, but its thumbnail is upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = small(kept, encoded(Image.new("RGB", (800, 400)), "JPEG", exif=exif))
    assert image is not None
    assert image.size == (160, 320)


def test_an_animation_shows_its_first_image(kept: BlobStore) -> None:
    """An animation's thumbnail is a still image."""
    frames = [Image.new("RGB", (400, 400), colour) for colour in ("red", "blue", "green")]
    image = small(
        kept, encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)
    )
    assert image is not None
    assert getattr(image, "n_frames", 1) == 1
    assert image.convert("RGB").getpixel((100, 100))[0] > 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        encoded(Image.effect_noise((600, 600), 50))[:5000],
        b"GIF89a" + b"\xff" * 40,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
        png_that_claims(30_000, 30_000),
        png_that_claims(2**31 - 1, 2**31 - 1),
        png_that_claims(1, 2**31 - 1),
    ],
    ids=["empty", "text", "cut", "gif", "eps", "huge", "absurd", "long"],
)
def test_a_file_that_is_not_an_image_has_no_thumbnail(
    kept: BlobStore, tmp_path: Path, data: bytes
) -> None:
    """A damaged file or a decompression bomb has no thumbnail, raises nothing and leaves nothing
    behind."""
    assert small(kept, data) is None
    assert len(on_disk(tmp_path)) == 1


def test_a_sound_has_a_waveform_for_a_thumbnail(kept: BlobStore) -> None:
    """The app makes the waveform once and removes it with its file."""
    digest, _ = kept.add([wav([0, 9999] * 500)])
    path = kept.thumbnail(digest, "audio")
    assert path is not None
    assert kept.thumbnail(digest, "audio") == path
    kept.remove(digest)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["video", "audio", "3d", "file"])
def test_only_images_and_sounds_have_thumbnails(kept: BlobStore, kind: str) -> None:
    """The app doesn't even open other kinds as images."""
    digest, _ = kept.add([encoded(Image.new("RGB", (9, 9)))])
    assert kept.thumbnail(digest, kind) is None  # type: ignore[arg-type]


def test_a_preview_becomes_a_files_thumbnail(kept: BlobStore) -> None:
    """The server's image of a 3D model is stored as a small WebP, and removed with the model."""
    digest, _ = kept.add([b"glTF of a chair"])
    preview = encoded(Image.new("RGB", (900, 600), "red"))
    assert kept.add_thumbnail(digest, [preview[:50], preview[50:]])
    path = kept.thumbnail(digest, "3d")
    assert path is not None
    with Image.open(path) as image:
        assert (image.format, image.size) == ("WEBP", (320, 213))
    kept.remove(digest)
    assert not path.exists()


@pytest.mark.parametrize("preview", [b"", b"no image", bytes(9_000_000)])
def test_an_unusable_preview_is_not_stored(kept: BlobStore, preview: bytes) -> None:
    """A preview that is too large or no image leaves the file without a thumbnail."""
    digest, _ = kept.add([b"glTF of a chair"])
    assert not kept.add_thumbnail(digest, [preview])
    assert kept.thumbnail(digest, "3d") is None
    assert not kept.add_thumbnail("0" * 64, [preview])


def test_a_thumbnail_is_made_once(kept: BlobStore) -> None:
    """If many threads request a thumbnail at once, they all get the same file, and the app doesn't
    make it again."""
    digest, _ = kept.add([encoded(Image.effect_noise((1500, 1500), 50))])
    first = kept.thumbnail(digest, "image")
    assert first is not None
    made = first.stat().st_mtime_ns
    found: list[Path | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(kept.thumbnail(digest, "image")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert found == [first] * 4
    assert first.stat().st_mtime_ns == made
