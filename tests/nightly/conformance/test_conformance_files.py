"""Uploads, views, files written by nodes, the catalog, and the server's information about
itself."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from PIL import Image

from comfyui_standin.nodes.base import RawPrompt
from tests.support.speaking import Listener, ServerUnderTest, fresh_prompt, submit


def png_of(
    colour: tuple[int, ...] = (200, 60, 30), mode: str = "RGB", size: tuple[int, int] = (96, 64)
) -> bytes:
    """Return a PNG of one color."""
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def upload(
    server: ServerUnderTest, data: bytes, name: str = "photo.png", kind: str = "image", **form: str
) -> Any:
    answer = server.request(
        "POST", f"/upload/{kind}", files={"image": (name, data, "image/png")}, data=form
    )
    return answer.json() if answer.status_code == 200 else answer.status_code


def view(server: ServerUnderTest, file: dict[str, str], **more: str) -> Image.Image:
    """Return the image that /view sends for a file."""
    answer = server.request("GET", "/view", params={**file, **more})
    assert answer.status_code == 200
    return Image.open(io.BytesIO(answer.content))


def run(server: ServerUnderTest, listener: Listener, prompt: RawPrompt) -> dict[str, Any]:
    """Run a prompt to its end and return its outputs."""
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    entry = server.get(f"/history/{prompt_id}")[prompt_id]
    assert entry["status"]["status_str"] == "success", entry["status"]
    outputs: dict[str, Any] = entry["outputs"]
    return outputs


@pytest.fixture
def folder() -> str:
    """Return the name of a subfolder that no other test uses."""
    return f"conformance-{uuid.uuid4().hex[:8]}"


def test_names_of_uploads(server: ServerUnderTest, folder: str) -> None:
    """If a name is taken, the server adds a number, unless the bytes are the same. With overwrite,
    the server replaces the file."""
    there = {"subfolder": folder, "type": "input"}
    assert upload(server, png_of(), **there) == {"name": "photo.png", **there}
    assert upload(server, png_of((1, 2, 3)), **there)["name"] == "photo (1).png"
    assert upload(server, png_of((4, 5, 6)), **there)["name"] == "photo (2).png"
    assert upload(server, png_of(), **there)["name"] == "photo.png"
    assert upload(server, png_of((9, 9, 9)), overwrite="true", **there)["name"] == "photo.png"
    shown = view(server, {"filename": "photo.png", **there})
    assert shown.convert("RGB").getpixel((0, 0)) == (9, 9, 9)


@pytest.mark.parametrize(
    ("name", "form"), [("../../evil.png", {}), ("x.png", {"subfolder": "../../evil"})]
)
def test_uploads_stay_inside(server: ServerUnderTest, name: str, form: dict[str, str]) -> None:
    """The server refuses a name or subfolder outside its folder."""
    assert upload(server, png_of(), name, type="input", **form) == 400


def test_a_name_with_a_leading_slash(server: ServerUnderTest, folder: str) -> None:
    """The server drops a leading slash."""
    assert (
        upload(server, png_of(), "/photo.png", subfolder=folder, type="input")["name"]
        == "photo.png"
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("filename=nope.png", 404),
        ("filename=../../etc/passwd", 400),
        ("filename=/etc/passwd", 400),
        ("filename=x.png&subfolder=../..", 403),
        ("filename=x.png&type=elsewhere", 400),
        ("", 404),
    ],
)
def test_views_stay_inside(server: ServerUnderTest, query: str, status: int) -> None:
    """The server refuses unknown files and paths outside its folders."""
    assert server.request("GET", f"/view?{query}").status_code == status


def test_a_mask_becomes_alpha(server: ServerUnderTest, folder: str) -> None:
    """/upload/mask stores the original image with the alpha channel of the uploaded mask."""
    there = {"subfolder": folder, "type": "input"}
    upload(server, png_of((200, 60, 30)), "base.png", **there)
    reference = json.dumps({"filename": "base.png", **there})
    painted = png_of((0, 0, 0, 0), "RGBA")
    assert (
        upload(server, painted, "mask.png", "mask", original_ref=reference, **there)["name"]
        == "mask.png"
    )
    composed = view(server, {"filename": "mask.png", **there})
    assert composed.mode == "RGBA"
    assert composed.getpixel((5, 5)) == (200, 60, 30, 0)


def test_parts_of_a_file(server: ServerUnderTest, folder: str) -> None:
    """/view sends byte ranges, and reports a file's length on a HEAD request."""
    data = png_of()
    upload(server, data, subfolder=folder, type="input")
    where = {"filename": "photo.png", "subfolder": folder, "type": "input"}
    answer = server.request("GET", "/view", params=where, headers={"Range": "bytes=4-9"})
    assert (answer.status_code, answer.content) == (206, data[4:10])
    assert answer.headers["content-range"] == f"bytes 4-9/{len(data)}"
    answer = server.request("HEAD", "/view", params=where)
    assert (answer.headers["content-length"], answer.content) == (str(len(data)), b"")


def test_a_smaller_view(server: ServerUnderTest, folder: str) -> None:
    """`preview` requests a lossy WebP or JPEG."""
    upload(server, png_of(), subfolder=folder, type="input")
    where = {"filename": "photo.png", "subfolder": folder, "type": "input"}
    assert view(server, where, preview="webp;80").format == "WEBP"
    assert view(server, where, preview="jpeg").format == "JPEG"


def test_metadata_in_saved_images(server: ServerUnderTest, listener: Listener) -> None:
    """SaveImage writes the prompt into the PNG, and also the graph if the client sent it."""
    prompt = fresh_prompt(server, steps=1)
    graph = {"workflow": {"id": "x", "nodes": []}}
    prompt_id = submit(server, listener, prompt, extra_data={"extra_pnginfo": graph})
    listener.wait_end(prompt_id)
    (file,) = server.get(f"/history/{prompt_id}")[prompt_id]["outputs"]["9"]["images"]
    assert file["subfolder"] == "conformance"
    assert file["filename"].startswith("image_")
    shown = view(server, file)
    assert shown.size == (128, 128)
    assert json.loads(shown.info["prompt"]).keys() == prompt.keys()
    assert json.loads(shown.info["workflow"]) == graph["workflow"]


def test_another_runs_result_as_input(server: ServerUnderTest, listener: Listener) -> None:
    """LoadImage reads `subfolder/name [output]` without an upload."""
    (file,) = run(server, listener, fresh_prompt(server, steps=1))["9"]["images"]
    prompt: RawPrompt = {
        "1": {
            "class_type": "LoadImage",
            "inputs": {"image": f"{file['subfolder']}/{file['filename']} [output]"},
        },
        "2": {
            "class_type": "ImageScaleBy",
            "inputs": {"image": ["1", 0], "upscale_method": "lanczos", "scale_by": 2.0},
        },
        "3": {
            "class_type": "SaveImage",
            "inputs": {"filename_prefix": "conformance/up", "images": ["2", 0]},
        },
    }
    (larger,) = run(server, listener, prompt)["3"]["images"]
    assert view(server, larger).size == (256, 256)


def test_image_to_image_and_inpaint(
    server: ServerUnderTest, listener: Listener, folder: str
) -> None:
    """Image-to-image and inpainting both start from an uploaded image."""
    transparent = Image.new("RGBA", (128, 128), (200, 60, 30, 255))
    transparent.paste((200, 60, 30, 0), (0, 0, 64, 128))
    buffer = io.BytesIO()
    transparent.save(buffer, "PNG")
    upload(server, buffer.getvalue(), subfolder=folder, type="input")
    prompt = fresh_prompt(server, steps=2, denoise=0.6)
    del prompt["5"]
    prompt["20"] = {"class_type": "LoadImage", "inputs": {"image": f"{folder}/photo.png"}}
    prompt["21"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["20", 0], "vae": ["4", 2]}}
    prompt["3"]["inputs"]["latent_image"] = ["21", 0]
    (file,) = run(server, listener, prompt)["9"]["images"]
    assert view(server, file).size == (128, 128)
    masked = {"pixels": ["20", 0], "vae": ["4", 2], "mask": ["20", 1], "grow_mask_by": 6}
    prompt["21"] = {"class_type": "VAEEncodeForInpaint", "inputs": masked}
    (file,) = run(server, listener, prompt)["9"]["images"]
    assert view(server, file).size == (128, 128)


def test_media_and_text_outputs(server: ServerUnderTest, listener: Listener) -> None:
    """The server lists animations and videos under images, audio under audio, and text as plain
    strings."""
    prompt = fresh_prompt(server, steps=1, batch=3)
    name = {"filename_prefix": "conformance/media"}
    webp = {
        "images": ["8", 0],
        "fps": 6.0,
        "lossless": False,
        "quality": 80,
        "method": "default",
        **name,
    }
    video = {"video": ["30", 0], "format": "auto", "codec": "auto", **name}
    silent = {"duration": 0.5, "sample_rate": 44100, "channels": 2}
    prompt |= {
        "9": {"class_type": "SaveAnimatedWEBP", "inputs": webp},
        "30": {"class_type": "CreateVideo", "inputs": {"images": ["8", 0], "fps": 6.0}},
        "31": {"class_type": "SaveVideo", "inputs": video},
        "33": {"class_type": "EmptyAudio", "inputs": silent},
        "34": {"class_type": "SaveAudio", "inputs": {"audio": ["33", 0], **name}},
        "36": {"class_type": "PrimitiveString", "inputs": {"value": "a caption"}},
        "37": {"class_type": "PreviewAny", "inputs": {"source": ["36", 0]}},
    }
    outputs = run(server, listener, prompt)
    assert outputs["9"]["animated"] == outputs["31"]["animated"] == [True]
    assert outputs["37"]["text"] == ["a caption"]
    expected = {
        "9": ("images", "image/webp", b"RIFF"),
        "31": ("images", "video/mp4", None),
        "34": ("audio", "audio/", b"fLaC"),
    }
    for node, (key, content_type, magic) in expected.items():
        (file,) = outputs[node][key]
        answer = server.request("GET", "/view", params=file)
        assert answer.headers["content-type"].startswith(content_type)
        assert answer.content.startswith(magic or answer.content[:4] + b"ftyp")
    (file,) = outputs["9"]["images"]
    assert getattr(view(server, file), "n_frames", 1) == 3


def test_the_server_describes_its_system_and_models(server: ServerUnderTest) -> None:
    """The answers for system_stats, features, models and embeddings have the expected structure."""
    stats = server.get("/system_stats")
    assert {"os", "comfyui_version", "python_version", "ram_total", "argv"} <= stats[
        "system"
    ].keys()
    assert {"name", "type", "vram_total", "vram_free"} <= stats["devices"][0].keys()
    assert server.get("/features")["max_upload_size"] > 0
    assert {"checkpoints", "loras", "vae"} <= set(server.get("/models"))
    assert server.checkpoint in server.get("/models/checkpoints")
    assert server.request("GET", "/models/no_such_folder").status_code == 404
    assert isinstance(server.get("/embeddings"), list)
    assert server.post("/free", {"unload_models": False}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/prompt", "/queue", "/features", "/object_info/KSampler", "/models"]
)
def test_the_api_prefix(server: ServerUnderTest, path: str) -> None:
    """Every route also exists under /api."""
    assert server.get(f"/api{path}") == server.get(path)


def test_object_info(server: ServerUnderTest) -> None:
    """The entry for one class is the same as in the whole catalog. An unknown class gives an
    empty object with status 200."""
    sampler = server.get("/object_info/KSampler")
    assert sampler["KSampler"] == server.get("/object_info")["KSampler"]
    assert server.get("/object_info/NoSuchNode") == {}
    steps = sampler["KSampler"]["input"]["required"]["steps"]
    assert (steps[0], steps[1]["min"], steps[1]["max"]) == ("INT", 1, 10000)


def test_uploads_are_offered(server: ServerUnderTest) -> None:
    """LoadImage's list includes an image uploaded without a subfolder."""
    name = f"conformance-{uuid.uuid4().hex[:8]}.png"
    upload(server, png_of(), name, type="input")
    assert (
        name in server.get("/object_info/LoadImage")["LoadImage"]["input"]["required"]["image"][0]
    )


def test_deleting_history(server: ServerUnderTest, listener: Listener) -> None:
    """POST /history deletes one entry. Its history is then an empty object, as for an unknown
    id."""
    prompt_id = submit(server, listener, fresh_prompt(server, steps=1))
    listener.wait_end(prompt_id)
    assert prompt_id in server.get("/history?max_items=5")
    assert server.post("/history", {"delete": [prompt_id]}).status_code == 200
    assert server.get(f"/history/{prompt_id}") == {}
