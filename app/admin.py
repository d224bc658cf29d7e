"""The panel of the administrators."""

from flask import Blueprint, abort, render_template, session

from app.accounts import account_names, is_admin
from app.auth import login_required
from app.where import in_session

bp = Blueprint("admin", __name__)


@bp.get("/admin")
@login_required
def index() -> str:
    """Asks at each request whether the account may: a session holds no role that could go stale."""
    if not is_admin(session["user"]):
        abort(403, "This page is for administrators only.")
    return render_template(
        "admin/index.html",
        accounts={name: is_admin(name) for name in account_names()},
        user=session["user"],
        places=[in_session("Who is logged in")],
    )
