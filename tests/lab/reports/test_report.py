"""A report: its counts, its JSON and the schema of that."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.lab.claim import Verdict
from app.lab.reports.report import (
    ExitStatus,
    Report,
    Result,
    dump_by_line,
    parse_report,
    shorten_report,
    summarize,
)
from app.lab.reports.schema import format_schemas
from tests.lab.reports.made_reports import AS_EXPECTED, BROKEN, SURPRISING
from tests.support.processes import PROJECT

schemas = cache(format_schemas)
"""By the name of the file."""
DATA = json.loads(dump_by_line(AS_EXPECTED))
REPORTS = [AS_EXPECTED, SURPRISING, BROKEN]


@pytest.mark.parametrize("report", REPORTS)
class TestJson:
    def test_a_report_is_equal_after_a_round_trip(self, report: Report) -> None:
        assert parse_report(dump_by_line(report)) == report

    def test_each_result_and_each_claim_is_one_line(self, report: Report) -> None:
        lines = [line.rstrip(",") for line in dump_by_line(report).splitlines()]
        objects = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "}"]
        data = json.loads(dump_by_line(report))
        assert objects == [*data["results"], *data["claims"]]

    def test_it_is_valid_by_the_published_schema(self, report: Report) -> None:
        schema = json.loads(schemas()["report.schema.json"])
        checker = Draft202012Validator.FORMAT_CHECKER
        validator = Draft202012Validator(schema, format_checker=checker)
        validator.validate(json.loads(dump_by_line(report)))


class TestSchemas:
    def test_they_are_what_is_published_and_json_schemas(self) -> None:
        assert len(schemas()) == 2
        for name, text in schemas().items():
            assert (PROJECT / "docs/schemas" / name).read_text() == text, "out of date: make readme"
            Draft202012Validator.check_schema(json.loads(text))

    def test_every_type_and_every_property_of_a_report_has_a_description(self) -> None:
        def undescribed(node: Any) -> list[Any]:
            if not isinstance(node, dict):
                return []
            named = node.get("properties", {}).items()
            own = [name for name, value in named if "description" not in value]
            return own + [each for value in node.values() for each in undescribed(value)]

        for text in schemas().values():
            types = json.loads(text)["$defs"]
            assert [each for each, value in types.items() if "description" not in value] == []
        assert undescribed(json.loads(schemas()["report.schema.json"])) == []


DAMAGED: tuple[Any, ...] = (None, 3, "text", [], [1], ["text"], {}, {"a": 1}, [{"verdict": 1}])
UNREADABLE: list[tuple[Any, str]] = [
    *((data, r"^this is not a report of the laboratory: .+$") for data in DAMAGED),
    *(
        ({**DATA, "format": number}, f"has format {number!r}, and .* reads format 2: make it")
        for number in (0, 1, "2", None)
    ),
    *(
        ({**DATA, name: value}, "not a report of the laboratory")
        for name in ("circumstances", "results", "claims")
        for value in DAMAGED
        if value != []
    ),
    (json.loads(json.dumps(DATA).replace('"fails"', '"breaks"')), "Invalid enum value 'breaks'"),
]


@pytest.mark.parametrize(("data", "says"), UNREADABLE)
def test_what_is_no_report_is_rejected_on_one_line(data: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        parse_report(json.dumps(data))
    assert "\n" not in str(raised.value)


class TestCounting:
    @pytest.mark.parametrize(
        ("report", "status", "line"),
        [
            (AS_EXPECTED, ExitStatus.AS_EXPECTED, "9 as expected, no surprises"),
            (SURPRISING, ExitStatus.SURPRISE, "1 as expected, 1 surprise, 1 skipped"),
            (BROKEN, ExitStatus.ERROR, "1 as expected, 1 surprise, 1 error"),
        ],
    )
    def test_an_error_weighs_more_than_a_surprise(
        self, report: Report, status: ExitStatus, line: str
    ) -> None:
        assert report.exit_status is status
        assert summarize(report) == f"{line} · 41 s · Redis 7.0.15"

    def test_without_an_expectation_there_is_no_surprise(self) -> None:
        assert not Result("claim", "theirs", Verdict.FAILS, None, "", "", 0.0).is_surprise


def test_a_short_report_keeps_both_ends_and_headers_about_sessions() -> None:
    full = AS_EXPECTED.results[0]
    exchange = full.evidence.exchanges[0]
    many = [replace(exchange, status=number) for number in range(13)]
    long = replace(full, evidence=replace(full.evidence, exchanges=many))
    short = shorten_report(replace(AS_EXPECTED, results=[long]), 8).results[0].evidence
    assert [each.status for each in short.exchanges] == [0, 1, 2, 3, 9, 10, 11, 12]
    assert short.left_out == full.evidence.left_out + 5
    assert short.holdings == full.evidence.holdings
    for kept in short.exchanges:
        assert [name for name, _ in kept.request_headers] == ["Cookie"]
        assert [name for name, _ in kept.response_headers] == ["Set-Cookie"]
