"""One page for every error: what is wrong, what to do. It never looks at the session."""

from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Answer every HTTP error with our page, or with JSON where that was asked for."""
    app.register_error_handler(HTTPException, _error_page)


def _error_page(error: HTTPException) -> Response | tuple[dict[str, str], int]:
    response = Response(error.get_body(), headers=error.get_headers())
    response.status_code = error.code or InternalServerError.code
    if request.accept_mimetypes.best == "application/json":
        return {"error": error.name, "message": error.description or ""}, response.status_code
    response.set_data(render_template("errors/error.html", error=error))
    return response
