"""Records of runs, and the files that belong to them."""

from __future__ import annotations

from dataclasses import replace

from comfy.base.errors import NodeError
from comfy.comfyui.protocol.outputs import OutputFile, TextOutput
from comfy.comfyui.protocol.run_state import Phase, RunError, waiting
from comfy.prompt.model import InputRef
from comfy.records.blobs import BlobStore
from comfy.records.record import Job, KeptInput, Record

ANN, BOB = "browser:ann", "user:bob"
PROMPT = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 2**64 - 1, "model": ["4", 0]},
        "_meta": {"title": "Ü"},
    }
}


def begun(run_id: str = "r1", owner: str = ANN, at: float = 1000.0, **job: object) -> Record:
    """Return the record of a newly submitted run."""
    asked = Job(**{"prompt": PROMPT, "workflow": "portrait", "title": "Portrait", **job})  # type: ignore[arg-type]
    return Record(
        run_id, owner, asked, at, waiting(run_id, asked.prompt, asked.outputs, asked.titles)
    )


def ended_record(
    record: Record, phase: Phase = Phase.DONE, at: float | None = None, **state: object
) -> Record:
    """Return a finished copy of this record."""
    told = {"phase": phase, "finished_at": record.submitted_at + 1 if at is None else at, **state}
    return replace(record, state=replace(record.state, **told))  # type: ignore[arg-type]


def kept_image(kept: BlobStore, data: bytes, holder: str = "", name: str = "a.png") -> OutputFile:
    """Store a copy of a server's file and return it."""
    digest, size = kept.add([data], holder=holder)
    return OutputFile(name, "", "output", "image", "9", digest, size)


def bytes_kept(kept: BlobStore) -> int:
    """Count the stored bytes of all files and thumbnails, to show whether any are left over."""
    below = (path for folder in (kept._files, kept._thumbnails) for path in folder.rglob("*"))
    return sum(path.stat().st_size for path in below if path.is_file())


def ids(records: tuple[Record, ...]) -> list[str]:
    return [record.id for record in records]


EVERYTHING = replace(
    begun(
        "everything",
        outputs=frozenset({"9", "12"}),
        values={
            "3.seed": 2**64 - 1,
            "2.text": "Grün \U0001f3ee",
            "x": -(2**63),
            "y": 0.1,
            "z": None,
            "l": [1, "b"],
        },
        inputs={
            "7.image": KeptInput(
                "mein Foto.png", "ab" * 32, (InputRef("7", "image"), InputRef("8", "mask"))
            )
        },
        titles={"3": "Sampler"},
    ),
    sent=True,
    keeps_going=True,
    server="http://127.0.0.1:8188",
    group="batch",
    parents=("the run before", "another \ud800"),
)
EVERYTHING = ended_record(
    EVERYTHING,
    Phase.FAILED,
    prompt_id="the server's own",
    files=(
        OutputFile("a.png", "sub", "output", "image", "9", "cd" * 32, 2**40),
        OutputFile("b", "", "temp", "3d", "1"),
    ),
    texts=(TextOutput("12", "said\n<b>so</b>"),),
    error=RunError("It failed.", "Try.", "3", "Sampler", "detail"),
    node_errors=(
        NodeError("3", None, "KSampler", "t", "m", "d"),
        NodeError("4", "seed", "K", "t", "m", "d"),
    ),
    started_at=1000.1,
    finished_at=1003.0000001,
)
