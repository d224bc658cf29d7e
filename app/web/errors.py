"""One page for every error: what happened and what to do. It never reads the session."""

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError, default_exceptions

from app.languages.language import add_vary, page_language
from app.languages.texts import gettext
from app.web.same_origin import is_possible_host
from backends import SessionTooLarge


def init_app(app: Flask) -> None:
    """Answer every HTTP error with the page, or with JSON if the request prefers it."""
    app.register_error_handler(HTTPException, _error_page)


def _error_page(error: HTTPException) -> Response | tuple[dict[str, str], int]:
    status = error.code or InternalServerError.code
    if request.accept_mimetypes.best == "application/json":
        return {"error": error.name, "message": str(error.description or "")}, status
    plain = Response(error.get_body(), status, error.get_headers())
    if not is_possible_host(request.host):
        return plain  # the page has links, and no address can be made under such a name
    try:
        page = render_template(
            "web/error.html",
            code=status,
            error=error,
            reason=_find_reason(error),
            way_back=_way_back(),
        )
    except OSError:
        return plain  # this process can open no more files, and needs its template's first
    # Here too: the page of a session that cannot be saved is made after all `after_request`.
    return add_vary(Response(page, status, error.get_headers()))


def _find_reason(error: HTTPException) -> str | None:
    """What this error says; `None` where the page's own sentences say as much."""
    general = default_exceptions.get(error.code or 0)  # Werkzeug's, of every error of this status
    if error.description in (None, "", general and general.description):
        return None
    if isinstance(error, SessionTooLarge) and page_language() != "en":
        return None  # it names sizes, in English only
    return gettext(str(error.description))


def _way_back() -> str | None:
    """The page of this site that led here, or `None`."""
    came_from = request.referrer or ""
    return came_from if came_from.startswith(request.host_url) else None
