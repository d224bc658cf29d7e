"""How the application is put together: its parts, its settings, its backend."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from flask import Flask, has_request_context, request
from flask_bootstrap import Bootstrap5
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, dashboard, login, public_pages
from app.accounts import account, admin, sessions
from app.accounts.database import list_account_names, open_accounts
from app.accounts.guesses import Guesses
from app.config import PRODUCTION, STOCK_BEFORE, is_embedded, read_settings
from app.demos import articles, building_blocks, cart, checkout, preferences, uploads
from app.inspector import inspector, replay, side_by_side
from app.inspector.traffic import TrafficRecorder
from app.languages import language
from app.state import SessionLab, state_of, with_mounted
from app.web import errors, headers, health, layout, log, same_origin
from app.web.compiled import CompiledRule, CompiledTemplates
from backends import BACKENDS, ConfigurationError, audit_log, init_app
from backends.store import Clock, wall_clock

if TYPE_CHECKING:
    from fakeredis import FakeRedis


COMPRESSED_TYPES = ["text/css", "text/javascript", "image/svg+xml"]
"""Not pages: what is compressed with a secret tells it by its length (BREACH, CVE-2013-3587)."""

MAX_SESSION_BYTES = 256 * 1024
"""Of one visitor, in a store: more than an upload that is kept for a while takes."""


class LabApp(Flask):
    """Flask, with what all mounts share: addresses of static files, compiled templates, rules."""

    url_rule_class = CompiledRule
    jinja_options: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # as Flask documents it
        "bytecode_cache": CompiledTemplates()
    }

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
    for each in with_mounted(app):
        state_of(each).guesses = guesses
    if settings["LAB"]:
        # Imported here: without it, nothing of the laboratory is loaded.
        from app.lab import cli as lab_cli
        from app.lab import pages

        pages.init_app(app)
        for command in (lab_cli.compare, lab_cli.bench, lab_cli.plan):
            app.cli.add_command(command)
    return app


def build_sessions_app() -> Flask:
    """The application's sessions without its pages, for commands: no file or folder is made.

    Raises `ConfigurationError`.
    """
    settings = read_settings({}, makes_key=False)
    name = settings["SESSION_BACKEND"]
    app = _create_bare(settings, name, wall_clock)
    if name is not None:
        for each in filter(None, (name, _backend_before(settings))):
            _require_folder(each, settings["SESSION_FILE_DIR"] / each)
        log.init_app(app, [audit_log.logger.name])  # the commands say all else themselves
        _install_sessions(app, settings, name, wall_clock)
    return app


def _require_folder(name: str, folder: Path) -> None:
    if BACKENDS[name].on_disk and not folder.is_dir():
        raise ConfigurationError(
            f"SESSION_FILE_DIR: there is no folder {folder}, so no session is kept there. Set "
            "SESSION_FILE_DIR, or change to the folder in which the server was started."
        )


def _on_backend(settings: Mapping[str, Any], name: str, clock: Clock) -> Flask:
    app = _create_base(settings, name, clock)
    _install_sessions(app, settings, name, clock)
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


def _install_sessions(app: Flask, settings: Mapping[str, Any], name: str, clock: Clock) -> None:
    before = _backend_before(settings)
    if before is not None:
        _configure_session(app, settings, before)
        app.session_interface = BACKENDS[before].install(app, clock)
        app.config["SESSION_REDIS"] = None  # the client that this backend made for itself
    _configure_session(app, settings, name)
    if before is not None:
        app.config["SESSION_COOKIE_NAME"] = _cookie_name(app, before)
    init_app(app, name, clock)


def _backend_before(settings: Mapping[str, Any]) -> str | None:
    """The stock backend whose sessions are taken over."""
    return STOCK_BEFORE.get(settings["SESSION_MIGRATE_FROM"] or "")


def _side_by_side(settings: Mapping[str, Any], clock: Clock) -> Flask:
    app = _create_base(settings, None, clock)
    side_by_side.init_app(app, lambda name: _on_backend(settings, name, clock))
    return app


def _create_base(settings: Mapping[str, Any], name: str | None, clock: Clock) -> Flask:
    """The parts every application has: settings, state, error page, headers, same-origin check."""
    app = _create_bare(settings, name, clock)
    app.config.update(
        BOOTSTRAP_SERVE_LOCAL=True,
        WTF_CSRF_ENABLED=False,  # app/web/same_origin.py protects every form, without a session
        MAX_CONTENT_LENGTH=1024 * 1024,
        COMPRESS_MIMETYPES=COMPRESSED_TYPES,
    )
    Bootstrap5(app)
    Compress(app)
    app.cli.add_command(cli.cookie)
    for module in (language, errors, log, layout, same_origin, headers):
        module.init_app(app)
    app.register_blueprint(health.bp)
    if app.config["PROXY_COUNT"]:
        count = app.config["PROXY_COUNT"]
        # Not `X-Forwarded-Host`, which many proxies pass on as the client sent it: `Host` counts.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]  # as Flask documents it
    return app


def _create_bare(settings: Mapping[str, Any], name: str | None, clock: Clock) -> Flask:
    app = LabApp("app")
    app.config.update(settings, SESSION_BACKEND=name)
    app.extensions["session_lab"] = SessionLab(clock)
    return app


def _configure_session(app: Flask, settings: Mapping[str, Any], name: str) -> None:
    production = app.config["APP_PROFILE"] == PRODUCTION
    app.config.update(
        SESSION_COOKIE_NAME=_cookie_name(app, name),
        SESSION_COOKIE_SECURE=production,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=app.config["SESSION_IDLE_SECONDS"]),
        SESSION_ABSOLUTE_LIFETIME=timedelta(seconds=app.config["SESSION_ABSOLUTE_SECONDS"]),
        SESSION_REMEMBERED_LIFETIME=timedelta(seconds=app.config["SESSION_REMEMBERED_SECONDS"]),
        SESSION_FILE_DIR=settings["SESSION_FILE_DIR"] / name,
        SESSION_OWNER="user",
        SESSION_LIST_OWNERS=list_account_names,
        SESSION_MAX_BYTES=MAX_SESSION_BYTES,
        SESSION_MAX_PER_OWNER=app.config["SESSION_MAX_PER_USER"],
    )
    if is_embedded(app.config) and not app.config.get("SESSION_REDIS"):
        app.config["SESSION_REDIS"] = embedded_redis()


def _cookie_name(app: Flask, name: str) -> str:
    """Cookies are shared between the ports of a host: each backend has a name of its own."""
    prefix = "__Host-" if app.config["APP_PROFILE"] == PRODUCTION else ""
    return f"{prefix}session_{name.replace('-', '_')}"


@cache
def embedded_redis() -> "FakeRedis":
    """The one Redis inside this process; it ends with the process."""
    from fakeredis import FakeRedis  # here: a start on another backend does not load it

    return FakeRedis()
