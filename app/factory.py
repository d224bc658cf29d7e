"""How the application is put together: its parts, its settings, its backend."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Flask, has_request_context, request
from flask_bootstrap import Bootstrap5
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, dashboard, login, public_pages
from app.accounts import account, admin, sessions
from app.accounts.database import open_accounts
from app.accounts.guesses import Guesses
from app.config import PRODUCTION, is_embedded, read_settings
from app.demos import articles, building_blocks, cart, checkout, preferences, uploads
from app.inspector import inspector, replay, side_by_side
from app.inspector.traffic import TrafficRecorder
from app.languages import language
from app.state import SessionLab, state_of
from app.web import errors, headers, health, layout, log, same_origin
from backends import init_app
from backends.store import Clock

if TYPE_CHECKING:
    from fakeredis import FakeRedis


COMPRESSED_TYPES = ["text/css", "text/javascript", "image/svg+xml"]
"""Not pages: what is compressed with a secret tells it by its length (BREACH, CVE-2013-3587)."""

MAX_SESSION_BYTES = 256 * 1024
"""Of one visitor, in a store: more than an upload that is kept for a while takes."""


class LabApp(Flask):
    """Flask, with one address for a static file on all mounts, so that it is loaded once."""

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As Flask's, but for static files without the mount."""
        url = super().url_for(endpoint, **values)
        mount = request.script_root if has_request_context() else ""
        return url.removeprefix(mount) if endpoint.endswith("static") else url


def build_app(config: Mapping[str, Any] | None, clock: Clock) -> Flask:
    """What `app.create_app` returns."""
    given = dict(config or {})
    settings = {**given, **read_settings(given)}
    name = settings["SESSION_BACKEND"]
    app = _on_backend(settings, name, clock) if name else _side_by_side(settings, clock)
    guesses = Guesses(settings["REDIS_URL"], settings["WEB_CONCURRENCY"])
    for each in (app, *state_of(app).mounted.values()):
        state_of(each).guesses = guesses
    if settings["LAB"]:
        # Imported here: without it, nothing of the laboratory is loaded.
        from app.lab import cli as lab_cli
        from app.lab import pages

        pages.init_app(app)
        app.cli.add_command(lab_cli.compare)
        app.cli.add_command(lab_cli.bench)
        app.cli.add_command(lab_cli.plan)
    return app


def _on_backend(settings: Mapping[str, Any], name: str, clock: Clock) -> Flask:
    app = _create_base(settings, name, clock)
    _configure_session(app, name)
    init_app(app, name, clock)
    open_accounts(app)
    replay.init_app(app)
    for module in (login, account, admin, sessions, dashboard, inspector, public_pages):
        app.register_blueprint(module.bp)
    for demo in (articles, building_blocks, cart, checkout, preferences, uploads):
        app.register_blueprint(demo.bp)
    traffic = TrafficRecorder(app.wsgi_app, app.config["SESSION_COOKIE_NAME"])
    state_of(app).traffic = traffic
    app.wsgi_app = traffic  # type: ignore[method-assign]  # as Flask documents it
    return app


def _side_by_side(settings: Mapping[str, Any], clock: Clock) -> Flask:
    app = _create_base(settings, None, clock)
    side_by_side.init_app(app, lambda name: _on_backend(settings, name, clock))
    return app


def _create_base(settings: Mapping[str, Any], name: str | None, clock: Clock) -> Flask:
    """The parts every application has: settings, state, error page, headers, same-origin check."""
    app = LabApp("app")
    app.config.update(settings, SESSION_BACKEND=name)
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_ENABLED=False,  # app/web/same_origin.py protects every form, without a session
        MAX_CONTENT_LENGTH=1024 * 1024,
        COMPRESS_MIMETYPES=COMPRESSED_TYPES,
    )
    app.extensions["session_lab"] = SessionLab(clock)
    Bootstrap5(app)
    Compress(app)
    for module in (cli, language, errors, log, layout, same_origin, headers):
        module.init_app(app)
    app.register_blueprint(health.bp)
    if app.config["PROXY_COUNT"]:
        count = app.config["PROXY_COUNT"]
        # Not `X-Forwarded-Host`, which many proxies pass on as the client sent it: `Host` counts.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]  # as Flask documents it
    return app


def _configure_session(app: Flask, name: str) -> None:
    production = app.config["APP_PROFILE"] == PRODUCTION
    cookie_name = f"session_{name.replace('-', '_')}"
    app.config.update(
        # Cookies are shared between the ports of a host: each backend has a name of its own.
        SESSION_COOKIE_NAME=f"__Host-{cookie_name}" if production else cookie_name,
        SESSION_COOKIE_SECURE=production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=app.config["SESSION_IDLE_SECONDS"]),
        SESSION_ABSOLUTE_LIFETIME=timedelta(seconds=app.config["SESSION_ABSOLUTE_SECONDS"]),
        SESSION_REMEMBERED_LIFETIME=timedelta(seconds=app.config["SESSION_REMEMBERED_SECONDS"]),
        SESSION_FILE_DIR=app.config["SESSION_FILE_DIR"] / name,
        SESSION_OWNER="user",
        SESSION_MAX_BYTES=MAX_SESSION_BYTES,
        SESSION_MAX_PER_OWNER=app.config["SESSION_MAX_PER_USER"],
    )
    if is_embedded(app.config):
        app.config.setdefault("SESSION_REDIS", embedded_redis())


@cache
def embedded_redis() -> "FakeRedis":
    """The one Redis inside this process; it ends with the process."""
    from fakeredis import FakeRedis  # here: a start on another backend does not load it

    return FakeRedis()
