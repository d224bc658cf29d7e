"""Pages that need no login and do not read the session."""

from itertools import islice
from typing import Any

from flask import Blueprint, abort, render_template, request
from werkzeug.datastructures import Headers, MultiDict

from app.accounts.database import list_demo_accounts
from app.accounts.guesses import MAX_NAME_CHARACTERS
from app.languages.texts import gettext

MAX_SHOWN = 50
"""Values of a kind."""

bp = Blueprint("public_pages", __name__)


@bp.get("/")
def home() -> str:
    """The front page of one backend."""
    return render_template("home.html", accounts=list_demo_accounts())


@bp.get("/user/<name>")
def user(name: str) -> str:
    """The document's `/user/<name>`: a page for any name, with the facts that it invents."""
    if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        abort(404, gettext("Nobody has such a name."))
    return render_template("user.html", name=name, age=25, city="New York")


@bp.route("/request-info", methods=["GET", "POST"])
def request_info() -> dict[str, Any]:
    """The document's `/request-info`: names and sizes of what arrived, never a value."""
    return {
        "method": request.method,
        "url": request.base_url,
        "user_agent": request.headers.get("User-Agent"),
        "remote_addr": request.remote_addr,
        "args": _measure(request.args),
        "form": _measure(request.form),
        "json": _measure_json(),
        "headers": _measure(request.headers),
        "cookies": _measure(request.cookies),
    }


def _measure(values: MultiDict[str, str] | Headers) -> list[dict[str, Any]]:
    """Each name, cut where it is long, with the bytes of name and value."""
    pairs = values.items(multi=True) if isinstance(values, MultiDict) else values.items()
    return [
        {"name": name[:MAX_NAME_CHARACTERS], "bytes": len(f"{name}{value}".encode())}
        for name, value in islice(pairs, MAX_SHOWN)
        if name is not None  # a part of a form may have none
    ]


def _measure_json() -> dict[str, Any] | None:
    """The kind of the JSON value, its bytes and its names; `None` for a body that is no JSON."""
    try:
        value = request.get_json(silent=True)
    except RecursionError:  # it nests deeper than Python's parser goes
        return None
    if value is None:
        return None
    names = list(value)[:MAX_SHOWN] if isinstance(value, dict) else []
    return {
        "type": type(value).__name__,
        "bytes": len(request.get_data()),
        "names": [name[:MAX_NAME_CHARACTERS] for name in names],
    }
