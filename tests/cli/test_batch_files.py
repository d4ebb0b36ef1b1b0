"""Files that `python -m comfy batch` reads from and writes to this machine's disk."""

from __future__ import annotations

import json
import os
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.cli.commands import images, outcomes, results, small_workflow
from tests.support.sampler import prompt
from tests.support.samples.extra_nodes import CLIP, ENCODED, ENCODING

LOAD = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "again"}},
}


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0, painted=64) as server:
        yield server


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "load.json"
    file.write_text(json.dumps(LOAD))
    return file


def command(workflow: Path, demo: DemoServer, out: Path, *more: str) -> list[str]:
    """Return the arguments after `python -m comfy`."""
    return ["batch", str(workflow), "--server", demo.url, "--out", str(out), *more]


def plain(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), colour).save(path)
    return path


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b"])
def test_any_folder_name_holds_all_files(
    demo: DemoServer, workflow: Path, tmp_path: Path, name: str
) -> None:
    """The command writes nothing beside the folder and uses no other folder's records."""
    out = tmp_path / "here" / name
    words = command(workflow, demo, out, "--set", f"1.image={plain(tmp_path / 'a.bmp')}")
    assert main(words) == 0
    assert [one.name for one in (tmp_path / "here").iterdir()] == [name]
    assert len(images(out)) == 1


def test_a_row_whose_results_cannot_be_fetched_is_not_done(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says that the row isn't done and exits with 1, and the table of results says that
    it failed. --resume completes the row."""
    twice = {**LOAD, "3": {**LOAD["2"], "inputs": {**LOAD["2"]["inputs"], "filename_prefix": "b"}}}
    workflow.write_text(json.dumps(twice))
    words = command(
        workflow, demo, tmp_path / "out", "--set", f"1.image={plain(tmp_path / 'a.bmp')}"
    )
    demo.script("bad_json", at="GET /view", after=1, count=50)
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "couldn't be fetched" in told
    assert "0 of 1 done" in told
    (row,) = results(tmp_path / "out")
    assert row["state"] == "failed"
    assert "couldn't be fetched" in row["error"]
    demo.behave()
    assert main([*words, "--resume"]) == 0
    assert len(images(tmp_path / "out")) == 2


def test_a_folder_of_another_batch_is_refused(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command refuses the folder even if the first batch was killed before it wrote its table
    of results."""
    out, one = tmp_path / "out", plain(tmp_path / "a.bmp")
    assert main(command(workflow, demo, out, "--set", f"1.image={one}")) == 0
    (out / "results.csv").unlink()
    other = plain(tmp_path / "b.bmp", "blue")
    assert main(command(workflow, demo, out, "--set", f"1.image={other}")) == 2
    assert "another batch" in capsys.readouterr().err


def test_a_changed_file_makes_a_new_row(demo: DemoServer, workflow: Path, tmp_path: Path) -> None:
    """A file with other content is another row even if it has the same name and size. The user may
    edit a saved file, because the kept copy is a separate file."""
    words = ["--set", f"1.image={plain(tmp_path / 'a.bmp')}", "--resume"]
    assert main(command(workflow, demo, tmp_path / "one", *words)) == 0
    saved = tmp_path / "one" / images(tmp_path / "one")[0]
    assert os.stat(saved).st_nlink == 1
    plain(tmp_path / "a.bmp", "blue")
    assert main(command(workflow, demo, tmp_path / "two", *words)) == 0
    with Image.open(tmp_path / "two" / images(tmp_path / "two")[0]) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (0, 0, 255)


def test_images_of_two_zips_with_the_same_name_are_paired(
    demo: DemoServer, workflow: Path, tmp_path: Path
) -> None:
    """Each field has its own images, even from a folder inside its ZIP."""
    archives = []
    for folder, colour in (("a", "red"), ("b", "blue")):
        image = plain(tmp_path / folder / "x.png", colour)
        with zipfile.ZipFile(tmp_path / folder / "x.zip", "w") as archive:
            archive.write(image, "images/x.png")
            archive.writestr("__MACOSX/images/._x.png", b"no image")
        archives.append(tmp_path / folder / "x.zip")
    two = {
        "1": LOAD["1"],
        "2": LOAD["2"],
        "3": LOAD["1"],
        "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "b"}},
    }
    workflow.write_text(json.dumps(two))
    out = tmp_path / "out"
    sets = ["--set", f"1.image={archives[0]}", "--set", f"3.image={archives[1]}"]
    assert main(command(workflow, demo, out, *sets, "--pairs")) == 0
    assert len(images(out)) == 2


def test_a_folder_is_read_with_its_subfolders(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command takes the files in natural order and tells files of the same name apart. It
    leaves out hidden files, earlier results and links that lead out of the folder, and reports
    these links."""
    photos, away = tmp_path / "photos", plain(tmp_path / "away" / "secret.png", "blue").parent
    for name in ("night/10.png", "night/9.png", "day/9.png", "top.png", "day/.hidden/x.png"):
        plain(photos / name)
    out = photos / "out"
    plain(out / "earlier.png")
    (photos / "day" / "out.png").symlink_to(away / "secret.png")
    (photos / "day" / "same.png").symlink_to(photos / "top.png")
    (photos / "away").symlink_to(away)
    (photos / "around").symlink_to(photos)
    assert main(command(workflow, demo, out, "--set", f"1.image={photos}")) == 0
    told = capsys.readouterr().err
    assert f"Image: 5 of {photos}. Left out: out.png.\n" in told
    names = [row["Image"] for row in results(out)]
    assert names == ["9.png", "same.png", "9 (2).png", "10.png", "top.png"]


def test_file_names_in_a_table_are_relative_to_its_folder(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command reports a name without a file, or outside the table's folder, by its line before
    it runs anything. It tells apart files with the same name in two folders."""
    plain(tmp_path / "tables" / "img" / "a.png")
    plain(tmp_path / "secret.png")
    table = tmp_path / "tables" / "t.csv"
    table.write_text(f"image\nimg/a.png\nimg/nope.png\n../secret.png\n{tmp_path / 'secret.png'}\n")
    out = tmp_path / "out"
    before = len(demo.journal.all())
    assert main(command(workflow, demo, out, "--csv", str(table))) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line[:6] for line in told[:-1]] == ["Line 3", "Line 4", "Line 5"]
    assert "The table needs “img/nope.png”. Add that file." in told[0]
    assert len(demo.journal.all()) == before
    plain(tmp_path / "tables" / "a.png", "blue")
    table.write_text("image\nimg/a.png\na.png\nimg/a.png\n")
    assert main(command(workflow, demo, out, "--csv", str(table))) == 0
    assert [row["Image"] for row in results(out)] == ["a.png", "a (2).png", "a.png"]


def test_file_paths_in_a_table_may_use_any_notation(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names may use Windows notation or have blanks around them, as on the page. They can't leave
    the folder either. If a file's real name has the blank, the command uses that file."""
    for name in ("secret.png", "tables/in/new/Kä.png", "tables/ b.png"):
        plain(tmp_path / name)
    table, out = tmp_path / "tables" / "t.csv", tmp_path / "out"
    for path in ("..\\secret.png", "in\\..\\..\\secret.png", "\\secret.png", "C:\\secret.png"):
        table.write_text(f"image\n{path}\n")
        assert main(command(workflow, demo, out, "--csv", str(table))) == 2
        assert f"The table needs “{path}”. Add that file." in capsys.readouterr().err
    apart = unicodedata.normalize("NFD", "Kä.png")
    lines = ["in\\new\\Kä.png", f" .\\in\\new\\{apart} ", "./in/new/Kä.png", " b.png"]
    table.write_text("\n".join(["image", *lines]))
    assert main(command(workflow, demo, out, "--csv", str(table))) == 0
    assert [row["Image"] for row in results(out)] == [*["Kä.png"] * 3, "b.png"]


def test_fields_that_come_with_a_choice_take_values(demo: DemoServer, tmp_path: Path) -> None:
    """The order of the command's options doesn't matter, for fields or for added files."""
    file, given, out = tmp_path / "clip.json", plain(tmp_path / "a.png"), tmp_path / "out"
    file.write_text(json.dumps(CLIP))
    sets = {f"{ENCODING}.crf": "20, 30", **ENCODED, "2.images.image1.image": given}
    sets |= {"Reference image 1": given}
    words = [word for key, text in sets.items() for word in ("--set", f"{key}={text}")]
    assert main(command(file, demo, out, *words)) == 0
    assert [row["Quality (CRF)"] for row in results(out)] == ["20.0", "30.0"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rows_of_a_table_have_the_fields_of_their_own_option(
    demo: DemoServer, tmp_path: Path, kind: str
) -> None:
    """A row may choose an option that the row before doesn't choose, and options within options
    work, too. A cell may be empty if its row's option doesn't have the field."""
    file, table, out = tmp_path / "clip.json", tmp_path / f"rows.{kind}", tmp_path / "out"
    file.write_text(json.dumps(CLIP))
    names = ("4.format.codec", "Encoding", "Quality (CRF)")
    anew = ("h264", "re-encode")
    rows = [("auto", "", ""), (*anew, 20), ("h264", "auto", ""), (*anew, 30)]
    if kind == "csv":
        lines = [",".join(map(str, row)) for row in (names, *rows)]
    else:
        named = (zip(names, row, strict=True) for row in rows)
        lines = [json.dumps({name: cell for name, cell in row if cell}) for row in named]
    table.write_text("\n".join(lines))
    assert main(command(file, demo, out, "--csv", str(table))) == 0
    assert [row["Quality (CRF)"] for row in results(out)] == ["", "20.0", "", "30.0"]


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_another_kind_are_refused_before_anything_runs(
    demo: DemoServer,
    workflow: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    packed: bool,
) -> None:
    """The error names the wrong files of a folder, a ZIP or a table, and even the valid rows don't
    run. The command leaves out only files whose names also show another kind."""
    photos = tmp_path / "photos"
    plain(photos / "a.png")
    for name in ("notes.txt", "sound.png"):
        (photos / name).write_bytes(b"no image")
    table = photos / ".t.csv"  # a hidden file is no row
    table.write_text("image\na.png\nsound.png\n")
    before, out, source = len(demo.journal.all()), tmp_path / "out", photos
    if packed:
        source = tmp_path / "photos.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for name in ("a.png", "notes.txt", "sound.png"):
                archive.write(photos / name, name)
    assert main(command(workflow, demo, out, "--set", f"1.image={source}")) == 2
    why = "Choose an image file (PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF)."
    assert capsys.readouterr().err.splitlines() == [
        f"Image: 2 of {source}. Left out: notes.txt.",
        f"Image: “sound.png”: {why}",
        "Nothing was started.",
    ]
    (photos / "a.png").unlink()
    (photos / "sound.png").unlink()
    assert main(command(workflow, demo, out, "--set", f"1.image={photos}")) == 2
    assert capsys.readouterr().err.startswith(f"Image: “notes.txt”: {why}\n")
    plain(photos / "a.png")
    (photos / "sound.png").write_bytes(b"no image")
    assert main(command(workflow, demo, out, "--csv", str(table))) == 2
    assert capsys.readouterr().err.startswith(f"Line 3, Image: “sound.png”: {why}\n")
    assert (len(demo.journal.all()), out.exists()) == (before, False)


def test_unusable_files_are_reported(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a missing text file, a damaged ZIP, a field given twice, or one folder for both results
    and images, the command exits with 2. It prints an error without a traceback."""
    plain(tmp_path / "a.bmp")
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(2000))
    data = bytearray(damaged.read_bytes())
    data[36:44] = b"\xff" * 8
    damaged.write_bytes(data)
    sampler = tmp_path / "sampler.json"
    sampler.write_text(json.dumps(prompt(5, steps=1)))
    for file, words, said in (
        (sampler, ["--set", "2.text=@typo.txt"], "typo.txt cannot be read"),
        (
            sampler,
            ["--csv", str(damaged)],
            "damaged.zip isn't text. Save it as plain text, or a table as",
        ),
        (sampler, ["--set", "steps=1", "--set", "4.steps=2"], "Steps is given twice."),
        (workflow, ["--set", f"1.image={damaged}"], "damaged.zip is damaged."),
        (workflow, ["--set", f"1.image={tmp_path}"], "is also the folder for the results."),
    ):
        assert main(command(file, demo, tmp_path, *words)) == 2
        assert said in capsys.readouterr().err
    words = command(sampler, demo, tmp_path / "out", "--set", "2.text=@@me, a portrait")
    assert main(words) == 0


def test_a_zip_that_cannot_be_unpacked_reports_the_cause(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is damaged, has a password, or was packed with an unknown method. No message blames
    the file's name or permissions."""
    file = tmp_path / "photos.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(2000))
    packed = file.read_bytes()
    at, listed = len("PK\3\4??"), packed.index(b"PK\1\2") + len("PK\1\2????")
    damaged, locked, unknown = bytearray(packed), bytearray(packed), bytearray(packed)
    damaged[36:44] = b"\xff" * 8
    locked[at] = locked[listed] = 1
    unknown[at + 2] = unknown[listed + 2] = 99  # as of AES
    shut = "is encrypted or uses an unsupported compression method. Unpack it and give the"
    for data, said in (
        (damaged, f"{file} is damaged. Download it or create it again."),
        (locked, f"{file} {shut} folder instead."),
        (unknown, f"{file} {shut} folder instead."),
    ):
        file.write_bytes(data)
        assert main(command(workflow, demo, tmp_path / "out", "--set", f"1.image={file}")) == 2
        assert capsys.readouterr().err.splitlines()[0] == said


def test_windows_encoded_files_are_read(demo: DemoServer, tmp_path: Path) -> None:
    """The command reads a table and lines in Windows-1252, as Excel and old editors save them."""
    file = small_workflow(tmp_path)
    table, lines = tmp_path / "t.csv", tmp_path / "lines.txt"
    table.write_bytes("2.text;4.steps\r\nein Bär im Grünen;3\r\n".encode("cp1252"))
    lines.write_bytes("müde\r\nschön\r\n".encode("cp1252"))
    for words in (["--csv", str(table)], ["--set", f"2.text=@{lines}"]):
        out = tmp_path / words[0].strip("-")
        assert main(command(file, demo, out, *words)) == 0
    assert [row["Prompt"] for row in results(tmp_path / "csv")] == ["ein Bär im Grünen"]
    assert [row["Prompt"] for row in results(tmp_path / "set")] == ["müde", "schön"]


def test_no_cell_of_the_results_is_a_formula(demo: DemoServer, tmp_path: Path) -> None:
    """Numbers in the table of results stay numbers."""
    file = small_workflow(tmp_path)
    lines = ["-2+3+cmd|calc", "\t=1", "@x", "+a", "-5", "plain"]
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"2.text": one}) for one in lines))
    assert main(command(file, demo, tmp_path / "out", "--csv", str(tmp_path / "t.jsonl"))) == 0
    told = [row["Prompt"] for row in results(tmp_path / "out")]
    assert told == ["'-2+3+cmd|calc", "'\t=1", "'@x", "'+a", "-5", "plain"]


def test_an_unwritable_table_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command still completes and saves all rows, and exits with 1."""
    file, out = small_workflow(tmp_path), tmp_path / "out"
    (out / "results.csv.part").mkdir(parents=True)
    with DemoServer(step_seconds=0, painted=64) as demo:
        assert main(command(file, demo, out, "--set", "seed=1,2")) == 1
        told = capsys.readouterr().err
        assert "results.csv cannot be written" in told
        assert "2 of 2 done" in told
        assert outcomes(demo) == {"success": 2}
