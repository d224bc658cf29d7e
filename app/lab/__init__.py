"""The laboratory: claims about sessions, tried on the real application by a browser."""
