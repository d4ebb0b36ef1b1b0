"""Other interfaces: Gradio endpoints, MCP, the relay, comfy_runner."""
