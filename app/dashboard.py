"""The page behind the login, with two ways to put data into the session."""

import secrets
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from app.accounts.access import login_required
from app.inspector.inspector import inspect
from app.languages.texts import gettext, lazy_gettext

bp = Blueprint("dashboard", __name__)

GROWTH_BYTES = 5 * 1024
"""More than a cookie holds. The data is random, because cookies are compressed."""


MAX_PIECES = 50
"""Of a kind: what ships has no limit, and reads all of a session at each request."""


class SessionFull(RequestEntityTooLarge):
    """The session has as many of a kind as it may: to send less is no help."""

    advice = lazy_gettext("Log out and in again: a new session begins empty.")


@bp.get("/dashboard")
@login_required
def dashboard() -> str:
    return render_template("dashboard.html", inspection=inspect())


@bp.post("/dashboard/note")
@login_required
def write() -> Response:
    """Append a note: a nested change, which stock Flask overlooks without `modified`."""
    _refuse_too_many("notes")
    text = request.form.get("note", "").strip()[:200] or gettext("A note")
    session.setdefault("notes", []).append({"text": text, "at": datetime.now(UTC)})
    session.modified = True
    return redirect(url_for("dashboard.dashboard"))


@bp.post("/dashboard/grow")
@login_required
def grow() -> Response:
    _refuse_too_many("ballast")
    session.setdefault("ballast", []).append(secrets.token_urlsafe(GROWTH_BYTES * 3 // 4))
    session.modified = True
    return redirect(url_for("dashboard.dashboard"))


def _refuse_too_many(name: str) -> None:
    if len(session.get(name, ())) >= MAX_PIECES:
        raise SessionFull(
            gettext(
                "You have done this %(count)d times, and the session takes no more of it. Nothing "
                "was changed.",
                count=MAX_PIECES,
            )
        )
