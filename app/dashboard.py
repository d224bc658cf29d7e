"""The page behind the login, with two ways to put data into the session."""

import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.accounts.access import login_required
from app.inspector.inspector import inspect
from app.languages.texts import gettext

bp = Blueprint("dashboard", __name__)

GROWTH_BYTES = 5 * 1024
"""More than a cookie holds. The data is random, because cookies are compressed."""


MAX_PIECES = 50
"""Of a kind: what ships has no limit, and reads all of a session at each request."""


@bp.get("/dashboard")
@login_required
def dashboard() -> str:
    return render_template("dashboard.html", inspection=inspect())


@bp.post("/dashboard/note")
@login_required
def write() -> Response:
    """Append a note: a nested change, which stock Flask overlooks without `modified`."""
    text = request.form.get("note", "").strip()[:200] or gettext("A note")
    return _add("notes", {"text": text, "at": datetime.now(UTC)})


@bp.post("/dashboard/grow")
@login_required
def grow() -> Response:
    return _add("ballast", secrets.token_urlsafe(GROWTH_BYTES * 3 // 4))


def _add(name: str, piece: Any) -> Response:
    """Append to the list of that name in the session, and go back."""
    pieces = session.setdefault(name, [])
    if len(pieces) >= MAX_PIECES:
        abort(
            413,
            gettext("The session holds %(count)d of these, and takes no more.", count=MAX_PIECES),
        )
    pieces.append(piece)
    session.modified = True
    return redirect(url_for("dashboard.dashboard"))
