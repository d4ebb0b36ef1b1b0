"""`python -m comfy batch`, mostly in this process. Tests that kill or stop it run it as a process
of its own."""

from __future__ import annotations

import json
import re
import signal
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from comfy.__main__ import main
from comfyui_standin import DemoServer
from tests.cli.commands import images, outcomes, process, results, small_workflow
from tests.support.sampler import prompt
from tests.support.waiting import LONGEST_WAIT, eventually


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    with DemoServer(step_seconds=0.004) as server:
        yield server


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    return small_workflow(tmp_path, steps=2)


def command(workflow: Path, demo: DemoServer, out: Path, *more: str) -> list[str]:
    """Return the arguments after `python -m comfy`."""
    return ["batch", str(workflow), "--server", demo.url, "--out", str(out), *more]


def test_every_row_runs_and_its_files_are_saved(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command runs every combination of a table and the values beside it. It names files by row
    and writes a table of results. It runs the same batch again only with --resume, which has
    nothing to do then."""
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("Prompt,4.seed\na boat,1\n=2+3,2\n")
    words = command(workflow, demo, out, "--csv", str(table), "--set", "cfg=5,7.5")
    (workflow.parent / "wildcards").mkdir()
    (workflow.parent / "wildcards" / "seas.txt").write_text("the Baltic\nthe North Sea\n")
    named = command(workflow, demo, out, "--set", "text=a {red|green} boat on __seas__", "--check")
    assert main(named) == 0
    assert capsys.readouterr().err.strip().endswith(": 4 rows")
    assert main([*words, "--check"]) == 0
    assert (list(demo.journal.all()), out.exists()) == ([], False)
    assert capsys.readouterr().err.strip().endswith(": 4 rows")

    assert main(words) == 0
    told = capsys.readouterr()
    assert sorted(told.out.split()) == [str(out / name) for name in images(out)]
    assert [name[:2] for name in images(out)] == ["1-", "2-", "3-", "4-"]
    assert told.err.strip().endswith("4 of 4 done")
    found = [
        (row["row"], row["state"], row["Prompt"], row["Seed"], row["Guidance scale"])
        for row in results(out)
    ]
    assert found == [
        ("1", "done", "a boat", "1", "5.0"),
        ("2", "done", "a boat", "1", "7.5"),
        ("3", "done", "'=2+3", "2", "5.0"),  # no formula
        ("4", "done", "'=2+3", "2", "7.5"),
    ]
    assert [row["files"] for row in results(out)] == images(out)

    beside = command(workflow, demo, tmp_path / "beside", "--set", "seed=1..9", "--check")
    for check in ([*words, "--check"], beside):
        assert main(check) == 0
        assert re.search(r": [49] rows, about \d+ s, about \d+\xa0kB\n$", capsys.readouterr().err)
    assert not (tmp_path / "beside").exists()
    other = tmp_path / "other.json"
    other.write_text(workflow.read_text().replace('"1"', '"77"'))
    assert main([beside[0], str(other), *beside[2:]]) == 0
    assert capsys.readouterr().err.strip().endswith(": 9 rows")
    assert main(words) == 2
    assert "--resume" in capsys.readouterr().err
    (out / images(out)[0]).unlink()
    assert main([*words, "--resume"]) == 0
    assert len(images(out)) == 4
    assert outcomes(demo) == {"success": 4}

    assert main(command(workflow, demo, out, "--set", "seed=9,10")) == 2
    assert "another batch" in capsys.readouterr().err
    (out / images(out)[0]).unlink()
    (out / f"1-run_{'0' * 4}1_.png").write_text("somebody's own")
    assert main([*words, "--resume"]) == 0
    assert results(out)[0]["files"] in images(out)
    assert results(out)[0]["files"].endswith(" (1).png")


def test_a_batch_with_a_replaced_choice_is_refused(
    demo: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing starts with another sampler than the author's until the user chooses one."""
    workflow = tmp_path / "small.json"
    workflow.write_text(json.dumps(prompt(5, steps=1, sampler_name="no_such_sampler")))
    words = command(workflow, demo, tmp_path / "out", "--set", "cfg=5,7", "--check")
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "“no_such_sampler” isn't offered here. Using “euler” instead." in said
    assert "--set 4.sampler_name=euler" in said
    assert main([*words, "--set", "4.sampler_name=euler"]) == 0


def test_alternatives_in_the_workflows_own_text_are_drawn_once(
    demo: DemoServer, tmp_path: Path
) -> None:
    """The command draws once for all rows, and --resume keeps the choice. The table of results
    shows the drawn text."""
    made, out = prompt(5, steps=1), tmp_path / "out"
    made["2"]["inputs"]["text"] = "a {red|green|blue|white|black|pink|gold} boat"
    workflow = tmp_path / "small.json"
    workflow.write_text(json.dumps(made))
    words = command(workflow, demo, out, "--set", "cfg=1..8")
    assert main(words) == 0
    texts = {row["Prompt"] for row in results(out)}
    assert len(texts) == 1
    assert "|" not in texts.pop()
    assert main([*words, "--resume"]) == 0
    assert outcomes(demo) == {"success": 8}


def test_all_errors_of_a_table_are_reported_before_anything_runs(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The errors name columns that match no field, and cells by their field and their line in the
    spreadsheet. After a hundred errors, the command only gives the number of the rest."""
    table = tmp_path / "table.csv"
    table.write_text("Steps,Guidance scale,Stepz\n0,x,1\n3,7,1\n" + "many,1,1\n" * 110)
    assert main(command(workflow, demo, tmp_path / "out", "--csv", str(table))) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[:4] == [
        "There is no field “Stepz”. Did you mean “Steps”?",
        "Line 2, Steps: Minimum 1.",
        "Line 2, Guidance scale: Enter a number.",
        "Line 4, Steps: Enter a whole number.",
    ]
    assert told[-2:] == ["And 13 more.", "Nothing was started."]
    assert (list(demo.journal.all()), (tmp_path / "out").exists()) == ([], False)


def test_all_errors_of_options_are_reported_at_once(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors about unreadable options come first, then errors about table columns and field
    values."""
    table = tmp_path / "table.csv"
    table.write_text("Stepz\n1\n")
    sets = ("steps=1..x", "9.z=1..2", "cfg=many", "text=@/nowhere/texts.txt", "seed", "cfg=7")
    words = ["--csv", str(table), *(word for one in sets for word in ("--set", one))]
    assert main(command(workflow, demo, tmp_path / "out", *words[:-2])) == 2
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "There is no field “9.z”.",
        "/nowhere/texts.txt cannot be read: No such file or directory. Check its name and"
        " permissions.",
        "--set 'seed' is not FIELD=VALUES. Write it like --set steps=10..30:10.",
        "There is no field “Stepz”. Did you mean “Steps”?",
        "Steps: “1..x” isn't a range. Use a format like 1..10 or 1..10:3.",
        "Guidance scale: “many”: Enter a number.",
        "Nothing was started.",
    ]
    assert main(command(workflow, demo, tmp_path / "out", *words)) == 2
    told = capsys.readouterr().err.splitlines()
    assert "Guidance scale is given twice. Leave one of them out." in told
    assert told[-1] == "Nothing was started."
    assert (list(demo.journal.all()), (tmp_path / "out").exists()) == ([], False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "There are no values."),
        (["--set", "steps"], "FIELD=VALUES"),
        (["--set", "stepz=3"], "Did you mean “Steps”?"),
        (["--set", "steps=1..x"], "Steps: “1..x” isn't a range."),
        (["--set", "steps=1..200", "--set", "seed=1..200"], "at most"),
        (["--set", "steps=1,2", "--set", "seed=1..3", "--pairs"], "same number of values"),
        (["--csv", "/nowhere/table.csv"], "cannot be read"),
        (
            ["--set", "seed=1,2", "--set", "2.text=@" + "x" * 5000, "--set", "steps=0"],
            "cannot be read",
        ),
    ],
)
def test_an_invalid_batch_exits_with_2(
    demo: DemoServer,
    workflow: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    """The command prints an error and makes nothing."""
    assert main(command(workflow, demo, tmp_path / "out", *words)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_failed_row_does_not_stop_the_others_and_is_retried(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command exits with 1 and gives the row's number. --resume runs only this row."""
    words = command(workflow, demo, tmp_path, "--set", "seed=1..4")
    demo.script("http_413", at="POST /prompt")
    assert main(words) == 1
    told = capsys.readouterr().err
    assert "3 of 4 done" in told
    assert "Row 1: " in told
    assert [row["state"] for row in results(tmp_path)] == ["refused", "done", "done", "done"]
    assert main([*words, "--resume"]) == 0
    assert outcomes(demo) == {"success": 4}  # what was refused was never taken
    assert {row["state"] for row in results(tmp_path)} == {"done"}


def test_a_batch_without_a_success_stops(
    demo: DemoServer, workflow: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The batch stops, because an error in every row would otherwise repeat for hours."""
    broken = ["--set", "ckpt_name=demo-broken.safetensors", "--set", "4.seed=1..500"]
    broken[1] = f"1.{broken[1]}"
    assert main(command(workflow, demo, tmp_path, *broken)) == 1
    assert "paused after 5 consecutive failures" in capsys.readouterr().err
    assert len(demo.journal.all()) < 10
    assert main([*command(workflow, demo, tmp_path, *broken), "--resume"]) == 1
    told = capsys.readouterr().err
    assert "Read the last error, then continue. Add --resume to continue." in told
    assert told.endswith("0 of 500 done\n")


@pytest.mark.parametrize("packed", [False, True])
def test_all_images_of_a_folder_or_a_zip_are_rows(
    demo: DemoServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, packed: bool
) -> None:
    """The rows follow the natural order of the file names. The command leaves out hidden files and
    files whose names show that they are texts."""
    photos = tmp_path / "photos"
    photos.mkdir()
    sizes = {"img10.png": (40, 24), "img2.png": (24, 40), ".hidden.png": (8, 8)}
    for name, size in sizes.items():
        Image.new("RGB", size).save(photos / name)
    for name in ("Thumbs.db", "readme.txt"):
        (photos / name).write_text("no image")
    source = photos
    if packed:
        source = tmp_path / "photos.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for file in photos.iterdir():
                archive.write(file, file.name)
    load = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "again"}}
    file = tmp_path / "load.json"
    file.write_text(json.dumps({"1": load, "2": save}))
    out = tmp_path / "out"
    assert main(command(file, demo, out, "--set", f"1.image={source}")) == 0
    assert [Image.open(out / name).size for name in images(out)] == [(24, 40), (40, 24)]
    assert [row["Image"] for row in results(out)] == ["img2.png", "img10.png"]
    assert f"Image: 2 of {source}. Left out: readme.txt.\n" in capsys.readouterr().err


def test_a_killed_batch_resumes_without_loss_or_repetition(
    demo: DemoServer, workflow: Path, tmp_path: Path, nightly: bool
) -> None:
    """After the command is killed with -9 (at two moments with --nightly), --resume completes the
    batch. The server has run each row once."""
    words = command(workflow, demo, tmp_path, "--set", "seed=1..12", "--resume")
    for rows in (3, 2) if nightly else (3,):
        with process(words, tmp_path) as killed:
            assert killed.stdout is not None
            for _ in range(rows):
                killed.stdout.readline()
            killed.kill()
    assert main(words) == 0
    assert outcomes(demo) == {"success": 12}
    assert len(images(tmp_path)) == len(results(tmp_path)) == 12


def test_a_stopped_batch_explains_how_to_resume(
    demo: DemoServer, workflow: Path, tmp_path: Path
) -> None:
    """Ctrl-C interrupts the current run at the server, and the table lists the finished rows."""
    words = command(workflow, demo, tmp_path, "--set", "seed=1..3", "--set", "steps=1,5000")
    with process(words, tmp_path) as stopped:
        assert stopped.stdout is not None
        stopped.stdout.readline()
        eventually(lambda: "started" in Counter(sum(demo.journal.all().values(), ())))
        stopped.send_signal(signal.SIGINT)
        _, told = stopped.communicate(timeout=LONGEST_WAIT)
    assert stopped.returncode == 128 + signal.SIGINT, told
    assert told.endswith("Stopped. Continue with --resume.\n")
    assert "Traceback" not in told
    eventually(lambda: demo.queue.remaining() == 0)
    assert results(tmp_path)[0]["state"] == "done"
