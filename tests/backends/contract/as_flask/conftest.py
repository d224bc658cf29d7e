"""What is decided in code that backends share is tried on one of each class."""

from tests.backends.places import CLASSES, placed_on

placed = placed_on(CLASSES)
