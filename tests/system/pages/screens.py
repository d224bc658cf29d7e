"""The screens that every page fits on."""

from typing import Any

DESKTOP: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 390, "height": 844}
