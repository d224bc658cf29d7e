"""The headers that every answer of this application carries."""

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from app.config import PRODUCTION

A_YEAR = 365 * 24 * 3600
"""Seconds; the least that OWASP ASVS 5.0, 3.4.1 asks of HSTS."""


def init_app(app: Flask) -> None:
    """Protect every answer, and in production send plain HTTP to HTTPS."""
    app.after_request(_protect)
    if app.config["APP_PROFILE"] == PRODUCTION:
        app.before_request(_to_https)
        app.after_request(_only_https)


def _protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not (request.endpoint or "").endswith("static"):
        # Pages with a session are nobody's to keep (OWASP ASVS 5.0, 14.3.2).
        response.headers["Cache-Control"] = "no-store"
    return response


def _to_https() -> WerkzeugResponse | None:
    if request.is_secure or request.endpoint in ("health.healthz", "health.readyz"):
        return None
    return redirect(request.url.replace("http://", "https://", 1), code=308)


def _only_https(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = f"max-age={A_YEAR}; includeSubDomains"
    return response
