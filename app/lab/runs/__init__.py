"""Runs of the laboratory: the pool of processes, and runs that the application starts."""
