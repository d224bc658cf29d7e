"""How the backend on Redis reaches its servers."""
