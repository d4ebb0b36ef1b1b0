"""The page: a form, an image with its previews, a history."""
