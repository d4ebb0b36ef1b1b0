"""Gradio endpoints below `/endpoints`, one per workflow.

One endpoint of the page's Gradio answers them all and gets the workflow's name. Blocks with an
endpoint per workflow would have to be rebuilt after each change, and Gradio never frees old ones: 8
MB each time with a hundred workflows.
"""
