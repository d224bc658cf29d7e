"""`/choose`: every path ends in a recommendation that follows from the verdicts."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from flask.testing import FlaskClient

from app.lab.choose.advice import Adviser
from app.lab.choose.page import make_readme_part
from app.lab.choose.questions import Option, make_questions
from app.lab.claim import Verdict
from app.lab.cost.kept import read_kept
from app.lab.experiments import CLAIMS
from app.lab.reports.report import SHIPPED, read_report
from backends import BUILT_IN
from tests.conftest import OURS
from tests.lab.conftest import make_lab

LINK = re.compile(r'class="btn btn-primary" href="(/choose\?[^"]+)"')
OTHER = re.compile(r"<li><b>([^<]+)</b> (?:has a file for each|is the same, and nobody)")
ADVICE = re.compile(r'<h2 id="advice">(.*?)</h2>')

KEPT = read_report(SHIPPED)


@pytest.fixture(scope="module")
def adviser() -> Adviser:
    return Adviser(make_questions(read_kept()), KEPT)


def walk(reader: FlaskClient, address: str = "/choose") -> Iterator[tuple[str, str]]:
    """Follow every answer: the address at which a path ends, and its page."""
    text = reader.get(address).text
    links = [html.unescape(link) for link in LINK.findall(text)]
    if not links:
        yield address, text
    else:
        assert len(links) == 2
        for link in links:
            yield from walk(reader, link)


@pytest.fixture(scope="module")
def ends(reader: FlaskClient) -> dict[str, str]:
    """The page at which each path ends, by its address."""
    return dict(walk(reader))


def test_every_path_ends_in_a_recommendation(ends: dict[str, str]) -> None:
    assert len(ends) == 11
    advised = [ADVICE.findall(text) for text in ends.values()]
    recommended = {advice.removeprefix("Recommended: ") for (advice,) in advised}
    assert recommended <= {backend.title for backend in OURS} | {"None of these"}
    others = {name for text in ends.values() for name in OTHER.findall(text)}
    assert recommended | others == {backend.title for backend in OURS} | {"None of these"}


def test_each_recommendation_has_its_setting_its_costs_and_its_risks(ends: dict[str, str]) -> None:
    for text in ends.values():
        if "None of these" in text:
            assert "Run a Redis after all" in text
            continue
        found = re.search(r"SESSION_BACKEND=([\w-]+) make run", text)
        assert found is not None
        assert "My server: processor" in text
        assert CLAIMS["counter_counts_both"].sentence in text  # which none of them keeps


def test_what_is_recommended_keeps_what_was_asked_for_and_the_others_do_not(
    adviser: Adviser,
) -> None:
    for answers in adviser.walk():
        advice, left = adviser.advise(answers), adviser.list_left(answers)
        assert advice.backend is (left[0] if left else None)
        assert not {reason.backend for reason in advice.out} & set(left)
        if advice.backend:
            for claim in [claim for option in answers.values() for claim in option.needs]:
                assert KEPT.verdict(claim, advice.backend.name) is Verdict.HOLDS
        for reason in advice.out:
            verdicts = {KEPT.verdict(claim.id, reason.backend.name) for claim in reason.claims}
            assert reason.needs or Verdict.HOLDS not in verdicts


def test_the_risks_are_the_claims_that_fail(adviser: Adviser) -> None:
    (soft,) = [each for each in adviser.walk() if set(each) == {"logout", "hidden", "size"}][1:]
    risks = [claim.id for claim in adviser.advise(soft).risks]
    assert {"data_hidden_from_client", "logout_is_final", "leaked_key_logs_nobody_in"} <= set(risks)
    assert all(KEPT.verdict(claim, "cookie") is Verdict.FAILS for claim in risks)


FAIL = [("logout_is_final", backend.name) for backend in OURS if backend.needs is None]


def test_another_verdict_is_another_recommendation() -> None:
    results = [
        replace(result, verdict=Verdict.FAILS) if (result.claim, result.subject) in FAIL else result
        for result in KEPT.results
    ]
    adviser = Adviser(make_questions(None), replace(KEPT, results=results))
    final = {"logout": "final", "servers": "one", "redis": "yes"}
    advice = adviser.advise(adviser.read_answers(final))
    assert advice.backend is BUILT_IN["redis"]
    assert {each.backend for each in advice.out} == set(OURS) - {BUILT_IN["redis"]}


def test_a_question_that_changes_nothing_is_not_asked(reader: FlaskClient) -> None:
    text = reader.get("/choose?logout=soft&hidden=open&size=small&servers=several&redis=no").text
    assert "Recommended: Signed cookie" in text
    assert "Can you run a Redis?" not in text


@pytest.mark.parametrize("query", ["?logout=maybe", "?unknown=1", "?logout=", "?size=small"])
def test_an_answer_that_there_is_not_is_no_answer(query: str, reader: FlaskClient) -> None:
    text = reader.get(f"/choose{query}").text
    assert "Question 1" in text
    assert "Your answers" not in text


def test_a_word_that_an_answer_cannot_have_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="neds"):
        msgspec.convert({"value": "large", "label": "Yes.", "neds": ["capacity"]}, Option)


def test_an_answer_can_be_given_again(reader: FlaskClient) -> None:
    text = reader.get("/choose?logout=final&servers=several").text
    again = [html.unescape(link) for link in re.findall(r'<a href="(/choose[^"]*)">Change', text)]
    assert again == ["/choose", "/choose?logout=final"]


def test_an_answer_names_what_decides_it_and_what_stays(reader: FlaskClient) -> None:
    text = reader.get("/choose").text
    for claim in ("logout_is_final", "revoke_other_devices"):
        assert f'href="/lab/{claim}"' in text
    assert text.count("These stay, and cost your server") == 2


def test_without_figures_it_still_recommends(
    reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lab.choose.page.read_kept", lambda: None)
    text = reader.get("/choose?logout=final&servers=one").text
    assert "Recommended: SQLite" in text
    assert 'id="costs"' not in text
    assert reader.get("/choose").status_code == 200


def test_without_the_laboratory_it_is_not_there() -> None:
    reader = make_lab(LAB=False).test_client()
    assert reader.get("/choose").status_code == 404


def test_the_readme_has_every_path(adviser: Adviser) -> None:
    assert len(make_readme_part().splitlines()) == 2 + len(list(adviser.walk()))
