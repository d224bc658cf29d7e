"""Turns a response into the page of an error after the view has returned."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import flask
from flask import Flask, Response
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

ENTITY_HEADERS = (
    *("Accept-Ranges", "Cache-Control", "Content-Digest", "Content-Disposition"),
    *("Content-Encoding", "Content-Language", "Content-Location", "Content-MD5", "Content-Range"),
    *("Digest", "ETag", "Expires", "Last-Modified", "Repr-Digest"),
    *("Location", "Refresh", "Set-Cookie", "Clear-Site-Data"),
)
"""What a refused response loses: headers of its body, its redirect, its cookies
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


class SessionTooLarge(RequestEntityTooLarge):
    """The session does not fit into its backend: a 413. Nothing was changed."""


def answer_is_decided() -> bool:
    """Whether the caller runs within one of those steps.

    An asynchronous function runs in a thread of its own, while that of its request waits.
    """
    if any(frame.f_code in AFTER_THE_VIEW for frame in _calls(sys._getframe(1))):
        return True
    waiting = [list(_calls(frame)) for frame in sys._current_frames().values()]
    return any(
        any(map(_serves_this_request, calls))
        and any(frame.f_code in AFTER_THE_VIEW for frame in calls)
        for calls in waiting
    )


def _calls(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame and those that wait for it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _serves_this_request(frame: FrameType) -> bool:
    if frame.f_code is not Flask.wsgi_app.__code__ or not flask.has_request_context():
        return False
    current: Any = request_ctx
    return frame.f_locals.get("ctx") is current._get_current_object()


def is_current(session: object) -> bool:
    """Whether it is the session of the request that is answered now."""
    current: Any = flask.session
    return flask.has_request_context() and current._get_current_object() is session


def refuse(app: Flask, response: Response, error: HTTPException) -> None:
    """Replace the response by the application's own page for `error`.

    Flask saves the session after the view has returned, where any raised error becomes a 500.
    """
    page = app.make_response(app.handle_user_exception(error))
    for name in ENTITY_HEADERS:
        response.headers.pop(name, None)
    # Its body only: the server calls what else waits for the end (`call_on_close`), once.
    close = getattr(response.response, "close", None)
    if close is not None:
        close()
    response.direct_passthrough = False
    response.status = page.status
    response.set_data(page.get_data())
    for name, value in page.headers:
        response.headers[name] = value
