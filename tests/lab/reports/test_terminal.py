"""A run in a terminal and in a file."""

import re
from dataclasses import replace
from io import StringIO
from itertools import takewhile

import pytest
from rich.console import Console

from app.lab.claim import Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Remedies, Remedy, Report
from app.lab.reports.terminal import open_console, print_report, print_results
from backends import BACKENDS
from tests.lab.reports.made_reports import (
    AS_EXPECTED,
    BROKEN,
    ENCRYPTED,
    LOGOUT,
    SUBJECTS,
    SURPRISING,
    claim_text,
    report,
    result,
)

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def render(made_up: Report, width: int = 80) -> str:
    file = StringIO()
    print_report(made_up, Console(file=file, width=width, highlight=False, markup=False))
    return file.getvalue()


def watch(made_up: Report, *, terminal: bool = False) -> str:
    """The output while the results arrive, in no particular order."""
    file = StringIO()
    to = Console(file=file, width=80, force_terminal=True) if terminal else open_console(file)
    claims = [CLAIMS["logout_is_final"]]
    results = [each for each in reversed(made_up.results) if each.claim == "logout_is_final"]
    assert list(print_results(iter(results), claims, SUBJECTS, to)) == results
    return file.getvalue()


class TestRemedies:
    REMEDIES = Remedies(
        3,
        [Remedy("SECURE = True", [], ["cookie_flags"]), Remedy("KEY = 1", ["tamper_proof"], [])],
        [Remedy("SESSION_BACKEND=redis", ["logout_is_final"], ["fixation"])],
        [],
    )

    def test_an_audit_ends_with_what_to_change(self) -> None:
        audit = replace(AS_EXPECTED, remedies=self.REMEDIES)
        lines = [line.rstrip() for line in render(audit).splitlines()]
        start = lines.index("What to change, setting by setting")
        assert lines[start + 1 : -2] == [
            "  SECURE = True",
            "    with the others that name it: cookie_flags",
            "  KEY = 1",
            "    turns 1 of 3: tamper_proof",
            "",
            "Which backend of Session Lab would turn which verdict",
            "  SESSION_BACKEND=redis",
            "    turns 1 of 3: logout_is_final; if the login calls session.clear() first:",
            "    fixation",
        ]

    def test_an_audit_without_a_failure_has_no_such_end(self) -> None:
        audit = replace(AS_EXPECTED, remedies=Remedies(0, [], [], []))
        assert render(audit) == render(AS_EXPECTED)


class TestMatrix:
    def test_the_documents_claims_come_first_each_with_its_verdicts(self) -> None:
        lines = [line.split() for line in render(AS_EXPECTED, 120).splitlines() if line]
        assert lines[:-1] == [
            ["The", "document", "says", "cookie", "filesystem", "redis"],
            ["server_side", *("✗", "fails"), *("✓", "holds"), *("✓", "holds")],
            ["encrypted", *("✗", "fails"), *("–", "cannot", "apply") * 2],
            ["Logout", "cookie", "filesystem", "redis"],
            ["logout_is_final", *("✗", "fails"), *("✓", "holds"), *("✓", "holds")],
        ]

    def test_subjects_without_room_are_in_a_second_table_under_whole_heads(self) -> None:
        results = [result("encrypted", each, Verdict.HOLDS) for each in BACKENDS]
        text = render(Report(AS_EXPECTED.circumstances, list(BACKENDS), results, [ENCRYPTED]), 60)
        assert text.split().count("filesystem") == 2
        assert {"cookie", "redis", "flask-", "session-"} <= set(text.split())
        rows = [line.split() for line in text.splitlines() if line.startswith("encrypted")]
        assert rows == [["encrypted", *["✓", "holds"] * (len(BACKENDS) // 2)]] * 2

    @pytest.mark.parametrize("width", [40, 60, 80, 120])
    def test_it_fits_however_long_the_names_are(self, width: int) -> None:
        subjects = ["cookie", "filesystem", "redis", "flask-session-filesystem"]
        claim = "a_claim_with_a_name_that_is_longer_than_any_other"
        results = [result(claim, subject, Verdict.CANNOT_APPLY) for subject in subjects]
        made_up = Report(AS_EXPECTED.circumstances, subjects, results, [claim_text(claim, "Long.")])
        lines = render(made_up, width).splitlines()
        assert "…" not in "".join(lines)
        assert max(map(len, lines[:-1])) <= width
        begin = next(number for number, line in enumerate(lines) if line.startswith("a_claim"))
        column = lines[begin].index("–")
        rows = takewhile(str.strip, lines[begin:-1])  # of the first table, if there are two
        assert "".join(row[:column].strip() for row in rows) == claim

    def test_a_surprise_is_marked_without_colour(self) -> None:
        row = next(line for line in render(SURPRISING).splitlines() if "logout" in line)
        fails, skipped = ["✗", "fails"], ["○", "skipped"]
        assert row.split() == ["logout_is_final", *fails, *fails, "!", *skipped]

    def test_a_claim_that_was_not_tried_has_an_empty_cell(self) -> None:
        made_up = report(result("logout_is_final", "redis", Verdict.HOLDS), claims=[LOGOUT])
        row = next(line for line in render(made_up).splitlines() if "logout" in line)
        assert row.split() == ["logout_is_final", "✓", "holds"]


class TestClosing:
    def test_surprises_skips_and_errors_are_printed_with_their_reason(self) -> None:
        words = " ".join(render(SURPRISING).split())
        assert (
            "Surprises logout_is_final on filesystem "
            "✗ fails (holds was expected): alive. It still logs in. "
            "Skipped logout_is_final on redis No server is here. "
            "Again: session-lab compare --only logout_is_final 1 as expected, 1 surprise"
        ) in words
        words = " ".join(render(BROKEN).split())
        assert "Errors logout_is_final on filesystem Its process ended. Again:" in words

    def test_a_reason_that_many_share_is_printed_once(self) -> None:
        skipped = [
            result(claim, subject, Verdict.SKIPPED, "", "No server is here.", Verdict.HOLDS)
            for claim in ("one", "two")
            for subject in ("filesystem", "redis")
        ]
        words = " ".join(render(report(*skipped, claims=[])).split())
        assert "one on filesystem, redis two on filesystem, redis No server is here. 0 as" in words


class TestWatching:
    def test_a_claim_is_printed_once_with_figures_and_subjects(self) -> None:
        assert [line.rstrip() for line in watch(AS_EXPECTED).splitlines()] == [
            "logout_is_final",
            CLAIMS["logout_is_final"].sentence,
            "  ✗ fails         cookie: alive",
            "  ✓ holds         filesystem, redis: dead",
            "",
        ]

    def test_surprises_errors_and_skips_are_named(self) -> None:
        assert "filesystem: alive (surprise: holds was expected)" in watch(SURPRISING)
        assert "○ skipped       redis: No server is here." in watch(SURPRISING)
        assert "! error         filesystem: Its process ended." in watch(BROKEN)

    def test_a_file_gets_no_escape_codes_and_no_bar(self) -> None:
        assert "\x1b" not in watch(SURPRISING)
        assert "experiments" not in watch(SURPRISING)

    def test_a_terminal_gets_colours_a_bar_and_the_same_words(self) -> None:
        raw = watch(SURPRISING, terminal=True)
        assert "\x1b[" in raw
        assert re.search(r"\d/3.* experiments", CODES.sub("", raw))
        for line in watch(SURPRISING).splitlines():
            assert line.strip() in CODES.sub("", raw)

    def test_a_claim_is_not_printed_before_it_is_decided_everywhere(self) -> None:
        file = StringIO()
        results = print_results(
            iter(AS_EXPECTED.results[-3:-1]),
            [CLAIMS["logout_is_final"]],
            SUBJECTS,
            open_console(file),
        )
        assert (len(list(results)), file.getvalue()) == (2, "")
