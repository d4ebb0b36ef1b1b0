"""`comfyforms space`: write and check a Hugging Face Space."""
