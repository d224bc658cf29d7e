"""Turns a response into the page of an error after the view has returned."""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from weakref import ref

import flask
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

ENTITY_HEADERS = (
    *("Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition"),
    *("Content-Encoding", "Content-Language", "Content-Location", "Content-MD5", "Content-Range"),
    *("Digest", "ETag", "Expires", "Last-Modified", "Repr-Digest"),
    *("X-Sendfile", "X-Accel-Redirect", "X-LIGHTTPD-send-file"),
    *("CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"),
    *("Location", "Refresh", "HX-Location", "HX-Redirect", "Set-Cookie", "Clear-Site-Data"),
)
"""What a refused response loses: headers of its body, and those by which the server in front sends
a file as its body, or keeps it; its redirect, which htmx follows whatever the status; its cookies
(a guest's cart must not be deleted by a login that did not happen, and no session's cookie by a
logout that did not)."""

AFTER_THE_VIEW = frozenset(
    step.__code__
    for step in (
        Flask.handle_user_exception,
        Flask.handle_exception,
        Flask.finalize_request,
        Flask.do_teardown_request,
    )
)
"""The steps of Flask in which the answer is decided: an error raised there reaches no handler."""


WHOLE_REQUEST = Flask.wsgi_app.__code__


class SessionTooLarge(RequestEntityTooLarge):
    """The session does not fit into its backend: a 413. Nothing was changed."""


_decided = ContextVar("decided", default=False)
"""Whether an asynchronous function was called in one of those steps."""


def answer_is_decided() -> bool:
    """Whether the caller runs within one of those steps."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code not in AFTER_THE_VIEW:
        if frame.f_code is WHOLE_REQUEST:
            return False  # what is further out decides of another request, which may ask for this
        frame = frame.f_back  # type: ignore[assignment]  # `None` ends the loop
    return frame is not None or _decided.get()


def tell_asynchronous_functions(app: Flask) -> None:
    """Let them see whether the answer is decided.

    Flask runs them in threads of their own, which have the context variables of the request's
    thread, but none of its frames.
    """
    known = ref(app)  # a reference of its own would keep the application alive
    own = vars(app).get("async_to_sync")  # as an application sets it that has no asgiref

    def make_sync_and_tell(function: Callable[..., Any]) -> Callable[..., Any]:
        asked: Any = known()
        call = own(function) if own else type(asked).async_to_sync(asked, function)

        def told(*arguments: Any, **named: Any) -> Any:
            token = _decided.set(answer_is_decided())
            try:
                return call(*arguments, **named)
            finally:
                _decided.reset(token)

        return told

    app.async_to_sync = make_sync_and_tell  # type: ignore[assignment,method-assign]  # as Flask documents


def is_current(session: object) -> bool:
    """Whether it is the session of the request that is answered now."""
    current: Any = flask.session
    return flask.has_request_context() and current._get_current_object() is session


def refuse(app: Flask, response: Response, error: HTTPException) -> None:
    """Replace the response by the application's own page for `error`.

    Flask saves the session after the view has returned, where any raised error becomes a 500.
    """
    page = app.make_response(app.handle_user_exception(error))
    is_private = response.cache_control.no_store  # and so is the page that replaces it
    for name in ENTITY_HEADERS:
        response.headers.pop(name, None)
    # Its body only: the server calls what else waits for the end (`call_on_close`), once.
    close = getattr(response.response, "close", None)
    if close is not None:
        close()
    page.direct_passthrough = response.direct_passthrough = False  # either may be of a file
    response.status = page.status
    response.set_data(page.get_data())
    page.close()
    _take_headers(response, page)
    if is_private:
        response.cache_control.no_store = True


def _take_headers(response: Response, page: Response) -> None:
    """Put the page's headers in the place of those of their names; what both vary by is kept."""
    varies = [*response.vary, *page.vary]
    for name in page.headers.keys():  # noqa: SIM118 - its iterator gives pairs
        response.headers.remove(name)
    response.headers.extend(page.headers)
    response.vary.update(varies)
