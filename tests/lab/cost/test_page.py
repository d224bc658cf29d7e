"""The page of what a session costs, a plan by its form, and the bench that is kept for it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.lab.bench.results import Bench
from app.lab.cost import kept
from app.lab.cost.figures import Figures, title_of
from app.lab.cost.sentences import say_all
from app.lab.experiments import CLAIMS
from app.lab.plan import LIMITS
from app.lab.reports.html import format_html
from app.lab.reports.report import dump_by_line
from backends import BUILT_IN
from tests.lab.cost.kept import kept_bench
from tests.lab.reports.made_reports import AS_EXPECTED, faulty_html

FIGURES = Figures(kept_bench())
PRICED = {claim.id: claim.price for claim in CLAIMS.values() if claim.price}


def test_it_names_the_machine_the_versions_and_the_date(reader: FlaskClient) -> None:
    text = reader.get("/lab/cost").text
    circumstances = FIGURES.bench.circumstances
    for part in (
        circumstances.machine,
        circumstances.versions["flask-session"],
        circumstances.redis,
    ):
        assert part in text
    assert circumstances.date[:10] in text


def test_every_backend_has_a_line_and_every_sentence_is_there(reader: FlaskClient) -> None:
    text = reader.get("/lab/cost").text
    head, _, words = text.partition('id="said-title"')
    for name in FIGURES.names:
        assert f'role="rowheader">{title_of(name)}</th>' in head
    for said in say_all(FIGURES):
        assert said.question in words
        for sentence in said.sentences:
            assert sentence in words


def test_the_claims_with_a_price_lead_to_it(reader: FlaskClient) -> None:
    assert PRICED.keys() == {"only_id_is_sent", "untouched_costs_nothing", "many_users"}
    anchors = re.findall(r'\bid="([^"]+)"', reader.get("/lab/cost").text)
    assert len(anchors) == len(set(anchors))
    matrix = reader.get("/lab").text
    for claim, price in PRICED.items():
        address = f'href="/lab/cost#cost-{price}"'
        assert f"cost-{price}" in anchors
        assert address in matrix
        assert address in reader.get(f"/lab/{claim}").text
    assert "/lab/cost#" not in reader.get("/lab/logout_is_final").text
    assert 'href="/lab/cost"' in matrix


def test_the_report_has_it_and_leads_within_itself() -> None:
    text = faulty_html()
    for price in PRICED.values():
        assert f'id="cost-{price}"' in text
        assert f'href="#cost-{price}"' in text
    assert "/lab/cost" not in text


class TestForm:
    def test_it_begins_with_a_plan_for_an_example(self, reader: FlaskClient) -> None:
        text = reader.get("/lab/cost").text
        assert 'method="get"' in text
        assert "10,000 users a day, 500 bytes in a session" in text
        for name in LIMITS:
            assert f'name="{name}"' in text

    def test_it_plans_what_was_entered(self, reader: FlaskClient) -> None:
        query = "users=2400&size=5000&per_second=12.5&hours=10"
        text = reader.get(f"/lab/cost?{query}").text
        assert "2,400 users a day, 5,000 bytes in a session, 12.5 requests a second" in text
        assert "1,000 are stored at once" in text
        assert "does not fit" in text
        assert 'value="12.5"' in text
        assert "plan --users 2400 --size 5000 --requests 12.5 --hours 10</code>" in text

    @pytest.mark.parametrize(
        ("entered", "told"),
        [
            ("users=0&size=500&per_second=5&hours=8", "From 1 to 1,000,000,000."),
            ("users=10&size=500&per_second=&hours=8", "Enter a number."),
            ("users=10&size=500&per_second=5&hours=nan", "From 0.01 to 9,600."),
            ("users=10&size=500&per_second=sNaN&hours=8", "From 0.01 to 1,000,000."),
            (f"users={'9' * 400}&size=500&per_second=5&hours=8", "From 1 to 1,000,000,000."),
            ("users=many&size=500&per_second=5&hours=8", "Not a valid integer value."),
            ("users=10", "Enter a number."),
        ],
    )
    def test_what_cannot_be_calculated_with_is_said_at_its_field(
        self, reader: FlaskClient, entered: str, told: str
    ) -> None:
        answer = reader.get(f"/lab/cost?{entered}")
        assert answer.status_code == 200
        assert told in answer.text
        assert "stored at once" not in answer.text
        assert "session-lab plan" not in answer.text

    def test_it_is_no_way_to_write_into_the_page(self, reader: FlaskClient) -> None:
        text = reader.get("/lab/cost", query_string={"users": "<script>alert(1)</script>"}).text
        assert "<script>alert" not in text


class TestWithout:
    """An installation whose bench cannot be read."""

    @pytest.fixture(autouse=True, params=["missing", "broken", "older"])
    def unreadable(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "bench.json"
        monkeypatch.setattr(kept, "KEPT", path)
        if request.param != "missing":
            path.write_text({"broken": "{", "older": '{"format":1}'}[request.param])

    def test_the_page_says_how_to_measure_and_the_report_leaves_it_out(
        self, reader: FlaskClient
    ) -> None:
        answer = reader.get("/lab/cost?users=5&size=500&per_second=5&hours=8")
        assert answer.status_code == 200
        assert "No figures came with this installation." in answer.text
        assert "session-lab bench" in answer.text
        assert "cost-sent" not in format_html(AS_EXPECTED)


WHOLE = kept_bench()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept.json"
    monkeypatch.setattr(kept, "KEPT", path)
    return path


def test_the_one_that_came_is_whole() -> None:
    assert kept.find_lack(WHOLE) is None
    assert {each.candidate for each in WHOLE.timings} >= BUILT_IN.keys()


def test_a_whole_one_is_kept_and_read(tmp_path: Path, elsewhere: Path) -> None:
    made = tmp_path / "made.json"
    made.write_text(dump_by_line(WHOLE))
    kept.keep(made)
    figures = kept.read_kept()
    assert figures is not None
    assert figures.bench == WHOLE
    assert kept.read_kept() is figures  # it is read once


LACKING = {
    "stopped": replace(WHOLE, is_complete=False),
    "redis was not measured": replace(
        WHOLE, timings=[each for each in WHOLE.timings if each.candidate != "redis"]
    ),
    "no more than 10,000": replace(
        WHOLE, growth=[each for each in WHOLE.growth if each.sessions <= 10_000]
    ),
    "no server was loaded": replace(WHOLE, loads=[]),
}


@pytest.mark.parametrize(("told", "bench"), LACKING.items(), ids=list(LACKING))
def test_one_that_lacks_something_is_refused_in_one_line(
    told: str, bench: Bench, tmp_path: Path, elsewhere: Path
) -> None:
    made = tmp_path / "made.json"
    made.write_text(dump_by_line(bench))
    with pytest.raises(SystemExit, match=told) as ended:
        kept.main(made)
    assert "\n" not in str(ended.value)
    assert not elsewhere.exists()


def test_what_is_no_bench_is_refused_in_one_line(tmp_path: Path, elsewhere: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.json"):
        kept.main(tmp_path / "nowhere.json")
    (tmp_path / "made.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"made\.json"):
        kept.main(tmp_path / "made.json")
