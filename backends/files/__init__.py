"""The parts of the backend on files."""
