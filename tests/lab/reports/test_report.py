"""A report: what it counts, and that it is the same after a way through JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.lab.claim import Verdict
from app.lab.reports.report import ExitStatus, Report, Result, dumped, loaded, summary
from tests.lab.reports.made_reports import AS_EXPECTED, BROKEN, SURPRISING

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/report.schema.json").read_text())
DATA = json.loads(dumped(AS_EXPECTED))
REPORTS = [AS_EXPECTED, SURPRISING, BROKEN]


@pytest.mark.parametrize("report", REPORTS)
class TestJson:
    def test_the_report_comes_back_as_it_was(self, report: Report) -> None:
        assert loaded(dumped(report)) == report

    def test_each_result_and_each_claim_is_one_line(self, report: Report) -> None:
        lines = [line.rstrip(",") for line in dumped(report).splitlines()]
        objects = [json.loads(line) for line in lines if line.startswith("{") and line[-1] == "}"]
        data = json.loads(dumped(report))
        assert objects == [*data["results"], *data["said"]]

    def test_it_is_what_the_published_schema_describes(self, report: Report) -> None:
        validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
        validator.validate(json.loads(dumped(report)))


class TestSchema:
    def test_it_is_one(self) -> None:
        Draft202012Validator.check_schema(SCHEMA)

    def test_everything_in_it_is_described(self) -> None:
        def undescribed(node: Any) -> list[Any]:
            if not isinstance(node, dict):
                return []
            named = node.get("properties", {}).items()
            own = [name for name, value in named if "description" not in value]
            return own + [each for value in node.values() for each in undescribed(value)]

        assert undescribed(SCHEMA) == []


class TestWhatIsNoReport:
    @pytest.mark.parametrize("data", [[], "text", None, {}, {"claims": 3}])
    def test_something_else_is_said_to_be_none(self, data: Any) -> None:
        with pytest.raises(ValueError, match=r"^this is no report of the laboratory: .+$"):
            loaded(json.dumps(data))

    @pytest.mark.parametrize("number", [0, 2, "1", None])
    def test_another_format_is_named_with_what_to_do(self, number: Any) -> None:
        with pytest.raises(ValueError, match=f"has format {number!r}, and format 1 is .* make it"):
            loaded(json.dumps({**DATA, "format": number}))

    @pytest.mark.parametrize("name", ["about", "results", "said"])
    @pytest.mark.parametrize("value", [None, 3, "text", [1], ["text"], {"a": 1}, [{"verdict": 1}]])
    def test_a_damaged_one_is_one_line(self, name: str, value: Any) -> None:
        with pytest.raises(ValueError, match="no report of the laboratory") as raised:
            loaded(json.dumps({**DATA, name: value}))
        assert "\n" not in str(raised.value)

    def test_an_unknown_verdict_is_named(self) -> None:
        text = dumped(AS_EXPECTED).replace('"fails"', '"breaks"')
        with pytest.raises(ValueError, match="Invalid enum value 'breaks'"):
            loaded(text)


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
        assert summary(report) == f"{line} · 41 s · Redis 7.0.15"

    def test_what_nobody_expects_anything_of_is_no_surprise(self) -> None:
        found = Result("claim", "theirs", Verdict.FAILS, None, "", "", 0.0)
        assert not found.is_surprise

    def test_a_sentence_is_told_by_its_claim(self) -> None:
        assert AS_EXPECTED.sentence("logout_is_final") == "A kept token is dead."
        assert AS_EXPECTED.sentence("unheard_of") == "unheard_of"
