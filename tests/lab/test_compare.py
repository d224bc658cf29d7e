"""`session-lab compare`: what it writes, and where; what it runs, and what it refuses."""

import errno
import re
import tempfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.__main__ import session_lab
from app.lab import compare
from app.lab.browser import chromium
from app.lab.experiments import CLAIMS
from app.lab.output import check_writable, write
from app.lab.reports.markdown import format_markdown
from app.lab.reports.report import Report, parse_report
from app.lab.subject.external import ExternalApp
from backends import BACKENDS
from tests.lab.conftest import SetReport
from tests.lab.reports.made_reports import AS_EXPECTED, BROKEN, SURPRISING
from tests.support.services import require

pytestmark = pytest.mark.usefixtures("current_folder")


def invoke(*arguments: str) -> Result:
    """Call the command inside this process."""
    return CliRunner().invoke(session_lab, ["compare", *arguments], prog_name="session-lab")


class TestReport:
    @pytest.mark.parametrize(
        ("report", "status", "form"),
        [(AS_EXPECTED, 0, "table"), (SURPRISING, 1, "json"), (BROKEN, 2, "markdown")],
    )
    def test_the_exit_status_is_the_outcome(
        self, set_report: SetReport, report: Report, status: int, form: str
    ) -> None:
        set_report(report)
        assert invoke("--format", form).exit_code == status

    def test_standard_output_in_json_is_only_json(self, set_report: SetReport) -> None:
        set_report(SURPRISING)
        result = invoke("--format", "json")
        assert parse_report(result.stdout) == SURPRISING
        assert "Surprises" in result.stderr

    def test_a_table_leaves_standard_error_empty(self, set_report: SetReport) -> None:
        set_report(AS_EXPECTED)
        result = invoke()
        assert result.stdout.endswith("9 as expected, no surprises · 41 s · Redis 7.0.15\n")
        assert result.stderr == ""

    @pytest.mark.parametrize(
        ("name", "begin"),
        [
            *(("r.json", "{"), ("r.md", "# What is true"), ("r.html", "<!doctype html>")),
            *(("r.txt", "The doc"), ("report", "The doc")),
        ],
    )
    def test_the_suffix_of_a_file_decides_its_format(
        self, set_report: SetReport, current_folder: Path, name: str, begin: str
    ) -> None:
        set_report(AS_EXPECTED)
        result = invoke("--output", name)
        assert (current_folder / name).read_text().startswith(begin)
        assert result.stdout == ""
        assert f"Written: {name}\n" in result.stderr

    def test_the_format_option_precedes_the_suffix(
        self, set_report: SetReport, current_folder: Path
    ) -> None:
        set_report(AS_EXPECTED)
        invoke("--output", "r.json", "--format", "markdown")
        assert (current_folder / "r.json").read_text() == format_markdown(AS_EXPECTED)


class TestRepeatCommand:
    """The command that repeats what was a surprise has the options of the run."""

    @pytest.mark.parametrize("form", ["table", "json"])
    def test_it_names_backends_and_browser(self, set_report: SetReport, form: str) -> None:
        set_report(SURPRISING)
        given = ("--backend", "redis", "--backend", "filesystem", "--browser", "chromium")
        result = invoke(*given, "--format", form)
        line = f"Again: session-lab compare {' '.join(given)} --only logout_is_final\n"
        assert line in (result.stdout if form == "table" else result.stderr)

    def test_it_names_an_application_without_its_password(
        self, set_report: SetReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_report(SURPRISING)
        monkeypatch.setattr(ExternalApp, "check", lambda _: None)
        given = ("--app", "shop:make(1)", "--login", "/in", "--cookie", "shop")
        result = invoke(*given, "--field", "pin=1234", "--field", "user=alice", "--json")
        assert (
            "Again: session-lab compare --app 'shop:make(1)' --login /in --field pin=… "
            "--field user=… --json --cookie shop --only logout_is_final\n"
        ) in result.stdout
        assert "1234" not in result.stdout


class TestSelection:
    def test_everything_runs_if_nothing_is_named(self, set_report: SetReport) -> None:
        asked = set_report(AS_EXPECTED)
        invoke()
        assert asked["claims"] == list(CLAIMS.values())
        assert asked["backends"] == list(BACKENDS.values())
        assert asked["options"].in_chromium is False

    def test_what_is_named_runs_once_in_the_usual_order(self, set_report: SetReport) -> None:
        asked = set_report(AS_EXPECTED)
        invoke(
            *("--backend", "redis", "--backend", "cookie", "--backend", "redis"),
            *("--only", "logout_is_final", "--browser", "chromium"),
        )
        assert [claim.id for claim in asked["claims"]] == ["logout_is_final"]
        assert [backend.name for backend in asked["backends"]] == ["cookie", "redis"]
        assert asked["options"].in_chromium is True


class TestList:
    def test_every_claim_is_listed_with_its_origin(self) -> None:
        result = invoke("--list")
        assert result.exit_code == 0
        assert "\x1b" not in result.stdout
        assert max(map(len, result.stdout.splitlines())) <= 80
        printed = " ".join(result.stdout.split())
        for claim in CLAIMS.values():
            assert " ".join(f"{claim.id} {claim.sentence}".split()) in printed
            for origin in [*(statement.quote for statement in claim.statements), *claim.sources]:
                assert " ".join(origin.split()) in printed

    def test_only_named_claims_are_listed(self) -> None:
        printed = invoke("--list", "--only", "logout_is_final").stdout
        assert "logout_is_final" in printed
        assert "parallel_writes_survive" not in printed


class TestRefusals:
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
    def test_a_refusal_is_one_line(self, arguments: tuple[str, ...], expected: str) -> None:
        result = invoke(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1
        assert re.search(f"^Error: .*{expected}", result.stderr)

    @pytest.mark.parametrize("leads_to", ["precious.txt", "nowhere"])
    def test_a_link_is_not_written_through(self, leads_to: str, current_folder: Path) -> None:
        Path("precious.txt").write_text("precious")
        Path("report.json").symlink_to(leads_to)
        result = invoke("--output", "report.json", "--only", "two_logins_differ")
        said = "Error: report.json is a link, and a report would overwrite what it leads to.\n"
        assert (result.exit_code, result.stderr) == (2, said)
        assert Path("precious.txt").read_text() == "precious"
        write("a report", Path("report.json"))  # the link came during the run
        assert Path("report.json").read_text() == "a report"
        assert Path("precious.txt").read_text() == "precious"
        assert not Path("nowhere").exists()

    def test_a_link_in_memory_or_in_the_last_moment_is_not_written_through(
        self, current_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        precious = current_folder / "precious.txt"
        precious.write_text("precious")
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
            link = Path(memory, "report.json")
            link.symlink_to(precious)
            with pytest.raises(click.ClickException, match="is a link"):
                check_writable(link)
            with monkeypatch.context() as patch:
                patch.setattr(Path, "is_symlink", lambda _: False)
                write("a report", link)
            assert link.read_text() == "a report"
        assert precious.read_text() == "precious"
        write("", Path("/dev/stdout"))

    def test_a_report_that_cannot_be_written_leaves_the_earlier_one(
        self, current_folder: Path
    ) -> None:
        earlier = Path("report.json")
        earlier.write_text("the earlier report")
        earlier.chmod(0o600)
        with pytest.raises(UnicodeEncodeError):
            write("\ud800", earlier)  # fails amid the writing, as a full disk does
        assert earlier.read_text() == "the earlier report"
        write("a report", earlier)
        assert (earlier.read_text(), earlier.stat().st_mode & 0o777) == ("a report", 0o600)
        assert list(current_folder.iterdir()) == [current_folder / earlier]

    def test_where_nothing_can_take_its_place_a_file_is_written_itself(
        self, current_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EBUSY, "it is mounted")

        monkeypatch.setattr(Path, "replace", refuse)
        write("a report", Path("report.json"))
        assert [each.read_text() for each in current_folder.iterdir()] == ["a report"]
        Path("link").symlink_to("report.json")
        with pytest.raises(OSError, match="symbolic links"):
            write("another", Path("link"))

    def test_an_unknown_claim_leads_to_the_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compare, "MAX_LISTED_NAMES", 1)
        assert "session-lab compare --list names them all" in invoke("--only", "zzz").stderr

    def test_a_missing_chromium_is_found_before_the_run(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(chromium, "PROGRAMS", ())
        result = invoke("--browser", "chromium")
        said = "Error: A real browser needs Chromium: apt-get install chromium.\n"
        assert (result.exit_code, result.stderr) == (2, said)


@pytest.mark.usefixtures("in_process")
class TestRedisOfARun:
    def read_redis(self, backend: str) -> str:
        """The report's words for the Redis that a run used, of the quickest experiment."""
        result = invoke("--only", "logout_is_final", "--format", "json", "--backend", backend)
        assert result.exit_code == 0, result.stderr
        return parse_report(result.stdout).circumstances.redis

    def test_it_is_a_redis_server_and_never_that_of_redis_url(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        require("redis-server", "redis-server")
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
        redis = self.read_redis("redis")
        assert re.fullmatch(r"Redis [\d.]+, started for each subject", redis)

    def test_it_is_not_needed_without_a_subject_on_redis(self) -> None:
        assert self.read_redis("cookie") == "no Redis needed"
