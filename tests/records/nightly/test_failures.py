"""A history that many threads use at once, or that is killed, damaged or unusable."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN, begun, bytes_kept, ended_record, kept_image
from tests.support.waiting import LONGEST_WAIT


def test_two_threads_ending_deleting_and_sweeping_at_once(
    history: RunStore, kept: BlobStore
) -> None:
    """Many threads finish, delete and sweep runs with the same bytes. No error occurs, and each
    record keeps its file."""
    wrong: list[object] = []
    now = time.time()

    def work(name: str) -> None:
        for number in range(12):
            run_id = f"{name}-{number}"
            try:
                record = begun(run_id, at=now)
                history.begin(record)
                history.sent(record, run_id)
                file = kept_image(kept, b"the same", holder=run_id)
                history.end(ended_record(record, at=now, files=(file,)))
                if kept.path(file.digest) is None:
                    wrong.append(f"{run_id} lost its file")
                history.sweep()
                if not history.delete(run_id, ANN):
                    wrong.append(f"{run_id} was not there")
            except Exception as error:  # noqa: BLE001 - asserted in the test's own thread
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_WAIT)
    assert wrong == []
    assert history.of(ANN) == history.unfinished() == ()
    assert bytes_kept(kept) == 0


KILLED = """
import sys
from pathlib import Path
from comfy.records.blobs import BlobStore
from comfy.records.store import RunStore
sys.path.insert(0, ".")
from tests.support.samples.histories import ANN, begun, ended_record, kept_image

kept = BlobStore(Path(sys.argv[2]))
history = RunStore(sys.argv[1], kept)
for number in range(10**6):
    record = begun(f"r{number}", at=float(number))
    history.begin(record)
    history.end(ended_record(record, files=(kept_image(kept, f"{number}".encode() * 1000, holder=record.id),)))
    print(number, flush=True)
"""


def test_a_killed_program_loses_no_finished_run(database: str, tmp_path: Path) -> None:
    """After a kill during work, every run that the program reported as finished is complete, and so
    are its files."""
    folder = tmp_path / "kept"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), database, str(folder)]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        said = [int(program.stdout.readline()) for _ in range(20)]
        program.send_signal(signal.SIGKILL)
        said += map(int, program.stdout.read().split())
    kept = BlobStore(folder)
    history = RunStore(database, kept)
    found = {record.id: record for record in history.of(ANN, limit=200)}
    for number in said[-200:]:
        (file,) = found[f"r{number}"].state.files
        path = kept.path(file.digest)
        assert path is not None
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.digest
    assert len(history.unfinished()) <= 1
    history.close()
