"""Runs in the format of ComfyUI's `/queue` and `/history`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy.base.messages import sentences
from comfy.comfyui.object_info import NodeSpec
from comfy.comfyui.protocol.outputs import OutputFile
from comfy.comfyui.protocol.result_types import FileKind
from comfy.comfyui.protocol.run_state import Phase
from comfy.records.record import SENT_PROMPT, Record
from comfyforms.plugins.comfyui_api.relay import own_subfolder
from ui.documents.run_doc import problem_of

Json = dict[str, Any]
# Keys of a node's output. ComfyUI's own nodes have videos under "images".
_KEYS: Mapping[FileKind, str] = MappingProxyType(
    {"image": "images", "video": "images", "audio": "audio", "3d": "3d", "file": "files"}
)
_OF_PACK, _PACK_KEY = "VHS_", "gifs"  # Video Helper Suite's nodes


def queue_entry(number: float, record: Record, catalog: Mapping[str, NodeSpec]) -> list[object]:
    """Return `[number, id, prompt, extra_data, outputs]`. Only a prompt that a program sent is
    shown: others contain values of the workflow's author."""
    job = record.job
    if job.workflow != SENT_PROMPT:
        return [number, record.id, {}, {}, sorted(job.outputs or ())]
    specs = {node: catalog.get(one["class_type"]) for node, one in job.prompt.items()}
    outputs = [node for node, spec in specs.items() if spec is not None and spec.output_node]
    return [number, record.id, job.prompt, dict(job.extra_data), outputs]


def history_entry(record: Record, entry: list[object]) -> Json:
    """Return a finished run. `entry`: the result of `queue_entry`."""
    is_done = record.state.phase is Phase.DONE
    outputs = _outputs(record)
    return {
        "prompt": entry,
        "outputs": outputs,
        "status": {
            "status_str": "success" if is_done else "error",
            "completed": is_done,
            "messages": _messages(record),
        },
        "meta": {
            node: {
                "node_id": node,
                "display_node": node,
                "parent_node": None,
                "real_node_id": node,
            }
            for node in outputs
        },
    }


def _outputs(record: Record) -> Json:
    outputs: dict[str, dict[str, list[object]]] = {}
    for file in record.state.files:
        node = outputs.setdefault(file.node, {})
        node.setdefault(_key(record, file), []).append(
            {
                "filename": file.filename,
                "subfolder": own_subfolder(record.id, file.subfolder),
                "type": file.type,
            }
        )
        if file.kind == "video":
            node["animated"] = [True]
    for text in record.state.texts:
        outputs.setdefault(text.node, {}).setdefault("text", []).append(text.text)
    return outputs


def _key(record: Record, file: OutputFile) -> str:
    node = record.job.prompt.get(file.node)
    is_of_pack = node is not None and node["class_type"].startswith(_OF_PACK)
    if file.side:
        return f"{file.side}_images"
    return _PACK_KEY if is_of_pack and file.kind in ("image", "video") else _KEYS[file.kind]


def _messages(record: Record) -> list[list[object]]:
    state, prompt_id = record.state, record.id
    begun = int(1000 * (state.started_at or record.submitted_at))
    ended = int(1000 * (state.finished_at or record.submitted_at))
    about: Json = {"prompt_id": prompt_id, "timestamp": ended}
    messages: list[list[object]] = [
        ["execution_start", {"prompt_id": prompt_id, "timestamp": begun}],
        ["execution_cached", {"nodes": [], "prompt_id": prompt_id, "timestamp": begun}],
    ]
    match state.phase:
        case Phase.DONE:
            return [*messages, ["execution_success", about]]
        case Phase.STOPPED:
            node = _node(record, state.node)
            return [*messages, ["execution_interrupted", about | node | {"executed": []}]]
    error, problem = state.error, problem_of(record)
    details = {
        "executed": [],
        "exception_message": sentences(problem.message, problem.hint) if problem else "",
        "exception_type": "",
        "traceback": [error.detail] if error and error.detail else [],
        "current_inputs": {},
        "current_outputs": [],
    }
    node = _node(record, error.node if error and error.node else state.node)
    return [*messages, ["execution_error", about | node | details]]


def _node(record: Record, node: str | None) -> Json:
    known = record.job.prompt.get(node or "")
    return {"node_id": node, "node_type": known["class_type"] if known else None}
