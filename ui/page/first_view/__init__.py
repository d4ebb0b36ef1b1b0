"""First view of the page: the form's labels and values in the first document, until Gradio has
drawn its fields."""
