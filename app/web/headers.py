"""The security headers of every response."""

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from app.config import PRODUCTION

HSTS_MAX_AGE_SECONDS = 365 * 24 * 3600
"""A year: the minimum of OWASP ASVS 5.0, 3.4.1."""


def init_app(app: Flask) -> None:
    """Add the headers to every response, and in production redirect HTTP to HTTPS."""
    app.after_request(_add_headers)
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
    return response


def _redirect_to_https() -> WerkzeugResponse | None:
    if request.is_secure or request.endpoint in ("health.healthz", "health.readyz"):
        return None
    return redirect(request.url.replace("http://", "https://", 1), code=308)


def _add_hsts(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = (
        f"max-age={HSTS_MAX_AGE_SECONDS}; includeSubDomains"
    )
    return response
