"""Settings of the language model that rewrites prompts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr
from pydantic_core import PydanticCustomError

from ui.settings.named_servers import OWN, Secret

INSTRUCTIONS = (
    "Rewrite the user's prompt for an image or video generator. Keep its language, its meaning and"
    " everything it names. Add concrete visual detail. Answer with the new prompt only."
)


def _api_address(value: str) -> str:
    """Return the address of the API, without a slash at its end. Ollama's is below `/v1`, too."""
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
        raise PydanticCustomError(
            OWN, "write an address like http://127.0.0.1:11434 or https://api.example.org/v1."
        )
    return f"{value.rstrip('/')}/v1" if value and not parts.path.strip("/") else value.rstrip("/")


class RewritingSettings(BaseModel):
    """The server of a language model, which turns rewriting on."""

    rewrite_server: Annotated[str, AfterValidator(_api_address)] = Field(
        "",
        title="URL",
        description=(
            "Ollama, or another server with OpenAI's chat API, that rewrites prompts when users"
            " ask for it"
        ),
    )
    rewrite_model: str = Field("", title="NAME", description="model that rewrites prompts")
    rewrite_instructions: str = Field(
        INSTRUCTIONS, title="TEXT", description="instructions for that model"
    )
    rewrite_key: Annotated[SecretStr | None, Secret(is_option=False)] = Field(
        None, title="KEY", description="API key for the server that rewrites prompts"
    )
