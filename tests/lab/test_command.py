"""`session-lab compare`: what it prints, where, and with what status it exits."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.__main__ import session_lab
from app.lab import compare
from app.lab.browser import chromium
from app.lab.claim import Claim
from app.lab.experiments import CLAIMS
from app.lab.reports.markdown import format_markdown
from app.lab.reports.report import Report, parse_report
from app.lab.reports.report import Result as Found
from app.lab.reports.terminal import ASCII
from app.lab.runs import runner
from app.lab.subject.source import RunOptions, SubjectSource
from backends import BACKENDS
from tests.lab.reports.made_reports import AS_EXPECTED, BROKEN, SURPRISING
from tests.lab.subject import broken_subjects
from tests.support.services import PATIENCE, LabServer, group_is_gone, require

pytestmark = pytest.mark.usefixtures("untraced_processes")

PROJECT = Path(__file__).parents[2]
ESCAPE = "\x1b"

Invoke = Callable[..., Result]


def invoke(*arguments: str) -> Result:
    """Call it inside this process."""
    return CliRunner().invoke(session_lab, ["compare", *arguments], prog_name="session-lab")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[[Report], dict[str, Any]]:
    """Let it make this report, and see what it is asked for."""

    def make(report: Report) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def run(claims: Any, backends: Any, options: RunOptions, *_: Any, **__: Any) -> Report:
            asked.update(claims=claims, backends=backends, options=options)
            return report

        monkeypatch.setattr(compare, "compare", run)
        return asked

    return make


Made = Callable[[Report], dict[str, Any]]


class TestReport:
    @pytest.mark.parametrize(("report", "status"), [(AS_EXPECTED, 0), (SURPRISING, 1), (BROKEN, 2)])
    @pytest.mark.parametrize("form", ["table", "json", "markdown"])
    def test_the_exit_status_says_what_came_out(
        self, made: Made, report: Report, status: int, form: str
    ) -> None:
        made(report)
        assert invoke("--format", form).exit_code == status

    def test_json_on_standard_output_is_nothing_but_json(self, made: Made) -> None:
        made(SURPRISING)
        result = invoke("--format", "json")
        assert parse_report(result.stdout) == SURPRISING
        assert "Surprises" in result.stderr

    def test_a_table_is_on_standard_output_alone(self, made: Made) -> None:
        made(AS_EXPECTED)
        result = invoke()
        assert result.stdout.endswith("9 as expected, no surprises · 41 s · Redis 7.0.15\n")
        assert result.stderr == ""

    @pytest.mark.parametrize(
        ("name", "begin"),
        [("r.json", "{"), ("r.md", "# What is true"), ("r.txt", "The doc"), ("report", "The doc")],
    )
    def test_a_file_is_what_its_ending_says(
        self, made: Made, folder: Path, name: str, begin: str
    ) -> None:
        made(AS_EXPECTED)
        result = invoke("--output", name)
        assert (folder / name).read_text().startswith(begin)
        assert result.stdout == ""
        assert f"Written: {name}\n" in result.stderr

    def test_a_format_that_is_named_counts_before_the_ending(
        self, made: Made, folder: Path
    ) -> None:
        made(AS_EXPECTED)
        invoke("--output", "r.json", "--format", "markdown")
        assert (folder / "r.json").read_text() == format_markdown(AS_EXPECTED)

    def test_html_is_the_work_of_another_module(
        self, made: Made, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compare, "format_html", lambda report: f"<p>{len(report.results)}")
        made(AS_EXPECTED)
        assert invoke("--format", "html").stdout == "<p>9"


class TestWhereItGoes:
    """A process with streams as a shell makes them; each ends by a status that says no more than
    it should: 1 is a surprise."""

    def called(
        self, *arguments: str, folder: Path, to: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        line = " ".join((sys.executable, "-m", broken_subjects.__name__, *arguments, to))
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=PROJECT,
            env={**LabServer(folder).environment, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )

    @pytest.mark.parametrize("form", ["--format table", "--format json", "--list"])
    def test_a_full_disk_is_one_line(self, form: str, folder: Path) -> None:
        ended = self.called("made", form, to="> /dev/full", folder=folder)
        said = "Error: Standard output cannot be written: No space left on device."
        assert (ended.returncode, ended.stderr) == (2, f"{said}\n")

    def test_a_full_disk_is_one_line_of_a_file_too(self, made: Made) -> None:
        made(AS_EXPECTED)
        ended = invoke("--output", "/dev/full")
        said = "Error: /dev/full cannot be written: No space left on device.\n"
        assert (ended.exit_code, ended.stderr) == (2, said)

    @pytest.mark.parametrize("form", ["--format table", "--format json", "--list"])
    def test_nobody_to_read_is_no_error(self, form: str, folder: Path) -> None:
        ended = self.called("made", form, to="| true", folder=folder)
        assert (ended.returncode, ended.stdout, ended.stderr) == (141, "", "")

    def test_nobody_to_read_how_it_goes_is_no_error(self, folder: Path) -> None:
        ended = self.called("wrong", "cookie", to="2>&1 >/dev/null | true", folder=folder)
        assert (ended.returncode, ended.stdout, ended.stderr) == (141, "", "")

    def test_an_encoding_without_signs_gets_words(self, folder: Path) -> None:
        signed, plain = (
            self.called("made", "--format table", folder=folder, PYTHONIOENCODING=encoding)
            for encoding in ("utf-8", "ascii")
        )
        assert (signed.returncode, plain.returncode) == (0, 0)
        assert "✗ fails" in signed.stdout
        assert (
            plain.stdout.split()
            == signed.stdout.translate({ord(sign): word for sign, word in ASCII.items()}).split()
        )

    def test_what_programs_read_is_utf_8_whatever_the_encoding_is(self, folder: Path) -> None:
        made = self.called("made", "--format json", folder=folder, PYTHONIOENCODING="ascii")
        assert parse_report(made.stdout) == AS_EXPECTED


class TestAgain:
    """What is to be tried again is tried as it was."""

    @pytest.mark.parametrize("form", ["table", "json"])
    def test_backends_and_the_browser_are_named(self, made: Made, form: str) -> None:
        made(SURPRISING)
        given = ("--backend", "redis", "--backend", "filesystem", "--browser", "chromium")
        result = invoke(*given, "--format", form)
        line = f"Again: session-lab compare {' '.join(given)} --only logout_is_final\n"
        assert line in (result.stdout if form == "table" else result.stderr)

    def test_an_application_is_described_without_what_logs_in(self, made: Made) -> None:
        made(SURPRISING)
        given = ("--app", "shop:make(1)", "--login", "/in", "--cookie", "shop")
        result = invoke(*given, "--field", "pin=1234", "--field", "user=ada")
        assert (
            "Again: session-lab compare --app 'shop:make(1)' --login /in --field pin=… "
            "--field user=… --cookie shop --only logout_is_final\n"
        ) in result.stdout
        assert "1234" not in result.stdout


class TestWhatIsAsked:
    def test_everything_is_tried_where_nothing_is_named(self, made: Made) -> None:
        asked = made(AS_EXPECTED)
        invoke()
        assert asked["claims"] == list(CLAIMS.values())
        assert asked["backends"] == list(BACKENDS.values())
        assert asked["options"].in_chromium is False

    def test_what_is_named_is_tried_once_and_in_its_own_order(self, made: Made) -> None:
        asked = made(AS_EXPECTED)
        invoke(
            *("--backend", "redis", "--backend", "cookie", "--backend", "redis"),
            *("--only", "logout_is_final", "--browser", "chromium"),
        )
        assert [claim.id for claim in asked["claims"]] == ["logout_is_final"]
        assert [backend.name for backend in asked["backends"]] == ["cookie", "redis"]
        assert asked["options"].in_chromium is True


class TestList:
    def test_every_claim_is_listed_with_where_it_is_from(self) -> None:
        result = invoke("--list")
        assert result.exit_code == 0
        printed = " ".join(result.stdout.split())
        for claim in CLAIMS.values():
            assert " ".join(f"{claim.id} {claim.sentence}".split()) in printed
            for origin in [*(statement.quote for statement in claim.statements), *claim.sources]:
                assert " ".join(origin.split()) in printed

    def test_it_fits_80_columns_without_escape_codes(self) -> None:
        printed = invoke("--list").stdout
        assert ESCAPE not in printed
        assert max(map(len, printed.splitlines())) <= 80

    def test_only_what_is_named_is_listed(self) -> None:
        printed = invoke("--list", "--only", "logout_is_final").stdout
        assert "logout_is_final" in printed
        assert "parallel_writes_survive" not in printed


class TestWhatCannotBe:
    """One line, exit status 2, and no run."""

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("--only", "logout"), r"There is no claim 'logout'\. Did you mean .*logout_is_"),
            (("--only", "logout_is_finl"), r"Did you mean logout_is_final\?"),
            (("--only", "logout", "--list"), r"There is no claim 'logout'"),
            (("--backend", "memcached"), r"There is no backend 'memcached'\. Choose .* redis"),
            (("--output", "missing/report.json"), r"missing/report\.json cannot be written\."),
        ],
    )
    def test_it_is_one_line(self, arguments: tuple[str, ...], expected: str) -> None:
        result = invoke(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert re.search(f"^Error: .*{expected}", result.stderr)

    def test_a_claim_like_none_leads_to_the_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compare, "MAX_LISTED_NAMES", 1)
        assert "session-lab compare --list names them all" in invoke("--only", "zzz").stderr

    def test_chromium_is_asked_for_before_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chromium, "PROGRAMS", ())
        result = invoke("--browser", "chromium")
        assert result.exit_code == 2
        assert result.stderr == (
            "Error: A real browser needs Chromium: apt-get install chromium.\n"
        )


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments are made here, and not in processes of their own."""

    def run(claims: Sequence[Claim], sources: Sequence[SubjectSource]) -> Iterator[Found]:
        for claim, source in product(claims, sources):
            yield runner.try_claim(claim, source)

    monkeypatch.setattr(runner, "run_claims", run)


class TestWhereRedisIs:
    """Each with the one experiment that takes no time."""

    def redis_of(self, *arguments: str) -> str:
        result = invoke("--only", "logout_is_final", "--format", "json", *arguments)
        assert result.exit_code == 0, result.stderr
        return parse_report(result.stdout).circumstances.redis

    @pytest.mark.usefixtures("in_process")
    def test_it_is_the_embedded_one_where_there_is_no_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        assert self.redis_of("--backend", "redis") == "embedded in the process (fakeredis)"

    @pytest.mark.usefixtures("in_process")
    def test_it_is_started_where_its_program_is_there(self) -> None:
        require("redis-server", "redis-server")
        redis = self.redis_of("--backend", "redis")
        assert re.fullmatch(r"Redis [\d.]+, started for each subject", redis)

    @pytest.mark.usefixtures("in_process")
    def test_it_is_never_the_one_at_redis_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        assert "127.0.0.1" not in self.redis_of("--backend", "redis")

    @pytest.mark.usefixtures("in_process")
    def test_none_is_looked_for_where_no_subject_needs_it(self) -> None:
        assert self.redis_of("--backend", "cookie") == "no Redis needed"

    def test_no_setting_of_the_application_matters(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("SESSION_BACKEND", "APP_PROFILE", "SESSION_IDLE_SECONDS", "SECRET_KEY"):
            monkeypatch.setenv(name, "cannot be")
        assert self.redis_of("--backend", "cookie") == "no Redis needed"


@contextmanager
def started(
    what: str, *backends: str, folder: Path, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """A run of `broken_subjects`, in a process group of its own, as a shell starts it."""
    with subprocess.Popen(
        [sys.executable, "-m", broken_subjects.__name__, what, *backends],
        cwd=PROJECT,
        env={**LabServer(folder).environment, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_a_subject_that_fails_does_not_stop_the_rest(folder: Path) -> None:
    with started("wrong", folder=folder, PATH="") as process:
        output, errors = process.communicate(timeout=PATIENCE)
    row = next(line for line in output.splitlines() if line.startswith("logout_is_final"))
    assert row.split() == ["logout_is_final", *["!", "error"] * 3, *["✓", "holds"] * 2]
    for reason in (
        "ConfigurationError: SECRET_KEY: it is not to its taste.",
        "Its process ended with status 7.",
        "RuntimeError: the login was answered 500",
    ):
        assert reason in " ".join(output.split())
        assert reason in " ".join(errors.split())
    assert "Again: session-lab compare --only logout_is_final\n" in output
    assert output.endswith("embedded in the process (fakeredis)\n")
    assert "2 as expected, no surprises, 3 errors ·" in output


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [(signal.SIGINT, 130, "Stopped.\n"), (signal.SIGTERM, 143, ""), (signal.SIGHUP, 129, "")],
)
def test_a_run_that_is_stopped_leaves_no_process(
    folder: Path, number: signal.Signals, status: int, words: str
) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with started("slow", folder=folder, **{broken_subjects.FIFO: str(pipe)}) as process:
        assert pipe.read_text().startswith("begun")
        if number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal sends Ctrl-C
        else:
            process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output, errors) == (status, "", words)
        assert group_is_gone(process.pid)


@pytest.mark.parametrize(
    ("numbers", "status"),
    [([signal.SIGHUP], 129), ([signal.SIGTERM, signal.SIGTERM, signal.SIGHUP], 143)],
    ids=["terminal closed", "told again and again"],
)
def test_a_run_whose_group_is_ended_leaves_no_redis_server_behind(
    folder: Path, numbers: list[signal.Signals], status: int
) -> None:
    require("redis-server", "redis-server")
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with started("stuck", "redis", folder=folder, **{broken_subjects.FIFO: str(pipe)}) as process:
        assert pipe.read_text().startswith("begun")
        for number in numbers:
            os.killpg(process.pid, number)
            time.sleep(0.1)  # or the kernel makes one of several
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output, errors) == (status, "", "")
        assert group_is_gone(process.pid)


@pytest.mark.parametrize(
    "way",
    [("session-lab",), ("flask", "--app", "app")],
    ids=lambda way: " ".join(way),
)
def test_every_way_in_offers_it(way: tuple[str, ...], folder: Path) -> None:
    process = subprocess.run(
        [Path(sys.executable).with_name(way[0]), *way[1:], "compare", "--list"],
        cwd=PROJECT,
        env=LabServer(folder).environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert process.returncode == 0, process.stderr
    assert "logout_is_final" in process.stdout


def test_an_application_that_starts_loads_no_experiment() -> None:
    code = "import sys, app; print([name for name in sys.modules if name.startswith('app.lab.')])"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert "'app.lab.cli'" in process.stdout
    assert "app.lab.experiments" not in process.stdout
    assert "app.lab.compare" not in process.stdout
