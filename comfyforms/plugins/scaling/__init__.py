"""Elastic servers: start and stop ComfyUI servers with the administrator's commands."""
