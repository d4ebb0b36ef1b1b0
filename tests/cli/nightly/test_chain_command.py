"""`python -m comfy chain`, mostly in this process. Tests that kill or stop it run it as a process
of its own."""

from __future__ import annotations

from comfy.__main__ import main
from tests.cli.chain_folder import THREE, Folder
from tests.cli.commands import images, outcomes, process
from tests.support.waiting import eventually


def test_a_killed_chain_resumes_without_loss_or_repetition(folder: Folder, nightly: bool) -> None:
    """After the command is killed with -9 within a step (with --nightly also between two steps),
    --resume completes the chain. The server has run each step once."""
    more = """
        [[steps]]
        name = "slow"
        workflow = "slow"
        inputs = { Image = "half" }
        [[steps]]
        name = "last"
        workflow = "scale"
        inputs = { Image = "slow" }
    """
    words = folder.words(THREE + more, "--resume")
    if nightly:
        with process(words, folder.path) as killed:
            assert killed.stdout is not None
            killed.stdout.readline()
            killed.kill()
    with process(words, folder.path) as killed:
        eventually(lambda: len(folder.demo.journal.all()) == 4)
        killed.kill()
    assert main(words) == 0
    assert outcomes(folder.demo) == {"success": 5}
    assert len(images(folder.out)) == 5


def test_a_resume_stops_runs_that_are_no_longer_needed(folder: Folder) -> None:
    """After the command is killed and resumed with another value, the server stops working on the
    old value."""
    chain = '[[steps]]\nname = "one"\nworkflow = "small"\nvalues = { steps = 5000 }\n'
    with process(folder.words(chain), folder.path) as killed:
        eventually(lambda: "started" in sum(folder.demo.journal.all().values(), ()))
        killed.kill()
    assert main(folder.words(chain, "--resume", "--set", "one.steps=1")) == 0
    eventually(lambda: folder.demo.queue.remaining() == 0)
    assert outcomes(folder.demo) == {"interrupted": 1, "success": 1}
