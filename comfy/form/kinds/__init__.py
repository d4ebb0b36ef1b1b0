"""One module per widget with everything that `comfy` knows about it, as a `FieldKind`."""
