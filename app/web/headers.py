"""The security headers of every response."""

from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from app.config import PRODUCTION
from app.web import health
from app.web.same_origin import is_own_name

STATIC_MAX_AGE_SECONDS = 365 * 24 * 3600

HSTS_MAX_AGE_SECONDS = 365 * 24 * 3600
"""A year: the minimum of OWASP ASVS 5.0, 3.4.1."""


def init_app(app: Flask) -> None:
    """Add the headers to every response, and in production redirect HTTP to HTTPS."""
    app.after_request(_add_headers)
    app.url_defaults(partial(_add_digest, app))
    if app.config["APP_PROFILE"] == PRODUCTION:
        app.before_request(_redirect_to_https)
        app.after_request(_add_hsts)


def _add_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not (request.endpoint or "").endswith("static"):
        # No cache may keep a page that shows a session (OWASP ASVS 5.0, 14.3.2).
        response.headers["Cache-Control"] = "no-store"
    elif response.status_code == 200:
        _prepare_file(response)
    return response


def _prepare_file(response: Response) -> None:
    """Let a static file be cached, if its address names its content, and be compressed."""
    if "v" in request.args:
        response.headers["Cache-Control"] = f"public, max-age={STATIC_MAX_AGE_SECONDS}, immutable"
    # Read now: what compresses it takes another body, and would leave this file open.
    response.direct_passthrough = False
    response.make_sequence()


def _add_digest(app: Flask, endpoint: str, values: dict[str, Any]) -> None:
    """Put a digest of a static file into its address: another content is another address."""
    folder = _find_folder(app, endpoint)
    if folder and "filename" in values:
        digest = _digest(Path(folder, values["filename"]))
        if digest:
            values["v"] = digest


def _find_folder(app: Flask, endpoint: str) -> str | None:
    blueprint, _, name = endpoint.rpartition(".")
    if name != "static":
        return None
    return app.blueprints[blueprint].static_folder if blueprint else app.static_folder


@cache
def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


def _redirect_to_https() -> WerkzeugResponse | None:
    if request.is_secure or request.blueprint == health.bp.name:
        return None
    if not is_own_name(request.host):
        return None  # of files: the redirect would lead to whatever host the client names
    return redirect(request.url.replace("http://", "https://", 1), code=308)


def _add_hsts(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = (
        f"max-age={HSTS_MAX_AGE_SECONDS}; includeSubDomains"
    )
    return response
