"""What a run looks like in a terminal, and where there is none."""

import re
from io import StringIO

import pytest
from rich.console import Console

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Report
from app.lab.reports.terminal import console, print_closing, print_report, watched
from backends import BACKENDS
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    BROKEN,
    LOGOUT,
    SUBJECTS,
    SURPRISING,
    report,
    result,
)

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def printed(shown: Report, width: int = 80) -> str:
    file = StringIO()
    print_report(shown, Console(file=file, width=width, highlight=False, markup=False))
    return file.getvalue()


def seen(shown: Report, *, terminal: bool = False) -> str:
    """What is shown while the results come, in no good order."""
    file = StringIO()
    to = Console(file=file, width=80, force_terminal=True) if terminal else console(file)
    claims = [CLAIMS["logout_is_final"]]
    results = [each for each in reversed(shown.results) if each.claim == "logout_is_final"]
    assert list(watched(iter(results), claims, SUBJECTS, to)) == results
    return file.getvalue()


class TestMatrix:
    def test_it_has_the_document_s_claims_first_and_each_with_its_verdicts(self) -> None:
        lines = [line.split() for line in printed(AS_EXPECTED, 120).splitlines() if line]
        assert lines[:-1] == [
            ["The", "document", "says", "cookie", "filesystem", "redis"],
            ["server_side", *("✗", "fails"), *("✓", "holds"), *("✓", "holds")],
            ["encrypted", *("✗", "fails"), *("–", "cannot", "apply") * 2],
            ["The", "field", "asks", "cookie", "filesystem", "redis"],
            ["logout_is_final", *("✗", "fails"), *("✓", "holds"), *("✓", "holds")],
        ]

    @pytest.mark.parametrize("width", [40, 60, 80, 120])
    def test_nothing_is_cut_however_narrow_it_is(self, width: int) -> None:
        claims = list(CLAIMS)
        results = [result(claim, each, Verdict.HOLDS) for claim in claims for each in BACKENDS]
        text = printed(Report(AS_EXPECTED.about, list(BACKENDS), results), width)
        assert "…" not in text
        assert max(map(len, text.splitlines()[:-1])) <= width

    def test_heads_stay_whole_at_60_columns(self) -> None:
        results = [result("encrypted", each, Verdict.HOLDS) for each in BACKENDS]
        text = printed(Report(AS_EXPECTED.about, list(BACKENDS), results), 60)
        words = text.partition("encrypted")[0].split()
        assert words.count("filesystem") == 2
        assert {"cookie", "redis", "flask-", "session-"} <= set(words)

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_it_fits_however_long_the_names_are(self, width: int) -> None:
        subjects = ["cookie", "filesystem", "redis", "flask-session-filesystem"]
        claim = "a_claim_with_a_name_that_is_longer_than_any_other"
        results = [result(claim, subject, Verdict.CANNOT_APPLY) for subject in subjects]
        shown = Report(AS_EXPECTED.about, subjects, results)
        lines = printed(shown, width).splitlines()
        assert max(map(len, lines[:-1])) <= width
        begin = next(number for number, line in enumerate(lines) if line.startswith("a_claim"))
        column = lines[begin].index("–")
        assert "".join(line[:column].strip() for line in lines[begin:-1]) == claim

    def test_a_surprise_is_marked_without_colour(self) -> None:
        row = next(line for line in printed(SURPRISING).splitlines() if "logout" in line)
        fails, skipped = ["✗", "fails"], ["○", "skipped"]
        assert row.split() == ["logout_is_final", *fails, *fails, "!", *skipped]

    def test_what_was_not_tried_stays_empty(self) -> None:
        shown = report(result("logout_is_final", "redis", Verdict.HOLDS), saying=[LOGOUT])
        row = next(line for line in printed(shown).splitlines() if "logout" in line)
        assert row.split() == ["logout_is_final", "✓", "holds"]


class TestClosing:
    def test_what_is_as_expected_is_one_line(self) -> None:
        file = StringIO()
        print_closing(AS_EXPECTED, console(file))
        assert file.getvalue() == "9 as expected, no surprises · 41 s · Redis 7.0.15\n"

    def test_what_stands_out_is_told_with_its_reason(self) -> None:
        words = " ".join(printed(SURPRISING).split())
        assert (
            "Surprises logout_is_final on filesystem "
            "✗ fails (holds was expected): alive. It still logs in. "
            "Skipped logout_is_final on redis No server is here. "
            "Again: session-lab compare --only logout_is_final 1 as expected, 1 surprise"
        ) in words

    def test_errors_are_told_with_their_reason(self) -> None:
        words = " ".join(printed(BROKEN).split())
        assert "Errors logout_is_final on filesystem Its process ended. Again:" in words

    def test_a_reason_that_many_share_stands_there_once(self) -> None:
        skipped = [
            result(claim, subject, Verdict.SKIPPED, "", "No server is here.", Verdict.HOLDS)
            for claim in ("one", "two")
            for subject in ("filesystem", "redis")
        ]
        words = " ".join(printed(report(*skipped, saying=[])).split())
        assert "one on filesystem, redis two on filesystem, redis No server is here. 0 as" in words


class TestWatching:
    def test_a_claim_is_shown_once_with_figures_and_those_who_share_them(self) -> None:
        assert [line.rstrip() for line in seen(AS_EXPECTED).splitlines()] == [
            "logout_is_final",
            CLAIMS["logout_is_final"].sentence,
            "  ✗ fails         cookie: alive",
            "  ✓ holds         filesystem, redis: dead",
            "",
        ]

    def test_surprises_errors_and_skips_say_what_they_are(self) -> None:
        assert "filesystem: alive (surprise: holds was expected)" in seen(SURPRISING)
        assert "○ skipped       redis: No server is here." in seen(SURPRISING)
        assert "! error         filesystem: Its process ended." in seen(BROKEN)

    def test_where_there_is_no_terminal_there_are_no_codes_and_no_bar(self) -> None:
        assert "\x1b" not in seen(SURPRISING)
        assert "experiments" not in seen(SURPRISING)

    def test_in_a_terminal_there_are_colours_and_a_bar_and_the_same_words(self) -> None:
        raw = seen(SURPRISING, terminal=True)
        assert "\x1b[" in raw
        assert re.search(r"\d/3.* experiments", CODES.sub("", raw))
        for line in seen(SURPRISING).splitlines():
            assert line.strip() in CODES.sub("", raw)

    def test_a_claim_that_is_not_decided_everywhere_is_not_shown_yet(self) -> None:
        file = StringIO()
        results = watched(
            iter(AS_EXPECTED.results[-3:-1]), [CLAIMS["logout_is_final"]], SUBJECTS, console(file)
        )
        assert len(list(results)) == 2
        assert file.getvalue() == ""
