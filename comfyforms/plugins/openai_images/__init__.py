"""OpenAI's image API over workflows, at `/v1`."""

from __future__ import annotations

# occur nowhere outside this folder
NOUNS = (
    "openai_images",
    "openai's (image )?api",
    "from openai",
    "/v1/(images|models)",
    "ImageHandlers",
)
