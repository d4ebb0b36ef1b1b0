"""Full disks, the order in which users' results are removed, and file permissions."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comfy.base.errors import DiskFull
from comfy.records.blobs import BlobStore, HistoryLimits
from comfy.records.store import RunStore
from tests.support.samples.histories import ANN as ANNA
from tests.support.samples.histories import BOB as BEN
from tests.support.samples.histories import begun, bytes_kept, ended_record, ids, kept_image

DAY = 86400.0


def test_finding_26_results_of_other_users_are_kept(tmp_path: Path) -> None:
    """When a user exceeds the limit, the app removes that user's oldest results and no other
    user's."""
    with contextlib.closing(BlobStore(tmp_path / "kept")) as kept:
        history = RunStore(
            f"sqlite:///{tmp_path}/history.sqlite", kept, HistoryLimits(bytes=1_040_000)
        )
        now = time.time() - 2 * DAY
        for number in range(3):
            file = kept_image(kept, b"ann %d" % number + b"a" * 99_994)
            history.end(ended_record(begun(f"ann{number}", ANNA, at=now + number), files=(file,)))
        for number in range(40):
            file = kept_image(kept, b"ben %02d" % number + b"b" * 99_994)
            history.end(
                ended_record(begun(f"ben{number:02}", BEN, at=now + 100 + number), files=(file,))
            )
        history.sweep()
        assert len(history.of(ANNA)) == 3
        assert ids(history.of(BEN, limit=200)) == [f"ben{number}" for number in range(39, 32, -1)]
        assert bytes_kept(kept) <= 1_000_000
        history.close()


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_finding_26_existing_folders_are_closed_to_others(tmp_path: Path, mode: int) -> None:
    """Only this account can access the data folder, its contents and new files, even if another
    program created the folders."""
    data = tmp_path / "data"
    for folder in (data, data / "files", data / "files" / "ab", data / "thumbnails"):
        folder.mkdir()
        folder.chmod(mode)
    (data / "files" / "ab" / ("ab" * 32)).write_bytes(b"old")
    for name in ("secret", "secret.lock", "sign_in.sqlite", "users.json", "users.json.lock"):
        (data / name).touch(0o600)
    before = os.umask(0o022)
    try:
        kept = BlobStore(data)
        digest, _ = kept.add([b"new"])
        history = RunStore(f"sqlite:///{data}/history.sqlite", kept)
        history.close()
    finally:
        os.umask(before)
    new = kept.path(digest)
    assert new is not None
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "files").stat().st_mode) == 0o700
    for file in (new, data / "files" / "ab" / ("ab" * 32), data / "history.sqlite"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_finding_26_a_shared_folder_keeps_its_mode(tmp_path: Path) -> None:
    """In a folder with other contents, the app restricts only its own subfolders."""
    (tmp_path / "others.txt").write_text("others")
    tmp_path.chmod(0o755)
    BlobStore(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o700


def test_finding_26_a_full_disk_or_quota_has_its_own_error() -> None:
    """A full disk or quota gets its own error. Other errors keep the system's words."""
    import errno

    from comfy.base.errors import not_written, words_of

    for code in (errno.ENOSPC, errno.EDQUOT):
        told = not_written(OSError(code, "x"), "Not kept.", "hint", full="No room to keep it.")
        assert isinstance(told, DiskFull)
        assert str(told) == "No room to keep it."
    denied = OSError(errno.EACCES, "Permission denied")
    other = not_written(denied, f"Not kept: {words_of(denied)}.", "hint", full="No room.")
    assert (str(other), other.hint) == ("Not kept: Permission denied.", "hint")


ROOT = Path(__file__).parents[4]
FULL = """
import contextlib, sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.support.serving import open_history, running_demo_app
from tests.support.http_client import start, finished, get
from tests.support.waiting import LONGEST_WAIT

folder = Path(sys.argv[1])
with running_demo_app(step_seconds=0, data=folder) as (demo, app):
    values = {"5.steps": 1, "4.width": 256, "4.height": 256}
    with demo.hold("GET /view") as held:
        run = start(app, **values)
        assert held.reached.wait(LONGEST_WAIT)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as full:
            while full.write(b"x" * 512):
                pass
        held.release()
        finished(run)
    print(get(app, f"/api/v1/runs/{run.id}?with_page=true").json()["page"]["advice"])
    try:
        start(app, **values)
    except Exception as problem:
        print(f"{type(problem).__name__}: {problem}")
    filler.unlink()
    run = finished(start(app, **values))
    print("kept" if run.state.files[0].digest else "lost")
"""


def test_finding_26_a_full_disk_is_reported_as_such(tmp_path: Path) -> None:
    """The app runs on a full disk of 2 MB. The page and the error for a run that can't be saved say
    that the app's disk is full; neither blames ComfyUI. Once there is space, the app keeps results
    again."""
    mounting = f"mount -t tmpfs -o size=2m none {tmp_path}"
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "sh", "-c", mounting], capture_output=True).returncode
    ):
        pytest.skip(
            "needs to mount a small disk of its own (unshare -rm), which this machine does not"
            " allow"
        )
    command = f'{mounting} && exec "$0" -c "$1" {tmp_path}'
    told = subprocess.run(
        [unshare, "-rm", "sh", "-c", command, sys.executable, FULL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"TMPDIR": "/tmp"},
    )
    assert "Traceback" not in told.stderr, told.stderr
    result, refused, afterwards = told.stdout.splitlines()
    assert "The disk is full" in result
    assert "ComfyUI server" not in result
    assert refused == "DiskFull: The disk is full."
    assert afterwards == "kept"
