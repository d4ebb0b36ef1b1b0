"""The stand-in's HTTP and WebSocket server."""
