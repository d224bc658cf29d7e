"""Applications that go wrong in the laboratory; experiments find them in processes of their own."""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask, abort, request

from app import create_app
from app.__main__ import session_lab
from app.lab import compare
from backends import ConfigurationError
from tests.lab.reports.made_reports import AS_EXPECTED

FIFO = "TELL_THAT_IT_BEGAN"


def each_wrong_in_its_own_way(config: Mapping[str, Any]) -> Flask:
    """One cannot be made, one ends its process, one refuses the login; the others are in order."""
    match config["SESSION_BACKEND"]:
        case "cookie":
            raise ConfigurationError("SECRET_KEY: it is not to its taste.")
        case "filesystem":
            os._exit(7)
        case "redis":
            app = create_app(config)
            app.before_request(lambda: abort(500))
            return app
    return create_app(config)


def never_ready(_config: Mapping[str, Any]) -> NoReturn:
    """Says into the pipe that it has begun, and waits for ever."""
    Path(os.environ[FIFO]).write_text("begun")
    while True:
        threading.Event().wait()


def stuck_with_a_session(config: Mapping[str, Any]) -> Flask:
    """Says into the pipe that somebody is logged in, and then answers no more."""
    app = create_app(config)

    @app.before_request
    def wait() -> None:
        if request.path == "/logout":
            Path(os.environ[FIFO]).write_text("begun")
            threading.Event().wait()

    return app


if __name__ == "__main__":
    from tests.lab.subject import broken_subjects

    if sys.argv[1] == "made":  # the command with these arguments, without a run
        setattr(compare, "compare", lambda *_, **__: AS_EXPECTED)  # noqa: B010 - no export
        session_lab(["compare", *sys.argv[2:]])
    made = {
        "wrong": broken_subjects.each_wrong_in_its_own_way,
        "slow": broken_subjects.never_ready,
        "stuck": broken_subjects.stuck_with_a_session,
    }
    only, backends = ["logout_is_final"], sys.argv[2:]
    compare.run_compare(made[sys.argv[1]], only, backends, "table", None, in_chromium=False)
