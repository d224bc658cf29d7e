"""The report that is kept in git, how a run is published, and what pages say by it."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports import publish as publishing
from app.lab.reports.publish import HTML, MAX_EXCHANGES, main, make_matrix
from app.lab.reports.report import (
    SHIPPED,
    Report,
    copy_claim_text,
    dump_by_line,
    parse_report,
    read_report,
    shorten_report,
)
from app.lab.stores.redis_server import EMBEDDED
from backends import BUILT_IN
from tests.lab.reports.made_reports import AS_EXPECTED

ELSEWHERE = replace(AS_EXPECTED.circumstances, redis=EMBEDDED)
WITHOUT_REDIS = replace(AS_EXPECTED, circumstances=ELSEWHERE)


class TestPublishing:
    @pytest.fixture(autouse=True)
    def kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where the report is kept in a test."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(publishing, "SHIPPED", tmp_path / "kept.json")
        return tmp_path / "kept.json"

    @pytest.fixture
    def made(self, tmp_path: Path) -> Path:
        """Where a run has written its report."""
        return tmp_path / "made.json"

    def test_a_short_report_is_kept_and_its_html_written(self, made: Path, kept: Path) -> None:
        made.write_text(dump_by_line(AS_EXPECTED))
        main(made)
        assert parse_report(kept.read_text()) == shorten_report(AS_EXPECTED, MAX_EXCHANGES)
        assert HTML.read_text().startswith("<!doctype html>")

    def test_the_matrix_is_that_of_the_kept_report(self, kept: Path) -> None:
        kept.write_text(dump_by_line(AS_EXPECTED))
        row = "| [A kept token is dead.](../app/lab/experiments/logout_is_final.py) | ✗ | ✓ | ✓ |"
        assert row in make_matrix().splitlines()

    @pytest.mark.parametrize(
        ("report", "words"),
        [
            (WITHOUT_REDIS, "made without a real Redis: apt-get install"),
            (replace(AS_EXPECTED, subjects=["cookie", "tiny"]), "tiny is of another package"),
        ],
        ids=["embedded", "another package"],
    )
    def test_a_run_that_others_cannot_repeat_is_refused(
        self, report: Report, words: str, made: Path, kept: Path
    ) -> None:
        made.write_text(dump_by_line(report))
        with pytest.raises(SystemExit, match=words):
            main(made)
        assert not kept.exists()
        assert not HTML.exists()

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{}", "not a report of the laboratory"),
            ("no JSON", "JSON is malformed"),
            (None, "No such"),
        ],
    )
    def test_an_unreadable_report_is_refused_on_one_line(
        self, made: Path, text: str | None, words: str
    ) -> None:
        if text is not None:
            made.write_text(text)
        with pytest.raises(SystemExit, match=words) as raised:
            main(made)
        assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def kept() -> Report:
    return parse_report(SHIPPED.read_text())


class TestKeptReport:
    def test_it_is_written_as_this_version_writes_it(self, kept: Report) -> None:
        assert dump_by_line(shorten_report(kept, MAX_EXCHANGES)) == SHIPPED.read_text()

    def test_its_claims_say_what_the_code_says(self, kept: Report) -> None:
        assert kept.claims == list(map(copy_claim_text, CLAIMS.values())), "make report"

    def test_it_has_each_claim_on_each_subject_as_expected(self, kept: Report) -> None:
        assert kept.subjects == list(BUILT_IN)
        assert [(each.claim, each.subject, each.expected) for each in kept.results] == [
            (claim.id, subject, claim.expected_of(BUILT_IN[subject], embedded=False))
            for claim in CLAIMS.values()
            for subject in BUILT_IN
        ], "out of date: make report"

    def test_it_has_no_surprise_and_no_error(self, kept: Report) -> None:
        assert kept.exit_status == 0
        assert kept.circumstances.redis != EMBEDDED


SAID = {
    "flask-cookie": {
        "no time limit of its own": ("absolute_timeout", "idle_timeout"),
        "lost without an error": ("over_capacity_is_refused",),
    },
    "flask-session-filesystem": {
        "one is lost": ("parallel_writes_survive",),
        "keeps its id at the login": ("fixation", "regenerated_at_login"),
        "is a pickle": ("planted_pickle",),
        "the 501st session ends another": ("many_users",),
    },
    "flask-session-redis": {
        "one is lost": ("parallel_writes_survive",),
        "keeps its id at the login": ("fixation", "regenerated_at_login"),
        "who copies the store has every login": ("stolen_store_dump",),
    },
}


@pytest.mark.parametrize("name", SAID)
def test_each_part_of_a_note_is_a_claim_that_fails_there(name: str) -> None:
    for words, claims in SAID[name].items():
        assert words in BUILT_IN[name].note
        for claim in claims:
            assert read_report(SHIPPED).verdict(claim, name) is Verdict.FAILS


@pytest.mark.parametrize("name", ["flask-session-filesystem", "flask-session-redis"])
def test_a_note_names_the_version_that_is_installed(name: str) -> None:
    assert f"Flask-Session {version('flask-session')} " in BUILT_IN[name].note
