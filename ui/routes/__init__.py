"""The app's own HTTP and WebSocket routes."""
