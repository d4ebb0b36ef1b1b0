"""One file per widget: everything `comfy` knows about it, as a `FieldKind`."""
