"""The document's `/user/<name>`: a page that anybody may see, and that needs no session."""

from flask import Blueprint, abort, render_template

from app.accounts import exists

bp = Blueprint("profile", __name__)


@bp.get("/user/<name>")
def user(name: str) -> str:
    if not exists(name):
        abort(404, f"There is no account named {name}.")
    return render_template("profile/user.html", name=name)
