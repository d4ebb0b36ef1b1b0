"""Environment variables that Hugging Face sets in a Space with Gradio."""

from __future__ import annotations

PUBLIC = "ann-forms.hf.space"
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "ann/forms",
    "SPACE_HOST": PUBLIC,
    "SPACE_AUTHOR_NAME": "ann",
    "SPACE_REPO_NAME": "forms",
    "SPACE_TITLE": "ComfyForms",
    "SPACE_CREATOR_USER_ID": "64a1b2c3d4e5f60718293a4b",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_SERVER_PORT": "7860",
    "GRADIO_NUM_PORTS": "1",
    "GRADIO_ALLOW_FLAGGING": "never",
    "GRADIO_THEME": "huggingface",
    "CPU_CORES": "2",
    "MEMORY": "16Gi",
    "ACCELERATOR": "none",
}
