"""Node packs whose own script changes how the editor reads or sends a node."""
