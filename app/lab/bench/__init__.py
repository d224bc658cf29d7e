"""What a session costs on each backend: `session-lab bench`."""
