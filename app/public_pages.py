"""Pages that need no login and do not read the session."""

from typing import Any, NamedTuple

from flask import Blueprint, abort, render_template, request

from app.accounts.database import exists, list_demo_accounts

bp = Blueprint("public_pages", __name__)


class Facts(NamedTuple):
    """What a profile shows. `age` is in years."""

    age: int
    city: str


FACTS = {"alice": Facts(31, "Porto"), "bob": Facts(44, "Leipzig")}
"""Invented, for the demo accounts; accounts from the configuration have none."""


@bp.get("/")
def home() -> str:
    """The front page of one backend."""
    return render_template("home.html", accounts=list_demo_accounts())


@bp.get("/user/<name>")
def user(name: str) -> str:
    """The document's `/user/<name>`."""
    if not exists(name):
        abort(404, f"There is no account named {name}.")
    return render_template("user.html", name=name, facts=FACTS.get(name))


@bp.get("/request-info")
def request_info() -> dict[str, Any]:
    """Method, URL, user agent, address, and each cookie's name and bytes; never its value."""
    return {
        "method": request.method,
        "url": request.url,
        "user_agent": request.headers.get("User-Agent"),
        "remote_addr": request.remote_addr,
        "cookies": [
            {"name": name, "bytes": len(name) + len(value)}
            for name, value in request.cookies.items(multi=True)
        ],
    }
