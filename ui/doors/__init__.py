"""Other ways in: Gradio endpoints, MCP, the relay, comfy_runner."""
