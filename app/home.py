"""The front page of one backend: it does not look at the session."""

from flask import Blueprint, render_template

from app.accounts.database import shown_accounts

bp = Blueprint("home", __name__)


@bp.get("/")
def index() -> str:
    return render_template("home/index.html", accounts=shown_accounts())
