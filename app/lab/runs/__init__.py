"""Runs of the laboratory: in the foreground, in the background, in a pool."""
