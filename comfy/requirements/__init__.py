"""A workflow's requirements: models, node packs, a version of ComfyUI and credits, and which of
them servers lack. Pure."""
