"""The document's `/user/<name>`: a page that anybody may see, and that needs no session."""

from typing import NamedTuple

from flask import Blueprint, abort, render_template

from app.accounts.database import exists

bp = Blueprint("profile", __name__)


class Facts(NamedTuple):
    """What a profile tells. `age` is in years."""

    age: int
    city: str


FACTS = {"alice": Facts(31, "Porto"), "bob": Facts(44, "Leipzig")}
"""Invented, for the demo accounts; accounts from the configuration have none."""


@bp.get("/user/<name>")
def user(name: str) -> str:
    if not exists(name):
        abort(404, f"There is no account named {name}.")
    return render_template("profile/user.html", name=name, facts=FACTS.get(name))
