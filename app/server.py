"""The server of `session-lab run`: gunicorn, by default with threads in one process."""

import errno
import logging
import os
import signal
import socket
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers import gthread

from app import create_app
from app.config import is_embedded
from app.state import state_of
from backends import (
    BACKENDS,
    Backend,
    ConfigurationError,
    StoreUnavailable,
    find_backend,
    find_risk,
)

THREADS = 8

MAX_HEADER_BYTES = 16 * 1024
"""Gunicorn's own limit for one header, 8190 bytes, is below what three full cookies need."""

GRACEFUL_TIMEOUT_SECONDS = 5
"""For the requests in progress at the end; Docker kills a container after ten seconds."""

SILENT_CONNECTION_TIMEOUT_SECONDS = 0.5
"""Browsers open connections in advance; each holds a thread, and the end of the process, for this
long. Gunicorn's own five seconds are long after Ctrl-C."""


class Worker(gthread.ThreadWorker):
    """Gunicorn's thread worker, which exits at once on Ctrl-C.

    Gunicorn's own signal handler takes a lock that the interrupted code may hold.
    """

    def is_parent_alive(self) -> bool:
        """Whether gunicorn's first process runs; if it was killed, no worker got its signal."""
        is_alive = bool(super().is_parent_alive())
        if not is_alive:
            self.handle_exit(signal.SIGTERM, None)
        return is_alive

    def handle_quit(self, _signal: int, _frame: object) -> None:
        os._exit(0)


class Server(BaseApplication):
    """Gunicorn with this application's settings instead of a configuration file.

    The application is created before the workers, so that they share it and an invalid setting is
    reported once.
    """

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        self.app = app
        self.descriptor = listener.detach()
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self.descriptor}",
            "workers": self.app.config["WEB_CONCURRENCY"],
            "worker_class": Worker,
            "threads": THREADS,
            "limit_request_field_size": MAX_HEADER_BYTES,
            "graceful_timeout": GRACEFUL_TIMEOUT_SECONDS,
            "loglevel": "error",
            "control_socket_disable": True,
            "when_ready": self._greet,
        }
        assert self.cfg is not None
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app

    def _greet(self, _arbiter: object) -> None:
        print(format_greeting(self.app), flush=True)


def serve() -> None:
    """Check the services, print the address and serve until a signal stops it.

    Raises `ConfigurationError` with one line if it cannot start.
    """
    app = create_app()
    _check_services(app)
    gthread.DEFAULT_WORKER_DATA_TIMEOUT = SILENT_CONNECTION_TIMEOUT_SECONDS
    Server(app, _listen(app.config["HOST"], app.config["PORT"])).run()


def format_greeting(app: Flask) -> str:
    """The lines to print at the start: what is served, and where."""
    name, host = app.config["SESSION_BACKEND"], app.config["HOST"]
    what = BACKENDS[name].title if name else "every backend, side by side"
    address = f"[{host}]" if ":" in host else host
    lines = [f"Session Lab ({what}): http://{address}:{app.config['PORT']}"]
    if is_embedded(app.config):
        lines.append("Redis is embedded: those sessions are gone when this process ends.")
    return "\n".join(lines)


def _check_services(app: Flask) -> None:
    logging.disable(logging.ERROR)  # a failure is reported once, by the error that ends the start
    try:
        _check_backends(app)
    finally:
        logging.disable(logging.NOTSET)


def _check_backends(app: Flask) -> None:
    for application in (app, *state_of(app).mounted.values()):
        backend = find_backend(application)
        if backend is None or backend.needs is None or backend.check is None:
            continue
        try:
            with application.app_context():
                backend.check(application)
                if risk := find_risk(application):
                    print(f"Warning: {risk}", file=sys.stderr, flush=True)
        except StoreUnavailable as error:
            reason = error.reason.rstrip(".")
            raise ConfigurationError(
                _explain_failure(backend, reason, app.config["REDIS_URL"])
            ) from error


def _explain_failure(backend: Backend, reason: str, redis_url: str) -> str:
    if not backend.on_redis:
        return f"{backend.needs}, which {backend.title} needs, cannot be used: {reason}. Start it."
    return (
        f"REDIS_URL={_hide_password(redis_url)} cannot be used: {reason}. "
        "Start that Redis, or unset REDIS_URL for the embedded one."
    )


def _hide_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    credentials, _, address = rest.rpartition("@")
    return f"{scheme}://{'***@' if credentials else ''}{address.partition('?')[0]}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"PORT={port}: another program listens on {host} there. "
                "Stop it, or set another PORT."
            ) from error
        reason = str(error.strerror).partition(" (")[0]  # Python 3.11 adds the address
        raise ConfigurationError(
            f"HOST={host} PORT={port}: cannot listen there ({reason})."
        ) from error
