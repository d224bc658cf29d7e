"""State changes come from our own pages only.

A check of what the browser says about the request, instead of a token in each form: a token would
need a session, and a visitor who does not log in leaves none (OWASP ASVS 5.0, 3.5.1; OWASP CSRF
cheat sheet, Fetch Metadata). `SameSite=Lax` stands behind it.
"""

from flask import Flask, abort, request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def init_app(app: Flask) -> None:
    """Refuse unsafe requests from other sites with 403, before any view runs."""
    app.before_request(_refuse_cross_site)


def _refuse_cross_site() -> None:
    if request.method not in SAFE_METHODS and not _is_ours():
        abort(403, "This request did not come from a page of this site, so it changed nothing.")


def _is_ours() -> bool:
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    # Browsers before Fetch Metadata send one of these; a request with neither is no browser's form.
    origin = request.headers.get("Origin")
    if origin is not None:
        return f"{origin}/" == request.host_url
    return request.headers.get("Referer", "").startswith(request.host_url)
