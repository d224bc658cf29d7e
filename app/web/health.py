"""Health checks for a load balancer or orchestrator."""

from typing import Any

from flask import Blueprint, current_app

from app.accounts.database import check_accounts
from app.state import with_mounted
from backends import find_backend

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> dict[str, Any]:
    """Whether the process answers."""
    return {"status": "ok", "backend": current_app.config["SESSION_BACKEND"]}


@bp.get("/readyz")
def readyz() -> dict[str, Any]:
    """Whether the stores and the accounts answer too: 503 if one does not."""
    check_accounts()  # those of all backends that are side by side
    for app in with_mounted(current_app):
        backend = find_backend(app)
        if backend is not None and backend.check is not None:
            backend.check(app)
    return {"status": "ready", "backend": current_app.config["SESSION_BACKEND"]}
