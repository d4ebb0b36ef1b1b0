"""Setting of the editor's address."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from ui.settings.named_servers import OWN


def _address(value: str) -> str:
    parts = urlsplit(value := value.rstrip("/"))
    if value and (parts.scheme not in ("http", "https") or parts.path or not parts.hostname):
        raise PydanticCustomError(OWN, "write an address like https://editor.example.org.")
    if parts.scheme == "http" and not _is_apart(parts.hostname or ""):
        # Without TLS, cookies of one name in a domain can be overwritten from another.
        raise PydanticCustomError(OWN, "a name with a dot needs https://.")
    return value


def _is_apart(name: str) -> bool:
    """Return whether no other host name shares cookies with this one."""
    try:
        return bool(ip_address(name))
    except ValueError:
        return "." not in name.removesuffix(".localhost")


class EditorSettings(BaseModel):
    """Settings of the editor."""

    editor: Annotated[str, AfterValidator(_address)] = Field(
        "",
        title="URL",
        description=(
            "address for ComfyUI's editor, with a host name of its own, like"
            " https://editor.example.org"
        ),
    )
