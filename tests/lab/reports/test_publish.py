"""What is made from a full run: how, and that what is committed is what comes out."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from app.lab.experiments import CLAIMS
from app.lab.reports.publish import (
    HTML,
    KEPT,
    MOST_EXCHANGES,
    for_keeping,
    main,
    publish,
    published,
)
from app.lab.reports.report import Report, dumped, loaded, said
from app.lab.stores.redis import EMBEDDED
from backends import BUILT_IN
from tests.lab.reports.made_reports import AS_EXPECTED

PROJECT = Path(__file__).parents[3]
MADE_FROM_IT = list(published(AS_EXPECTED))
README = "before\n<!-- begin: matrix -->\nstale\n<!-- end: matrix -->\nafter\n"


class TestPublishing:
    @pytest.fixture(autouse=True)
    def html(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = ModuleType("app.lab.reports.html")
        module.html_report = lambda report: f"<p>{len(report.results)}\n"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "app.lab.reports.html", module)

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for path in (KEPT, *MADE_FROM_IT):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "README.md").write_text(README)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def made(self, project: Path, report: Report) -> Path:
        path = project / "made.json"
        path.write_text(dumped(report))
        return path

    def test_the_report_is_kept_and_the_rest_made_from_it(self, project: Path) -> None:
        publish(self.made(project, AS_EXPECTED), project)
        kept = loaded((project / KEPT).read_text())
        assert kept == for_keeping(AS_EXPECTED)
        for path, make in published(kept).items():
            assert (project / path).read_text() == make((project / path).read_text())
        assert (project / HTML).read_text() == "<p>9\n"

    def test_of_the_readme_nothing_else_is_changed(self, project: Path) -> None:
        publish(self.made(project, AS_EXPECTED), project)
        lines = (project / "README.md").read_text().splitlines()
        assert (lines[0], lines[-1]) == ("before", "after")
        assert "stale" not in lines
        row = "| [A kept token is dead.](app/lab/experiments/logout_is_final.py) | ✗ | ✓ | ✓ |"
        assert row in lines

    def test_of_the_evidence_little_is_kept(self) -> None:
        full = AS_EXPECTED.results[0]
        exchange = full.evidence.exchanges[0]
        many = [replace(exchange, status=number) for number in range(MOST_EXCHANGES + 5)]
        long = replace(full, evidence=replace(full.evidence, exchanges=many))
        kept = for_keeping(replace(AS_EXPECTED, results=[long])).results[0].evidence
        assert [each.status for each in kept.exchanges] == [0, 1, 2, 3, 9, 10, 11, 12]
        assert kept.left_out == full.evidence.left_out + 5
        assert [name for name, _ in kept.exchanges[0].request_headers] == ["Cookie"]
        assert [name for name, _ in kept.exchanges[0].response_headers] == ["Set-Cookie"]
        assert kept.holdings == full.evidence.holdings

    def test_a_run_without_a_real_redis_is_refused(self, project: Path) -> None:
        about = replace(AS_EXPECTED.about, redis=EMBEDDED)
        made = self.made(project, replace(AS_EXPECTED, about=about))
        with pytest.raises(SystemExit, match="made without a real Redis: apt-get install"):
            main(made)
        assert not (project / KEPT).exists()
        assert (project / "README.md").read_text() == README

    def test_a_run_with_the_backend_of_another_package_is_refused(self, project: Path) -> None:
        made = self.made(project, replace(AS_EXPECTED, subjects=["cookie", "tiny"]))
        with pytest.raises(SystemExit, match="tiny is of another package"):
            main(made)
        assert not (project / KEPT).exists()

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("{}", "no report of the laboratory"),
            ("no JSON", "JSON is malformed"),
            (None, "No such"),
        ],
    )
    def test_what_is_no_report_is_one_line(
        self, project: Path, text: str | None, words: str
    ) -> None:
        made = project / "made.json"
        if text is not None:
            made.write_text(text)
        with pytest.raises(SystemExit, match=words) as raised:
            main(made)
        assert "\n" not in str(raised.value)


@pytest.fixture(scope="module")
def kept() -> Report:
    """The report that is committed."""
    path = PROJECT / KEPT
    assert path.exists(), f"{KEPT} is not there: make report"
    return loaded(path.read_text())


class TestPublished:
    """What is committed."""

    def test_the_kept_report_is_written_as_this_version_writes_it(self, kept: Report) -> None:
        assert dumped(for_keeping(kept)) == (PROJECT / KEPT).read_text()

    @pytest.mark.parametrize("path", MADE_FROM_IT, ids=str)
    def test_what_is_made_from_it_is_up_to_date(self, kept: Report, path: Path) -> None:
        text = (PROJECT / path).read_text()
        assert published(kept)[path](text) == text, f"{path} is out of date: make report"

    def test_its_claims_say_what_the_code_says(self, kept: Report) -> None:
        made = json.loads(dumped(kept))["said"]
        of_the_code = replace(kept, said=[said(claim) for claim in CLAIMS.values()])
        assert made == json.loads(dumped(of_the_code))["said"], "out of date: make report"

    def test_it_has_every_claim_on_every_subject_with_the_verdict_to_expect(
        self, kept: Report
    ) -> None:
        assert kept.subjects == list(BUILT_IN)
        assert [(each.claim, each.subject, each.expected) for each in kept.results] == [
            (claim.id, subject, claim.expected_of(subject, embedded=False))
            for claim in CLAIMS.values()
            for subject in BUILT_IN
        ], "out of date: make report"

    def test_all_of_it_is_as_expected(self, kept: Report) -> None:
        assert kept.exit_status == 0
        assert kept.about.redis != EMBEDDED
