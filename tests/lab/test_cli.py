"""The options of `session-lab compare` for somebody else's application, and every way to it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.lab.cli import compare
from app.lab.experiments import CLAIMS
from app.lab.subject.external import ExternalApp
from app.lab.subject.site import Paths
from tests.lab.conftest import SetReport
from tests.lab.reports.made_reports import AS_EXPECTED
from tests.lab.subject.logins import SHOP

pytestmark = pytest.mark.usefixtures("untraced_processes")

PATHS = ["--login", "/in", "--private", "/mine", "--logout", "/out", "--cookie", "shop"]
ACCOUNT = ["--field", "name=alice", "--field", "password=engine=1"]
SHOP_OPTIONS = ["--app", "shop", *PATHS, *ACCOUNT]


@pytest.fixture(autouse=True)
def shop(current_folder: Path) -> None:
    """The application that the options describe, in the current folder."""
    (current_folder / "shop.py").write_text(SHOP)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(compare, arguments)


def test_an_application_stands_beside_named_backends() -> None:
    one = ["--only", "logout_is_final", "--format", "json"]
    ended = invoke(*SHOP_OPTIONS, *one, "--backend", "filesystem")
    assert ended.exit_code == 0
    report = json.loads(ended.stdout)
    assert report["subjects"] == ["shop", "filesystem"]
    outcomes = [(result["verdict"], result["expected"]) for result in report["results"]]
    assert outcomes == [("fails", None), ("holds", "holds")]
    assert ended.stderr.splitlines()[-1].startswith("1 as expected, no surprises, fails: 1 · ")


def test_it_is_the_only_subject_if_no_backend_is_named(
    set_report: SetReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExternalApp, "check", lambda _: None)
    asked = set_report(AS_EXPECTED)
    assert (invoke(*SHOP_OPTIONS).exit_code, asked["backends"]) == (0, [])
    assert asked["claims"] == [claim for claim in CLAIMS.values() if claim.over_http]


@pytest.mark.parametrize(
    ("target", "name"), [("shop", "shop"), ("filesystem:create_app", "filesystem (application)")]
)
def test_its_name_is_never_that_of_a_backend(target: str, name: str) -> None:
    assert ExternalApp(target, Paths()).name == name


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            [*SHOP_OPTIONS, "--json", "--browser", "chromium"],
            "A form of a real browser sends no JSON: leave out --browser.",
        ),
        (["--app", " "], "Which application? Name it by --app MODULE:APP."),
        (["--json"], "Which application? Name it by --app MODULE:APP."),
        (["--app", "shop", "--login", "in"], "'in' is not a path of the application"),
        (["--app", "shop", "--field", "pin"], "'pin' has no value: write NAME=VALUE."),
        (["--app", "shop", "--field", "pin=\udcff"], "'pin=\\udcff' is no UTF-8."),
        (["--app", "shop", "--login", "/\udcff"], "'/\\udcff' is no UTF-8."),
        (["--output", ""], "it is empty: name a file."),
        (["--output", f"{'x' * 300}.json"], ".json cannot be written: File name too long."),
        (
            [*SHOP_OPTIONS, "--only", "parallel_writes_survive"],
            "parallel_writes_survive needs more than HTTP, so it cannot be tried on "
            "shop. These can: ",
        ),
    ],
)
def test_an_invalid_option_is_one_line(options: list[str], says: str) -> None:
    ended = invoke(*options)
    assert ended.exit_code == 2
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.output
