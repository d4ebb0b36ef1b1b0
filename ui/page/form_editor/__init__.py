"""The page's part of the form editor, whose script is in `ui/page/script/editor`."""
