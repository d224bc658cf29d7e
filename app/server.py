"""The server of `session-lab run`: gunicorn, by default with threads in one process."""

import errno
import logging
import signal
import socket
import sys
from functools import partial
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from app.config import GIVE_AN_ADDRESS, PRODUCTION, is_embedded
from app.serving.worker import Worker
from app.state import state_of, with_mounted
from app.web.log import log_disabled
from backends import (
    BACKENDS,
    Backend,
    ConfigurationError,
    StoreUnavailable,
    find_backend,
    find_risk,
)
from backends.audit_log import log_event

THREADS = 8

MAX_HEADER_BYTES = 16 * 1024
"""Gunicorn's own limit for one header, 8190 bytes, is below what three full cookies need."""

GRACEFUL_TIMEOUT_SECONDS = 5
"""For the requests in progress at the end; Docker kills a container after ten seconds."""


class Server(BaseApplication):
    """Gunicorn with this application's settings instead of a configuration file.

    The application is created before the workers, so that they share it and an invalid setting is
    reported once.
    """

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        self.app = app
        self.descriptor = listener.detach()
        self.outlives_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as by nohup
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
            "sendfile": False,  # it would not go through `LeavingAnswer`
            # Gunicorn believes these of any client on loopback: ProxyFix reads what a proxy says.
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "when_ready": self._begin,
        }
        assert self.cfg is not None
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app

    def _begin(self, arbiter: Any) -> None:
        signal.signal(signal.SIGHUP, partial(self._handle_hangup, arbiter))
        log_new_accounts(self.app)
        print(format_greeting(self.app), flush=True)

    def _handle_hangup(self, arbiter: Any, _signal: int, frame: object) -> None:
        """End when the terminal is closed, unless it was started to outlive that.

        Gunicorn would start other workers, and serve on where nobody sees it: they have the same
        settings, and none of the sessions in an embedded Redis.
        """
        if not self.outlives_terminal:
            arbiter.signal(signal.SIGTERM, frame)


def serve(app: Flask) -> None:
    """Check the services, print the address and serve until a signal stops it.

    Raises `ConfigurationError` with one line if it cannot start.
    """
    with log_disabled(logging.ERROR):  # a failure is reported once, by the error that ends this
        _check_services(app)
    Server(app, _listen(app.config["HOST"], app.config["PORT"])).run()


def log_new_accounts(app: Flask) -> None:
    """Log it if no account has a change: a file that got lost would be missed otherwise."""
    for application in with_mounted(app):
        if state_of(application).accounts_begin_anew:
            log_event(application, "accounts begin anew", file=str(app.config["ACCOUNTS_FILE"]))


def format_greeting(app: Flask) -> str:
    """The lines to print at the start: what is served, and where."""
    name, host = app.config["SESSION_BACKEND"], app.config["HOST"]
    what = BACKENDS[name].title if name else "every backend, side by side"
    address = f"[{host}]" if ":" in host else host
    lines = [f"Session Lab ({what}): http://{address}:{app.config['PORT']}"]
    if app.config["APP_PROFILE"] == PRODUCTION:
        names = ", ".join(app.config["ALLOWED_HOSTS"])
        lines.append(f"It answers by HTTPS only, to these names: {names}. Open it by its proxy.")
    if is_embedded(app.config):
        lines.append("Redis is embedded: those sessions are gone when this process ends.")
    return "\n".join(lines)


def _check_services(app: Flask) -> None:
    for application in with_mounted(app):
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
        "Start or repair that Redis, or unset REDIS_URL for the embedded one."
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
        what_to_do = "Take a PORT from 1024 on." if error.errno == errno.EACCES else GIVE_AN_ADDRESS
        raise ConfigurationError(
            f"HOST={host} PORT={port}: cannot listen there ({reason}). {what_to_do}"
        ) from error
