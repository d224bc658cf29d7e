"""A process loads the libraries of what it runs: its backend, its command."""

import json
import subprocess
import sys

LIBRARIES = {"bs4", "cachelib", "cryptography", "fakeredis", "flask_session", "redis"}

NOT_FOR_HELP = {
    *(LIBRARIES | {"flask_bootstrap", "flask_wtf", "gunicorn", "asyncio", "sqlite3"}),
    *("humanize", "limits", "playwright", "rich", "time_machine", "ua_parser", "wtforms"),
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


STAGES = (
    f"import backends.commands\n{COOKIE_APPLICATION}\nimport app.factory",
    LAB_ON_COOKIES,
    "import app.lab.compare",
    "from backends import BACKENDS; list(BACKENDS)",
    "import backends.encrypted_cookie",
    "import backends.redis",
)
"""One after the other in a process: what one has not loaded, none before it has."""

HELP = """
import sys
from app.__main__ import main
for command in ([], ["cookie"], ["sessions"], ["compare"], ["bench"], ["plan"]):
    sys.argv = ["session-lab", *command, "--help"]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code
"""


def run(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ended.stdout


REPORT = f"""
import json, sys
lab = {{"app.lab." for each in sys.modules if each.startswith("app.lab.")}}
print(json.dumps(sorted(lab | {LIBRARIES} & sys.modules.keys())))
"""


def test_only_the_chosen_backend_is_loaded() -> None:
    """Nor does an application load an experiment, or the laboratory a Redis."""
    lines = run("".join(f"{stage}\n{REPORT}\n" for stage in STAGES)).splitlines()
    application, *others = (json.loads(line) for line in lines)
    assert application == []
    # redis-py takes cryptography for the certificates of TLS, where it is installed.
    assert others == [
        *[["app.lab."]] * 3,
        *(["app.lab.", "cryptography"], ["app.lab.", "cryptography", "redis"]),
    ]


def test_the_help_of_a_command_loads_nothing_that_only_its_run_needs() -> None:
    *shown, loaded = run(f"{HELP}\nprint(*sys.modules)").splitlines()
    assert [line.startswith("Usage: session-lab") for line in shown].count(True) == 6
    assert {"app.cli", "flask"} <= {*loaded.split()}
    assert {*loaded.split()} & NOT_FOR_HELP == set()
