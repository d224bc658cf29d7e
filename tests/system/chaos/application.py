"""A tiny application with sessions. The processes that serve it load no more than this."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, session

from backends import init_app
from backends.timing import deadline
from tests.support.bare import log_in, log_out, rotate

BALLAST = "x" * 20_000
"""Makes a write long enough to be interrupted."""


def make_app() -> Flask:
    """The application, for gunicorn: its configuration is the JSON in SITE_CONFIG."""
    config = json.loads(os.environ["SITE_CONFIG"])
    deadline.LIMIT_SECONDS = config.pop("STEP_SECONDS", deadline.LIMIT_SECONDS)
    return application(config)


def application(config: Mapping[str, Any]) -> Flask:
    """Pages that need the session in every way there is, and two that do not."""
    logging.basicConfig(format="%(process)d %(created).3f %(levelname)s %(message)s")
    app = Flask("lab", static_folder=Path(__file__).parent, static_url_path="/static")
    app.config.update(SECRET_KEY="k" * 40, **config)
    init_app(app)
    app.add_url_rule("/who", view_func=_who)
    app.add_url_rule("/public", "public", lambda: "for everybody")
    app.add_url_rule("/keys", "keys", lambda: sorted(session))
    app.add_url_rule("/pair", "pair", lambda: [session["left"], session["right"]])
    for rule, action in (
        *(("/login", log_in), ("/logout", log_out), ("/rotate", rotate), ("/set/<key>", _set_key)),
        *(("/pair/<int:number>", _set_pair), ("/hold/<path:gate>", _set_and_wait)),
    ):
        app.add_url_rule(rule, view_func=action, methods=["POST"])
    return app


def _who() -> tuple[str, int]:
    user = session.get("user")
    return (user, 200) if user else ("nobody", 401)


def _set_key(key: str) -> str:
    session[key] = True
    return "set"


def _set_pair(number: int) -> str:
    session["left"] = number
    session["ballast"] = f"{number}{BALLAST}"
    session["right"] = number
    return "written"


def _set_and_wait(gate: str) -> str:
    """Set a key, then wait until somebody opens the named pipe `gate` and closes it."""
    session["held"] = True
    Path(f"/{gate}").read_bytes()
    return "set"
