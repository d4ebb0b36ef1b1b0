"""Each workflow as an endpoint of its own for Gradio's clients, below `/endpoints`.

The page's Gradio answers them all, by one endpoint that is told which is meant. Blocks with an
endpoint for each workflow would have to be made anew whenever one changes, and Gradio lets go of
none that it has made: 8 MB each time with a hundred workflows.
"""
