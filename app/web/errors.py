"""One page for every error: what happened and what to do. It never reads the session."""

from typing import NamedTuple

from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response


class Explanation(NamedTuple):
    """An error in plain words: its name, what happened, what the reader can do."""

    title: str
    happened: str
    advice: str


EXPLANATIONS = {
    400: Explanation(
        "Not understood",
        "Something in this request is missing or has the wrong form.",
        "Go back, check what you typed, and send it again.",
    ),
    403: Explanation(
        "Not allowed",
        "You may not do this, so nothing was changed.",
        "Open the page on this site and use the form there.",
    ),
    404: Explanation(
        "No such page",
        "There is nothing at this address.",
        "Check the address, or begin at the front page.",
    ),
    405: Explanation(
        "Not this way",
        "This address only takes the form of a page. Opening it does nothing.",
        "Go to the page with the form and use the button there.",
    ),
    413: Explanation(
        "Too large to keep",
        "What you sent is larger than this server takes. Nothing was changed.",
        "Go back: everything is as it was before. Then try it with less.",
    ),
    429: Explanation(
        "Too many attempts",
        "Too many logins from your address have failed.",
        "Wait a minute, then try again.",
    ),
    500: Explanation(
        "Our mistake",
        "The application failed here. Its log says why.",
        "Try again later. If it stays like this, tell whoever runs this site.",
    ),
    503: Explanation(
        "Not available right now",
        "The service cannot answer at the moment. Nothing is lost.",
        "Wait a few seconds, then try again. If you were logged in, you still are.",
    ),
}


def init_app(app: Flask) -> None:
    """Answer every HTTP error with the page, or with JSON if the request prefers it."""
    app.register_error_handler(HTTPException, _error_page)


def _error_page(error: HTTPException) -> Response | tuple[dict[str, str], int]:
    response = Response(error.get_body(), headers=error.get_headers())
    response.status_code = error.code or InternalServerError.code
    if request.accept_mimetypes.best == "application/json":
        return {"error": error.name, "message": error.description or ""}, response.status_code
    page = render_template(
        "web/error.html",
        code=response.status_code,
        explanation=_explain(error),
        way_back=_way_back(),
    )
    response.set_data(page)
    return response


def _explain(error: HTTPException) -> Explanation:
    """The explanation of this kind of error; a description by the raising code comes first."""
    description = error.description or error.name
    known = EXPLANATIONS.get(error.code or InternalServerError.code)
    if known is None:
        return Explanation(error.name, description, "Go back and try again.")
    if description in (type(error).description, error.name) or error.code == 429:
        return known
    return known._replace(happened=description)


def _way_back() -> str | None:
    """The page of this site that led here, or `None`."""
    came_from = request.referrer or ""
    return came_from if came_from.startswith(request.host_url) else None
