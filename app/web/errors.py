"""One page for every error: what happened and what to do. It never reads the session."""

from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError, default_exceptions
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Answer every HTTP error with the page, or with JSON if the request prefers it."""
    app.register_error_handler(HTTPException, _error_page)


def _error_page(error: HTTPException) -> Response | tuple[dict[str, str], int]:
    response = Response(error.get_body(), headers=error.get_headers())
    response.status_code = error.code or InternalServerError.code
    if request.accept_mimetypes.best == "application/json":
        return {"error": error.name, "message": error.description or ""}, response.status_code
    is_general = error.description in (None, _describe_in_general(error))
    page = render_template(
        "web/error.html",
        code=response.status_code,
        error=error,
        reason=None if is_general else error.description,
        way_back=_way_back(),
    )
    response.set_data(page)
    return response


def _describe_in_general(error: HTTPException) -> str | None:
    """What Werkzeug says of every error of this status."""
    general = default_exceptions.get(error.code or 0)
    return general.description if general else None


def _way_back() -> str | None:
    """The page of this site that led here, or `None`."""
    came_from = request.referrer or ""
    return came_from if came_from.startswith(request.host_url) else None
