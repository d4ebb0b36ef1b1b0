"""What strangers may push at most. The defaults suit some twenty people and a machine with 4 GB to spare."""

from __future__ import annotations

from dataclasses import dataclass, field

from comfy.media_kinds import MIB, FileLimits

ENVELOPE = MIB  # bytes that a file's request may have beside the file


@dataclass(frozen=True)
class WebLimits:
    """One value for all of the web side; sizes in bytes, ages in seconds. Runs have their own: `comfy.runs.RunLimits`.

    `file`: one file. `body`: any other request. `arriving`: requests in memory at once, of everybody.
    `uploading`: uploads at once, `upload_seconds` each at most. `uploads`, `upload_age`: files given by people that are
    kept for their forms; the oldest go first. `run_files`: all files of one run.
    `values`, `depth`: of one call's JSON. `connections`: open at once, of everybody; `sockets` and `person_sockets`:
    WebSockets among them, in all and of one person. `pages`: open pages whose forms are kept; the one used longest ago
    goes first. `calls`: scripts' calls that wait.
    """

    file: FileLimits = field(default_factory=FileLimits)
    body: int = 48 * MIB
    arriving: int = 512 * MIB
    uploading: int = 32
    upload_seconds: float = 900.0
    uploads: int = 4096 * MIB
    upload_age: float = 24 * 3600.0
    run_files: int = 512 * MIB
    values: int = 20_000
    depth: int = 50
    connections: int = 900  # most systems give a process 1024 open files
    sockets: int = 600
    person_sockets: int = 100
    pages: int = 1000
    calls: int = 300
