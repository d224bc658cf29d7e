"""`session-lab compare --app`: somebody else's application on the command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.lab import compare as compare_module
from app.lab.claim import Claim
from app.lab.cli import compare
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report
from tests.lab.reports.made_reports import AS_EXPECTED

pytestmark = pytest.mark.usefixtures("untraced_processes")

SHOP = """
from flask import Flask, redirect, request, session

def create_app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="a key", SESSION_COOKIE_NAME="shop")

    @app.route("/in", methods=["GET", "POST"])
    def sign_in():
        if request.form.get("pin") != "1=1":
            return "<form method=post><input name=pin></form>", 401 if request.form else 200
        session["in"] = True
        return redirect("/")

    @app.get("/mine")
    def mine():
        return "yours" if session.get("in") else redirect("/in")

    @app.post("/out")
    def out():
        session.clear()
        return redirect("/")

    return app
"""

PATHS = ["--login", "/in", "--private", "/mine", "--logout", "/out", "--cookie", "shop"]
OPTIONS = ["--app", "shop:create_app", *PATHS, "--field", "pin=1=1"]
ONE = ["--only", "logout_is_final", "--format", "json"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "filesystem.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)


def called(*arguments: str) -> Result:
    return CliRunner().invoke(compare, arguments)


def test_the_application_is_the_one_subject_and_nothing_is_expected_of_it() -> None:
    ended = called(*OPTIONS, *ONE)
    assert ended.exit_code == 0
    report = json.loads(ended.stdout)
    assert report["subjects"] == ["shop"]
    [result] = report["results"]
    assert (result["verdict"], result["expected"]) == ("fails", None)
    assert ended.stderr.splitlines()[-1].startswith("fails: 1 · ")


def test_it_is_tried_with_every_claim_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Claim] = []

    def run(claims: Sequence[Claim], *_: Any, **__: Any) -> Report:
        asked.extend(claims)
        return AS_EXPECTED

    monkeypatch.setattr(compare_module, "compare", run)
    assert called(*OPTIONS).exit_code == 0
    assert asked == [claim for claim in CLAIMS.values() if claim.over_http]


def test_backends_that_are_named_stand_beside_it() -> None:
    ended = called(*OPTIONS, *ONE, "--backend", "filesystem")
    report = json.loads(ended.stdout)
    assert report["subjects"] == ["shop", "filesystem"]
    assert [result["verdict"] for result in report["results"]] == ["fails", "holds"]
    assert "1 as expected, no surprises, fails: 1 · " in ended.stderr


def test_a_module_that_is_called_as_a_backend_is_told_from_it() -> None:
    options = ["--app", "filesystem:create_app", *OPTIONS[2:], *ONE, "--backend", "filesystem"]
    report = json.loads(called(*options).stdout)
    assert report["subjects"] == ["filesystem (application)", "filesystem"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            [*OPTIONS[:-1], "pin=0"],
            "POST /in was answered 401, and GET /mine after it 302: "
            "give its form by --field NAME=VALUE. It asks for: pin.",
        ),
        (["--app", "nowhere"], "its last line: Error: Could not import 'nowhere'."),
        (["--app", "shop", "--login", "in"], "'in' is not a path of the application"),
        (["--app", "shop", "--field", "pin"], "'pin' has no value: write NAME=VALUE."),
        (["--field", "pin=1"], "Which application? Name it by --app MODULE:APP."),
        (
            [*OPTIONS, "--only", "parallel_writes_survive"],
            "parallel_writes_survive needs more than HTTP, so it cannot be tried on "
            "shop:create_app. These can: ",
        ),
        ([*OPTIONS, "--only", "nothing"], "There is no claim 'nothing'."),
        ([*OPTIONS, "--backend", "memcached"], "There is no backend 'memcached'."),
    ],
)
def test_what_cannot_be_is_one_line(options: list[str], says: str) -> None:
    ended = called(*options)
    assert ended.exit_code == 2
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.output
