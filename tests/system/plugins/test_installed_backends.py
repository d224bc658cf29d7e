"""A package's backend is offered everywhere; an unusable one is refused.

Most of it is looked at in this process, which finds the package on its path as any other does; what
only a process of its own can show has one.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from app import create_app
from app.__main__ import main, session_lab
from app.config import is_embedded
from app.lab.browser.client import Browser
from app.lab.claim import Finding, Verdict
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import try_claim
from app.lab.subject.application import Subject
from app.lab.subject.source import BackendSource, RunOptions
from app.server import Server
from backends import BACKENDS, BUILT_IN, Backend, ConfigurationError
from tests.conftest import PRODUCTION, make_session_lab
from tests.support.bare import Tab, add_views, make_bare
from tests.support.processes import PROJECT, run
from tests.support.services import LabServer
from tests.support.visitor import Visitor
from tests.system.plugins.packages import environment, install, install_the_example

pytestmark = pytest.mark.usefixtures("untraced_processes")

GOOD = """
from backends import BUILT_IN, Backend
BACKEND = Backend(name={name!r}, title="Another", install=BUILT_IN["filesystem"].install)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder for packages."""
    return tmp_path / "site-packages"


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder on this process's path, before the process looks for backends."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(vars(BACKENDS), "data")
    yield folder
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in docs/own-store.md, for processes that change nothing."""
    folder = tmp_path_factory.mktemp("example") / "site-packages"
    install_the_example(folder)
    return folder


@pytest.fixture
def example_here(here: Path) -> Path:
    install_the_example(here)
    return here


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, *arguments], folder.parent, environment(folder, **variables))


@pytest.fixture
def refused_start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `session-lab run` in this process; returns why it does not start."""

    def starts(_server: Server) -> NoReturn:
        raise AssertionError("it started")

    def start(**variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        return str(ended.value.code)

    monkeypatch.setattr(Server, "run", starts)
    monkeypatch.setattr(sys, "argv", ["session-lab", "run"])
    return start


RefusedStart = Callable[..., str]


@pytest.mark.usefixtures("example_here")
class TestExample:
    """The package that docs/own-store.md shows."""

    def test_stands_behind_the_built_in_ones(self) -> None:
        assert list(BACKENDS) == [*BUILT_IN, "tiny"]

    def test_may_be_imported_before_anything_else(self, example: Path) -> None:
        code = "import tiny_store; from backends import BACKENDS; print(BACKENDS['tiny'].title)"
        assert python(example, "-c", code).stdout == "DBM\n"

    def test_is_among_the_names_to_choose_from(self, refused_start: RefusedStart) -> None:
        assert refused_start(SESSION_BACKEND="tinny").endswith("flask-session-redis, tiny.")

    def test_serves_the_application_over_a_restart(self, example: Path, tmp_path: Path) -> None:
        alice, server = Browser(), LabServer(tmp_path, environment(example, SESSION_BACKEND="tiny"))
        with server:
            assert server.greeting == f"Session Lab (DBM): {server.url}"
            alice.post(f"{server.url}/login", {"username": "alice", "password": "wonderland"})
        with server:
            assert "Welcome alice" in alice.get(f"{server.url}/dashboard").text
            alice.post(f"{server.url}/logout")
            assert alice.get(f"{server.url}/dashboard").status == 302
        assert list((tmp_path / "instance/sessions/tiny").glob("tiny*"))

    def test_has_a_column_beside_the_others(self, tmp_path: Path) -> None:
        client = Visitor(make_session_lab(None, SESSION_FILE_DIR=tmp_path)).client
        client.post("/all/login", data={"username": "alice", "password": "wonderland"})
        held = client.get("/tiny/inspect").get_json()
        assert 'id="tiny-title"' in client.get("/").text
        assert held["user"] == "alice"
        assert held["server"]["where"].startswith("tiny, ")

    def test_says_that_it_lists_no_sessions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SESSION_BACKEND", "tiny")
        ended = CliRunner().invoke(session_lab, ["sessions", "list"])
        assert ended.stderr.startswith("Error: SESSION_BACKEND=tiny cannot tell whose a session is")

    def test_says_in_the_log_why_it_failed(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = make_bare("tiny", SESSION_FILE_DIR=tmp_path / "sessions")
        tab = Tab(add_views(app)).logged_in()
        lock = tmp_path / "sessions/tiny.lock"
        lock.unlink()
        lock.mkdir()
        assert tab.client.get("/").status_code == 503
        assert "Is a directory" in caplog.text

    def test_is_a_subject_of_the_laboratory(self) -> None:
        """Its store is one disk, lists no sessions, and keeps them all in one file."""
        expected = {
            "logout_is_final": Verdict.HOLDS,
            "parallel_writes_survive": Verdict.HOLDS,
            "server_side": Verdict.HOLDS,
            "revoke_other_devices": Verdict.FAILS,
            "second_server": Verdict.FAILS,
        }
        listed = CliRunner().invoke(session_lab, ["compare", "--backend", "tiny", "--list"])
        assert listed.exit_code == 0
        source = BackendSource("tiny", RunOptions(create_app))
        found = [try_claim(CLAIMS[claim], source) for claim in expected]
        assert {result.claim: result.verdict for result in found} == expected
        assert {result.expected for result in found} == {None}

    def test_keeps_the_contract(self, example: Path) -> None:
        """By the command that the page shows."""
        options = ["-q", "-k", "tiny", "-p", "no:cacheprovider", "--rootdir", str(PROJECT)]
        where = ["-c", str(PROJECT / "pyproject.toml"), str(PROJECT / "tests/backends/contract")]
        ended = python(example, "-m", "pytest", *options, *where)
        assert ended.returncode == 0, ended.stdout
        assert int(ended.stdout.rpartition(" passed")[0].split()[-1]) > 120


def a_package(name: str, target: str = "another:BACKEND", code: str = "") -> Callable[[Path], None]:
    def put(folder: Path) -> None:
        install(folder, "another-package", {"another": code}, {name: target})

    return put


def two_of_one_name(folder: Path) -> None:
    install(folder, "first-package", {"first": GOOD.format(name="twin")}, {"twin": "first:BACKEND"})
    install(folder, "later-package", {"later": GOOD.format(name="twin")}, {"twin": "later:BACKEND"})


UNUSABLE = {
    "a built-in name": (
        a_package("redis", code=GOOD.format(name="redis")),
        "The package another-package registers another:BACKEND as the session backend 'redis', "
        "which cannot be used: a built-in one has that name.",
    ),
    "another package's name": (two_of_one_name, "brings one of that name too."),
    "no backend": (
        a_package("other", code="BACKEND = {'name': 'other'}"),
        "it is no backends.Backend, but of type dict.",
    ),
    "two names": (
        a_package("other", code=GOOD.format(name="another")),
        "'other', which cannot be used: it calls itself 'another'.",
    ),
    "an import that fails": (
        a_package("other", code="import a_module_that_nobody_has"),
        "loading it failed with ModuleNotFoundError: No module named 'a_module_that_nobody_has'.",
    ),
    "an object that is not there": (
        a_package("other", "another:OTHER"),
        "loading it failed with AttributeError: module 'another' has no attribute 'OTHER'.",
    ),
    "an error of several lines": (
        a_package("other", code="raise RuntimeError('one\\ntwo')"),
        "loading it failed with RuntimeError: one two.",
    ),
    "a name that is no name": (
        a_package("Other_Store", code=GOOD.format(name="Other_Store")),
        "ValueError: a backend cannot be called 'Other_Store': take small letters, digits and "
        "hyphens, a letter first.",
    ),
}


@pytest.mark.parametrize(("put", "says"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_ends_the_start_with_one_line(
    here: Path, refused_start: RefusedStart, put: Callable[[Path], None], says: str
) -> None:
    put(here)
    [line] = refused_start(SESSION_BACKEND="cookie").splitlines()
    assert line.startswith("session-lab: The package ")
    assert line.endswith(f"{says} Repair or uninstall that package.")


def test_it_ends_a_comparison_with_one_line(here: Path) -> None:
    a_package("other", "another:OTHER")(here)
    ended = CliRunner().invoke(session_lab, ["compare", "--backend", "cookie"])
    assert ended.exit_code == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith("Error: The package another-package registers")


def test_it_ends_the_start_of_any_application(here: Path) -> None:
    a_package("other", "another:OTHER")(here)
    with pytest.raises(ConfigurationError, match=r"^The package another-package registers"):
        make_bare("cookie")


@pytest.mark.parametrize("name", ["healthz", "static", "all", "action", "lab"])
def test_a_name_of_a_page_is_refused(here: Path, refused_start: RefusedStart, name: str) -> None:
    a_package(name, code=GOOD.format(name=name))(here)
    [line] = refused_start().splitlines()
    assert line.startswith(f"session-lab: The backend {name!r} cannot stand beside the others")


def test_several_are_in_the_order_of_their_names(here: Path) -> None:
    for name in ("zebra", "ape"):
        modules = {name: GOOD.format(name=name)}
        install(here, f"{name}-package", modules, {name: f"{name}:BACKEND"})
    assert list(BACKENDS)[len(BUILT_IN) :] == ["ape", "zebra"]


CODE = """
from backends import BUILT_IN, Backend, StoreUnavailable

def check(app):
    raise StoreUnavailable("connection refused")

BACKEND = Backend(
    name="tables", title="Tables", install=BUILT_IN["filesystem"].install, needs="PostgreSQL",
    check=check,
)
"""


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Backend:
    like = BUILT_IN["filesystem"].install
    backend = Backend(name="tables", title="Tables", install=like, needs="PostgreSQL")
    monkeypatch.setitem(BACKENDS, backend.name, backend)
    return backend


def test_it_is_not_replaced_by_the_embedded_redis(tables: Backend, tmp_path: Path) -> None:
    settings = {**PRODUCTION, "WEB_CONCURRENCY": 2, "SESSION_FILE_DIR": tmp_path}
    app = make_session_lab(tables.name, **settings)
    assert not is_embedded(app.config)


def test_a_missing_service_ends_the_start_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    install(folder, "tables-package", {"tables": CODE}, {"tables": "tables:BACKEND"})
    ended = python(folder, "-m", "app", "run", SESSION_BACKEND="tables")
    assert ended.stderr == (
        "session-lab: PostgreSQL, which Tables needs, cannot be used: connection refused. "
        "Start it.\n"
    )


@pytest.mark.parametrize(
    "act", ["record_operations", "records", "overwrite", "stopped", "frozen", "disk_full"]
)
def test_what_the_lab_cannot_do_is_skipped(tables: Backend, act: str) -> None:
    def experiment(subject: Subject) -> Finding:
        alice = subject.log_in_visitor()
        subject.advance_time(1)
        subject.restart()
        assert alice.is_logged_in
        getattr(subject.store, act)(*(("x", b"") if act == "overwrite" else ()))
        raise AssertionError

    claim = replace(CLAIMS["parallel_writes_survive"], experiment=experiment)
    result = try_claim(claim, BackendSource(tables.name, RunOptions(create_app)))
    says = "The laboratory has no way to look into PostgreSQL, or to stop it."
    assert (result.verdict, result.because) == (Verdict.SKIPPED, says)
