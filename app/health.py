"""For the machine that watches this one."""

from typing import Any

from flask import Blueprint, current_app

from backends import backend_of

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> dict[str, Any]:
    """The process answers."""
    return {"status": "ok", "backend": backend_of(current_app).name}


@bp.get("/readyz")
def readyz() -> dict[str, Any]:
    """The store answers too; 503 where it does not."""
    check = backend_of(current_app).check
    if check is not None:
        check(current_app)
    return {"status": "ready", "backend": backend_of(current_app).name}
