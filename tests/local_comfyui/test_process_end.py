"""Words about the end of a ComfyUI process, and its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from comfy.local_comfyui.process import ProcessEnd, ProcessLog


@pytest.mark.parametrize(
    ("code", "line", "reason", "memory"),
    [
        (137, "", "SIGKILL", True),
        (1, "torch.OutOfMemoryError: Allocation on device", "exit code 1", True),
        (1, "RuntimeError: CUDA error: out of memory", "exit code 1", True),
        (134, "terminate called after throwing an instance of 'std::bad_alloc'", "SIGABRT", True),
        (139, "Segmentation fault", "SIGSEGV", False),
        (3, "ModuleNotFoundError: No module named 'torch'", "exit code 3", False),
    ],
)
def test_recognizes_out_of_memory(code: int, line: str, reason: str, memory: bool) -> None:
    """The system's SIGKILL, or words in the last lines."""
    end = ProcessEnd.of(code, ["got prompt", line], wanted=False)
    assert (end.reason, end.is_out_of_memory) == (reason, memory)
    assert reason in end.sentence
    assert ("ran out of memory" in end.run_error.message) is memory
    assert end.run_error.hint


def test_a_restart_by_an_administrator_is_no_crash() -> None:
    """Runs that it ends say who ended them."""
    end = ProcessEnd.of(143, ["out of memory"], wanted=True)
    assert not end.is_out_of_memory
    assert end.run_error.message == "An administrator restarted ComfyUI during this run."


def test_keeps_the_last_lines(tmp_path: Path) -> None:
    """A progress bar counts as one line, and the file has whole lines only, without colors."""
    log = ProcessLog(tmp_path / "logs" / "comfyui.log")
    for text in (
        "\x1b[32mgot\x1b[0m prompt\n",
        " 50%|####\r",
        "100%|########\r",
        "\n",
        "x" * 5000 + "\n",
    ):
        log.add(text)
    assert log.tail() == ("got prompt", "", "x" * 2000)
    for number in range(3000):
        log.add(f"{number}\n")
    assert len(log.tail()) == 2000
    assert log.tail(2) == ("2998", "2999")
    log.close()
    lines = (tmp_path / "logs" / "comfyui.log").read_text().splitlines()
    assert lines[0] == "got prompt"
    assert len(lines) == 3003
