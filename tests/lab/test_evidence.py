"""What an experiment shows a reader: enough to follow it, and never a token that works."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from flask import session

from app import create_app
from app.lab.evidence import MOST_EXCHANGES, MOST_HOLDINGS
from app.lab.runner import Laboratory
from app.lab.subject import Subject, ViewFailed
from backends import BACKENDS


@pytest.fixture(params=list(BACKENDS.values()), ids=list(BACKENDS))
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    with Laboratory(create_app).subject(request.param) as subject:
        yield subject


def test_no_token_stands_in_the_evidence_whole(subject: Subject) -> None:
    ada = subject.logged_in()
    tokens = {ada.token}
    ada.post("/dashboard/note", {"note": "tea"})
    tokens.add(ada.token)
    ada.log_out()
    for token in tokens:
        subject.present(token)
    shown = json.dumps(asdict(subject.recorder.evidence()))
    secret_parts = {
        part for token in tokens for part in (token, token.rstrip("~").rpartition(".")[2])
    }
    assert not [part for part in secret_parts if part in shown]


def test_what_both_sides_hold_is_shown_as_it_was_after_the_login(subject: Subject) -> None:
    ada = subject.logged_in()
    (holding,) = subject.recorder.evidence().holdings
    assert holding.cookie_bytes == ada.cookie_bytes
    in_the_browser = subject.backend.state == "browser"
    assert ("ada" in (holding.decoded or "")) == in_the_browser
    assert any("ada" in text for text in holding.fields.values()) != in_the_browser
    assert (holding.where is None) == in_the_browser


def test_code_that_ran_inside_a_view_is_shown_beside_its_request(subject: Subject) -> None:
    ada = subject.visitor()
    ada.run(lambda: session.get("nothing"))
    assert 'session.get("nothing")' in subject.recorder.evidence().exchanges[-1].inside


def test_a_view_that_fails_is_told_from_one_that_gives_nothing(subject: Subject) -> None:
    ada = subject.visitor()
    assert ada.run(lambda: None) is None
    with pytest.raises(ViewFailed, match="500"):
        ada.run(lambda: 1 // 0)


def test_a_long_experiment_is_shown_by_its_beginning_and_its_end(subject: Subject) -> None:
    ada = subject.logged_in()
    for number in range(MOST_EXCHANGES):
        ada.get(f"/static/{number}")
    evidence = subject.recorder.evidence()
    assert len(evidence.exchanges) == MOST_EXCHANGES
    assert evidence.left_out == 1
    assert evidence.exchanges[0].url.endswith("/login")
    assert evidence.exchanges[-1].url.endswith(f"/static/{MOST_EXCHANGES - 1}")


def test_only_the_first_holdings_are_shown(subject: Subject) -> None:
    for _ in range(MOST_HOLDINGS + 1):
        subject.logged_in()
    assert len(subject.recorder.evidence().holdings) == MOST_HOLDINGS
