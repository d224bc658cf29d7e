"""A process loads the libraries of what it runs: its backend, its command."""

import json
import re
import subprocess
import sys

import pytest

LIBRARIES = {"bs4", "cachelib", "cryptography", "fakeredis", "flask_session", "redis"}

NOT_FOR_HELP = {
    *(
        "bs4",
        "cachelib",
        "cryptography",
        "fakeredis",
        "flask_bootstrap",
        "flask_session",
        "flask_wtf",
        "gunicorn",
    ),
    *("humanize", "limits", "playwright", "redis", "rich", "time_machine", "ua_parser", "wtforms"),
    *("asyncio", "sqlite3"),
    *("app.accounts", "app.demos", "app.factory", "app.inspector", "app.web"),
    *("app.lab.bench", "app.lab.compare", "app.lab.pages", "app.lab.subject"),
}
"""The dependencies beside Flask and msgspec, large parts of Python, and the application's parts."""

COOKIE_APPLICATION = """
from flask import Flask, session
from backends import init_app
app = Flask("shop")
app.secret_key = "0" * 32
app.add_url_rule("/", view_func=lambda: str(session.setdefault("visits", 1)))
init_app(app, "cookie")
with app.test_client() as client:
    assert [client.get("/").text, client.get("/").text] == ["1", "1"]
"""

LAB_ON_COOKIES = """
from app import create_app
for backend in ("cookie", "flask-cookie"):
    for lab in (False, True):
        key = "5f1c0b8e93d24a7796e1d05c3ab84f62"
        create_app({"SESSION_BACKEND": backend, "SECRET_KEY": key, "LAB": lab})
"""


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import backends", set()),
        ("import backends.commands", set()),
        (COOKIE_APPLICATION, set()),
        (LAB_ON_COOKIES, set()),
        ("from backends import BACKENDS; list(BACKENDS)", set()),
        ("import backends.encrypted_cookie", {"cryptography"}),
        # redis-py takes it for the certificates of TLS, where it is installed.
        ("import backends.redis", {"cryptography", "redis"}),
    ],
    ids=["import", "commands", "cookie", "session-lab", "names", "encrypted-cookie", "redis"],
)
def test_only_the_chosen_backend_is_loaded(code: str, loaded: set[str]) -> None:
    report = f"import json, sys; print(json.dumps(sorted({LIBRARIES} & sys.modules.keys())))"
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    assert set(json.loads(ended.stdout)) == loaded


@pytest.mark.parametrize(
    "command", [(), ("cookie",), ("sessions",), ("compare",), ("bench",), ("plan",)]
)
def test_the_help_of_a_command_loads_nothing_that_only_its_run_needs(
    command: tuple[str, ...],
) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith("Usage: ")
    loaded = set(re.findall(r"^import time:.*\| +(\S+)$", ended.stderr, re.MULTILINE))
    assert {"app.cli", "flask"} <= loaded
    assert loaded & NOT_FOR_HELP == set()
