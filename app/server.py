"""The server of `session-lab run`: gunicorn, threads in one process unless told otherwise."""

import socket
from collections.abc import Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from app import create_app
from app.config import is_embedded, read_settings
from backends import BACKENDS, ConfigurationError, StoreUnavailable

THREADS = 8

MOST_HEADER_BYTES = 16 * 1024
"""Gunicorn's own limit for one header, 8190 bytes, is below what three full cookies need."""


class Server(BaseApplication):
    """Gunicorn with this application's settings instead of a configuration file."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"{self.settings['HOST']}:{self.settings['PORT']}",
            "workers": self.settings["WEB_CONCURRENCY"],
            "worker_class": "gthread",
            "threads": THREADS,
            "limit_request_field_size": MOST_HEADER_BYTES,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        assert self.cfg is not None
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app()


def serve() -> None:
    """Check what can be checked, print the address, and serve until told to stop.

    Raises `ConfigurationError` with one line where it cannot start.
    """
    settings = read_settings({})
    _check_stores(create_app())
    _check_port(settings["HOST"], settings["PORT"])
    print(_greeting(settings), flush=True)
    Server(settings).run()


def _check_stores(app: Flask) -> None:
    for application in (app, *app.extensions.get("mounted", {}).values()):
        backend = application.extensions.get("session_backend")
        if backend is None or backend.check is None:
            continue
        try:
            with application.app_context():
                backend.check(application)
        except StoreUnavailable as error:
            raise ConfigurationError(
                f"REDIS_URL: no answer from there ({error.reason}). "
                "Start that Redis, or unset REDIS_URL for the embedded one."
            ) from error


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"PORT={port}: cannot listen on {host} ({error.strerror}). "
                f"Stop the other program, or choose another: PORT={port + 1} make run"
            ) from error


def _greeting(settings: Mapping[str, Any]) -> str:
    name = settings["SESSION_BACKEND"]
    what = BACKENDS[name].title if name else "every backend, side by side"
    lines = [f"Session Lab ({what}): http://{settings['HOST']}:{settings['PORT']}"]
    if is_embedded(settings):
        lines.append("Redis is embedded: those sessions are gone when this process ends.")
    return "\n".join(lines)
