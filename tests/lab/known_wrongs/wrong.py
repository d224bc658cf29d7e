"""What it takes to show that an experiment can tell right from wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from flask.sessions import SessionInterface

from app import create_app
from backends import BACKENDS, Backend
from backends.store import Clock


@dataclass(frozen=True)
class Wrong:
    """A subject built to break one claim, and one that keeps it."""

    breaks: Backend
    keeps: Backend
    create_app: Callable[..., Flask] = create_app
    """The application that breaks it, where the defect is the application's own."""


def broken(name: str, install: Callable[[Flask, Clock], SessionInterface], **what: Any) -> Backend:
    """The backend of that name with a defect: another way to install it, other declarations."""
    return replace(BACKENDS[name], install=install, **what)
