"""`python -m comfy chain`, mostly in this process. Tests that kill or stop it run it as a process
of its own."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from comfy.__main__ import main
from tests.cli.chain_folder import THREE, Folder
from tests.cli.commands import images, outcomes, process
from tests.support.waiting import LONGEST_WAIT, eventually


def test_each_step_gets_the_results_of_earlier_steps(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command saves files under the step's number and name. A skipped step passes on its own
    input, and finished steps don't run again."""
    words = folder.words(THREE)
    assert main([*words, "--check"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "1 base: Small"
    assert "2 double: Scale, after base" in told.out
    assert "  half.Scale factor = 0.5" not in told.out  # its author has set it
    assert (outcomes(folder.demo), folder.out.exists()) == ({}, False)

    assert main(words) == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[0].startswith("Small to large on ")
    assert told.err.splitlines()[-1] == "3 of 3 steps done"
    assert told.out.split() == [str(folder.out / name) for name in images(folder.out)]
    sizes = {"1-base": (64, 64), "2-double": (128, 128), "3-half": (64, 64)}
    assert folder.sizes() == sizes

    assert main(words) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert outcomes(folder.demo) == {"success": 3}
    assert main([*words, "--resume", "--without", "double"]) == 0
    assert outcomes(folder.demo) == {"success": 4}  # only the step with a new input
    half = {Image.open(folder.out / name).size for name in images(folder.out) if "half" in name}
    assert half == {(64, 64), (32, 32)}


def test_runs_of_a_chain_record_their_parent_runs(folder: Folder) -> None:
    """In the records, the runs share a group, and each names the run before it."""
    assert main(folder.words(THREE)) == 0
    database = folder.out / ".chain-small-to-large" / "history.sqlite"
    with closing(sqlite3.connect(database)) as history:
        runs = history.execute('SELECT id, "group" FROM runs ORDER BY submitted_at')
        ids, groups = zip(*runs.fetchall(), strict=True)
        parents = history.execute("SELECT run, parent FROM parents").fetchall()
    assert sorted(parents) == sorted(zip(ids[1:], ids[:2], strict=True))
    assert len(set(groups)) == 1
    assert groups[0]


def test_a_step_runs_for_each_result_and_each_value(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first step makes several images. A text goes into a text field, and images of several
    steps go into one step."""
    chain = """
        [[steps]]
        name = "words"
        workflow = "words"
        [[steps]]
        name = "base"
        workflow = "small"
        inputs = { "2.text" = "words.text" }
        values = { "3.batch_size" = 2 }
        [[steps]]
        name = "each"
        workflow = "scale"
        inputs = { Image = "base[each]" }
        repeat = { "2.scale_by" = [1.5, 2] }
        [[steps]]
        name = "second"
        workflow = "scale"
        inputs = { Image = "base[2]" }
        [[steps]]
        name = "third"
        workflow = "scale"
        inputs = { Image = "base[3]" }
        [[steps]]
        name = "moving"
        workflow = "moving"
        inputs = { "1.image" = "base", "2.image" = "second" }
    """
    assert main(folder.words(chain)) == 1
    told = capsys.readouterr()
    assert "Step “third”: “Image” needs result 3 from “base”, which has only 2" in told.err
    assert "5 of 6 steps done" in told.err
    assert "a heron" in told.out.splitlines()
    sizes = folder.sizes()
    assert [sizes[f"3-each-{number}"] for number in (1, 2, 3, 4)] == [(96, 96), (128, 128)] * 2
    assert sizes["4-second"] == (128, 128)
    (moving,) = folder.out.glob("6-moving-*.webp")
    with Image.open(moving) as animation:
        assert getattr(animation, "n_frames", 1) == 2
    saved = next(folder.out.glob("2-base*.png"))
    assert "a heron" in Image.open(saved).info["prompt"]


def test_a_failed_step_stops_only_its_dependents_and_is_retried(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another value, the chain continues at the failed step. Finished steps don't run
    again."""
    chain = f"""{THREE}
        [[steps]]
        name = "other"
        workflow = "small"
    """
    broken = "base.ckpt_name=demo-broken.safetensors"
    assert main(folder.words(chain, "--set", broken)) == 1
    told = capsys.readouterr().err
    assert "Step “base”: " in told
    assert "Step “double” was not run because a step it needs failed." in told
    assert "Step “half” was not run" in told
    assert "1 of 4 steps done" in told
    assert list(folder.sizes()) == ["4-other"]
    assert outcomes(folder.demo) == {"error": 1, "success": 1}
    mended = ["--set", "base.cfg=5", "--resume"]
    assert main(folder.words(chain, *mended)) == 0
    assert outcomes(folder.demo) == {"error": 1, "success": 4}
    assert main(folder.words(chain, *mended, "--again", "base")) == 0
    assert outcomes(folder.demo)["success"] == 5  # the same image: the others are done with it


def test_a_repeated_text_reads_wildcard_files_beside_the_chain(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files are in the folder `wildcards`. The step runs once for each line."""
    chain = """
        [[steps]]
        name = "base"
        workflow = "small"
        values = { "4.steps" = 1 }
        repeat = { "2.text" = "a boat __times__" }
    """
    assert main(folder.words(chain, "--check")) == 2
    assert "There's no wildcard file “times.txt”." in capsys.readouterr().err
    (folder.path / "wildcards").mkdir()
    (folder.path / "wildcards" / "times.txt").write_text("at dawn\nat noon\n")
    assert main(folder.words(chain)) == 0
    saved = [Image.open(file).info["prompt"] for file in sorted(folder.out.glob("*.png"))]
    assert [text for text in ("at dawn", "at noon") for one in saved if f"boat {text}" in one] == [
        "at dawn",
        "at noon",
    ]


def test_a_switch_chooses_steps(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """An input takes the first of its sources that runs. A step that does not run takes no
    settings."""
    chain = """
        [switches]
        size = ["small", "large"]
        [[steps]]
        name = "base"
        workflow = "small"
        [[steps]]
        name = "large"
        workflow = "scale"
        when = "size=large"
        inputs = { Image = "base" }
        [[steps]]
        name = "last"
        workflow = "scale"
        inputs = { Image = ["large", "base"] }
    """
    assert main(folder.words(chain, "--set", "large.Scale factor=3")) == 2
    assert "Step “large” isn't part of this run." in capsys.readouterr().err
    assert main(folder.words(chain)) == 0
    assert folder.sizes() == {"1-base": (64, 64), "3-last": (128, 128)}
    assert main(folder.words(chain, "--resume", "--set", "size=large")) == 0
    assert folder.sizes()["2-large"] == (128, 128)
    # The second step reuses the run in which the third step made the same from the first image.
    assert outcomes(folder.demo) == {"success": 3}


def test_independent_steps_are_sent_together(folder: Folder) -> None:
    """The command sends the second step before the first has ended. Ctrl-C interrupts both and says
    how to continue."""
    chain = """
        [[steps]]
        name = "one"
        workflow = "small"
        values = { steps = 5000 }
        [[steps]]
        name = "two"
        workflow = "small"
        values = { steps = 5001 }
    """
    with process(folder.words(chain), folder.path) as stopped:
        eventually(lambda: len(folder.demo.journal.all()) == 2)
        assert outcomes(folder.demo) == {}
        stopped.send_signal(signal.SIGINT)
        _, told = stopped.communicate(timeout=LONGEST_WAIT)
    assert stopped.returncode == 128 + signal.SIGINT, told
    assert told.endswith("Stopped. Continue with --resume.\n")
    assert "Traceback" not in told
    eventually(lambda: folder.demo.queue.remaining() == 0)
