"""Applications that go wrong in the laboratory; experiments open them in other processes.

`python -m tests.lab.broken_subjects report ARGUMENT…` is the command with a report that no run
made, and `… stuck BACKEND` a run of an application that stops answering.
"""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, abort, request

from app import create_app
from app.__main__ import session_lab
from app.lab import compare
from backends import ConfigurationError
from tests.lab.reports.made_reports import AS_EXPECTED

FIFO = "TELL_THAT_IT_BEGAN"


def make_broken_app(config: Mapping[str, Any]) -> Flask:
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


def make_stuck_app(config: Mapping[str, Any]) -> Flask:
    """Writes into the pipe at a logout, when there is a session, and never answers it."""
    app = create_app(config)

    @app.before_request
    def wait() -> None:
        if request.path == "/logout":
            Path(os.environ[FIFO]).write_text("begun")
            threading.Event().wait()

    return app


if __name__ == "__main__":
    from tests.lab import broken_subjects  # a worker knows this module by its name alone

    if sys.argv[1] == "report":
        setattr(compare, "compare", lambda *_, **__: AS_EXPECTED)  # noqa: B010 - no export
        session_lab(["compare", *sys.argv[2:]])
    make_app, claims, backends = broken_subjects.make_stuck_app, ["logout_is_final"], sys.argv[2:]
    compare.run_compare(make_app, claims, backends, "table", None, in_chromium=False)
