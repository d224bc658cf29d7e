"""Protection against CSRF: only pages of this site may change state.

It checks headers of the browser instead of a token in each form, because a token would need a
session for visitors who do not log in (OWASP ASVS 5.0, 3.5.1; OWASP CSRF cheat sheet, Fetch
Metadata). `SameSite=Lax` is the second line of defence.
"""

from flask import Flask, abort, request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def init_app(app: Flask) -> None:
    """Refuse unsafe requests from other sites with 403, before any view runs."""
    app.before_request(_refuse_cross_site)


def _refuse_cross_site() -> None:
    if request.method not in SAFE_METHODS and not _is_same_origin():
        abort(403, "This request did not come from a page of this site, so it changed nothing.")


def _is_same_origin() -> bool:
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    # Browsers before Fetch Metadata send one of these; a request with neither is no browser's form.
    origin = request.headers.get("Origin")
    if origin is not None:
        return f"{origin}/" == request.host_url
    return request.headers.get("Referer", "").startswith(request.host_url)
