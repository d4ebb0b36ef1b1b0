"""Several app processes on one database, and the commands `comfyforms cluster`."""

from __future__ import annotations

EXTRA = "cluster"  # in pyproject.toml, with the packages that it needs
# In capitals, a cluster is a part of a Matroska file; "precluster" is an input of a node.
NOUNS = (
    r"(?-i:(?<!pre)[Cc]luster)",
    r"\bdbos\b|\bredis\b|rediss:|valkey",
    r"--(wire|process|pages|execute)\b|COMFYFORMS_WIRE\b",
    r"wire_up|_process_(runs|silent)|messages between processes",
)
