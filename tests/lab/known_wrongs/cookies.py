"""Backends with one defect in their cookies."""

from tests.lab.known_wrongs.wrong import Wrong

WRONGS: dict[str, Wrong] = {}
