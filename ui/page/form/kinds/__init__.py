"""One file per widget: its Gradio component, as a `FieldView`."""
