"""Main fields that depend on the form's other fields."""

from __future__ import annotations

from comfy.prompt.model import Prompt
from tests.form.rules.test_main_fields import form_with, main
from tests.support.samples.forms import node, text_to_image, with_values


def test_a_form_without_wishes_shows_its_first_values() -> None:
    """Numbers to compute with are the only things that users can enter."""
    prompt: Prompt = {
        "1": node("RandomRows", kind="digits", rows=5, length=10, joined=""),
        "2": node("SaveImage", images=["3", 0], filename_prefix="x"),
        "3": node("DrawText", text=["1", 0]),
    }
    assert main(form_with(prompt)) == {"1.kind": "Kind", "1.rows": "Rows", "1.length": "Frames"}


def test_the_values_of_a_node_that_draws_are_main() -> None:
    """Nothing else in the form tells what the pattern looks like."""
    prompt: Prompt = {
        "1": node("PrimitiveInt", value=5),
        "2": node("DrawLines", width=64, height=32, lines=["1", 0], color="red", center=3),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    shown = main(form_with(prompt))
    assert shown.keys() == {"2.width", "2.height", "1.value", "2.color", "2.center"}


def test_the_size_of_the_users_image_comes_before_a_helpers() -> None:
    """A blank image is only a placeholder."""
    prompt = text_to_image(
        n20=node("DrawLines", width=64, height=64, lines=1, color="red", center=3),
        n21=node("LoadImage", image="example.png"),
        n22=node("ImageResize", image=["21", 0], width=512, height=768),
        n23=node("JoinImages", first=["20", 0], second=["22", 0]),
        n24=node("VAEEncode", pixels=["23", 0], vae=["4", 2]),
        n25=node("MeasureImage", image=["22", 0]),
        n26=node("Panel", image=["8", 0], a=["25", 0], b=1, c=1, d=1),
    )
    prompt = with_values(with_values(prompt, "3", latent_image=["24", 0]), "9", images=["26", 0])
    del prompt["5"]
    shown = main(form_with(prompt))
    assert {"22.width", "22.height"} <= shown.keys()
    assert "20.width" not in shown


def test_the_strength_on_a_model_without_users_is_advanced() -> None:
    """The LoRA only changes the text encoder."""
    lora = node("LoraLoader", model=["4", 0], clip=["4", 1], lora_name="a", strength_model=1.0)
    prompt = with_values(text_to_image(n20=lora), "6", clip=["20", 1])
    assert "20.strength_model" not in main(form_with(prompt))
    assert "20.strength_model" in main(form_with(with_values(prompt, "3", model=["20", 0])))


def test_a_refiner_has_neither_the_seed_nor_the_steps() -> None:
    """The seed comes from a node of parameters, which also gives the number of images."""
    prompt = text_to_image(
        n20=node("Parameters", seed=7, batch_size=2, model="a"),
        n21=node(
            "KSampler",
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["3", 0],
            seed=9,
            steps=5,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
    )
    prompt = with_values(prompt, "8", samples=["21", 0])
    prompt = with_values(prompt, "3", seed=["20", 0])
    prompt = with_values(prompt, "5", batch_size=["20", 1])
    shown = main(form_with(prompt))
    assert {
        "20.seed": "Seed",
        "20.batch_size": "Images",
        "3.steps": "Steps",
    }.items() <= shown.items()
    assert not {"21.seed", "21.steps"} & shown.keys()


def test_the_scale_of_the_users_image_is_the_size() -> None:
    """With an empty latent, it's only a helper."""
    scaled = {
        "n20": node("LoadImage", image="example.png"),
        "n21": node("ScaleBy", image=["20", 0], scale_by=0.5),
        "n22": node("VAEEncode", pixels=["21", 0], vae=["4", 2]),
    }
    repainted = with_values(text_to_image(**scaled), "3", latent_image=["22", 0])
    del repainted["5"]
    assert main(form_with(repainted))["21.scale_by"] == "Scale factor"
    helper = text_to_image(**scaled, n23=node("SaveImage", images=["22", 0], filename_prefix="x"))
    assert "21.scale_by" not in main(form_with(helper))


def test_the_only_number_of_images_is_main() -> None:
    """A node without a latent may set it."""
    prompt = text_to_image(n20=node("Mode", batch_size=2, image_size_preset="512"))
    shown = main(form_with(with_values(prompt, "3", model=["20", 0])))
    assert shown["20.image_size_preset"] == "Image size preset"
    assert "20.batch_size" not in shown
    del prompt["5"]
    assert "20.batch_size" in main(form_with(with_values(prompt, "3", model=["20", 0])))


def test_strengths_of_loras_in_a_row_are_advanced() -> None:
    """Their authors balanced them. A LoRA that makes sampling faster doesn't count."""
    prompt = text_to_image(
        n20=node(
            "LoraLoaderModelOnly", model=["4", 0], lora_name="a.safetensors", strength_model=1.0
        ),
        n21=node(
            "LoraLoaderModelOnly", model=["20", 0], lora_name="b.safetensors", strength_model=0.5
        ),
    )
    prompt = with_values(prompt, "3", model=["21", 0])
    assert not {"20.strength_model", "21.strength_model"} & main(form_with(prompt)).keys()
    fast = with_values(prompt, "21", lora_name="turbo.safetensors")
    assert "20.strength_model" in main(form_with(fast))


def test_the_denoise_of_a_detailer_is_main_without_other_strengths() -> None:
    """A strength that guides the whole image matters more."""
    prompt = text_to_image(n20=node("FaceDetailer", image=["8", 0], denoise=0.4))
    prompt = with_values(prompt, "9", images=["20", 0])
    assert main(form_with(prompt))["20.denoise"] == "Strength"
    prompt["21"] = node("IPAdapter", model=["4", 0], weight=0.8)
    form = form_with(with_values(prompt, "3", model=["21", 0]))
    assert main(form)["21.weight"] == "Strength"
    assert form.field("20.denoise").group == "advanced"
    assert form.field("20.denoise").label == "Denoise (Face Detailer)"


def test_the_strength_of_a_node_that_is_off_is_advanced() -> None:
    """Changing it has no effect until users choose a mode."""
    prompt = text_to_image(n20=node("IPAdapter", model=["4", 0], weight=0.8, weight_mode="none"))
    prompt = with_values(prompt, "3", model=["20", 0])
    assert "20.weight" not in main(form_with(prompt))
    assert "20.weight" in main(form_with(with_values(prompt, "20", weight_mode="linear")))


def test_a_text_that_is_only_saved_is_advanced() -> None:
    """It's a comment in the file."""
    prompt = text_to_image()
    prompt["9"] = node("SaveWithText", images=["8", 0], extra_info="made by me")
    assert "9.extra_info" not in main(form_with(prompt))


def test_the_first_of_services_in_a_row_has_the_seed() -> None:
    """The others continue its result, and a model for each of them would be too much."""
    texts = {"prompt": "a fox", "model": "good", "aspect_ratio": "auto"}
    prompt: Prompt = {
        "1": node("ImageService", seed=1, **texts),
        "2": node("EditService", image=["1", 0], seed=2, mode="precise", **texts),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    shown = main(form_with(prompt))
    assert "1.seed" in shown
    assert not {"2.seed", "1.model", "2.model", "2.mode"} & shown.keys()


def test_a_short_choice_that_the_only_service_describes_is_main() -> None:
    """Users can decide between two ways that have a description."""
    prompt: Prompt = {
        "1": node("LoadImage", image="example.png"),
        "2": node("EditService", image=["1", 0], seed=2, mode="precise", prompt="", model="good"),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    }
    assert {"2.mode": "Mode", "2.model": "Model"}.items() <= main(form_with(prompt)).items()


def test_the_steps_of_an_edit_are_its_strength() -> None:
    """They tell how closely the result follows the original, if nothing else does."""
    prompt: Prompt = text_to_image(n20=node("ReverseEditSampler", model=["4", 0], inject_steps=5))
    assert "20.inject_steps" in main(form_with(with_values(prompt, "3", model=["20", 0])))
