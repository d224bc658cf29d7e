"""What an experiment shows a reader: enough to follow it, and never a token that works."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from flask import abort, has_app_context, session

from app import create_app
from app.lab.experiments import CLAIMS
from app.lab.runs.runner import try_claim
from app.lab.subject.application import Subject, ViewFailed
from app.lab.subject.evidence import (
    MAX_EXCHANGES,
    Evidence,
    Recorder,
    ShownExchange,
    shorten_evidence,
)
from app.lab.subject.source import BackendSource, RunOptions
from backends import BACKENDS
from tests.conftest import SECRET


@pytest.fixture(params=["filesystem"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """On one backend, where a test names no others: the recorder asks for none."""
    with BackendSource(request.param, RunOptions(create_app)).start() as subject:
        yield subject


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test on these subjects."""
    return pytest.mark.parametrize("subject", names, indirect=True)


EVERY = on(*BACKENDS)
IN_A_STORE = on(*(name for name, backend in BACKENDS.items() if backend.state == "server"))
EACH_VIEW = on("cookie", "encrypted-cookie", "filesystem")
"""Where a session can be seen in the cookie, nowhere, and on the server."""


@EVERY
def test_no_token_is_in_the_evidence_whole(subject: Subject) -> None:
    alice = subject.log_in_visitor()
    tokens = {alice.token}
    alice.post("/dashboard/note", {"note": "tea"})
    tokens.add(alice.token)
    subject.advance_time(60)
    renewed = subject.request_with_token(alice.token)  # nobody keeps what it sets
    alice.log_out()
    for token in tokens:
        subject.request_with_token(token)
    tokens |= {value.partition(";")[0].partition("=")[2] for value in renewed.set_cookies}
    shown = json.dumps(asdict(subject.recorder.evidence()))
    secret_parts = {
        part for token in tokens for part in (token, token.rstrip("~").rpartition(".")[2])
    }
    assert not [part for part in secret_parts if part in shown]


def test_a_handle_to_a_token_is_not_whole_and_no_token(subject: Subject) -> None:
    alice = subject.log_in_visitor()
    alice.log_out()
    alice.get("/articles")
    (handle,) = [each.value for each in alice.own_browser.jar if each.name.startswith("kept_")]
    evidence = subject.recorder.evidence()
    shown = json.dumps(asdict(evidence))
    assert handle not in shown
    assert shown.count(handle[:6]) == 2  # as it was set, and as it was sent
    assert evidence.exchanges[-1].sent == []


@EVERY
def test_what_both_sides_hold_is_shown_after_the_login(subject: Subject) -> None:
    alice = subject.log_in_visitor()
    (holding,) = subject.recorder.evidence().holdings
    assert holding.cookie_bytes == alice.cookie_bytes
    on_the_server = subject.backend.state == "server"
    assert ("alice" in (holding.decoded or "")) == subject.backend.readable
    assert any("alice" in text for text in holding.fields.values()) == on_the_server
    assert (holding.where is not None) == on_the_server


def test_code_that_ran_in_a_view_is_beside_its_request(subject: Subject) -> None:
    assert subject.new_visitor().run(lambda: session.get("nothing")) is None
    assert 'session.get("nothing")' in subject.recorder.evidence().exchanges[-1].inside


def test_a_view_that_fails_is_an_exception(subject: Subject) -> None:
    alice = subject.new_visitor()
    with pytest.raises(ViewFailed, match=r"500: ZeroDivisionError: .* by zero") as failed:
        alice.run(lambda: 1 // 0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_only_an_exception_of_the_view_is_named(subject: Subject) -> None:
    subject.app.before_request(lambda: abort(500))
    with pytest.raises(ViewFailed, match=r"answered 500$"):
        subject.new_visitor().run(lambda: None)


class TestNotes:
    """Between the exchanges stands what the experiment did meanwhile."""

    def test_what_was_done_precedes_the_exchange_that_shows_it(self, subject: Subject) -> None:
        alice = subject.log_in_visitor()
        subject.advance_time(8 * 3600 + 300)
        subject.restart(SECRET_KEY=SECRET, MAX_CONTENT_LENGTH=5)
        alice.get("/")
        with subject.start_second_server() as other:
            other.logs_in_with(alice.token)
        evidence = subject.recorder.evidence()
        assert [exchange.before for exchange in evidence.exchanges[-2:]] == [
            [
                "8 hours and 5 minutes pass.",
                "The application is stopped and started again with another SECRET_KEY, "
                "MAX_CONTENT_LENGTH.",
            ],
            ["A second server is started."],
        ]
        assert evidence.afterwards == ["The second server is stopped."]

    @pytest.mark.parametrize(
        ("claim", "backend", "notes"),
        [
            ("store_down", "filesystem", {"The store is taken away.", "The store is back."}),
            ("store_frozen", "redis", set()),  # which an embedded one cannot do
            (
                "disk_full",
                "filesystem",
                {
                    "From now on nothing can be written: the disk is full.",
                    "There is room on the disk again.",
                },
            ),
            ("corrupt_record", "filesystem", {"The bytes of a record are changed."}),
            (
                "planted_pickle",
                "filesystem",
                {
                    "The bytes of a record are changed.",
                    "Other bytes are put in the place of a record.",
                },
            ),
        ],
    )
    def test_what_is_done_to_the_store_is_noted(
        self, claim: str, backend: str, notes: set[str]
    ) -> None:
        source = BackendSource(backend, RunOptions(create_app))
        evidence = try_claim(CLAIMS[claim], source).evidence
        told = [note for each in evidence.exchanges for note in each.before]
        assert {note.partition(" (")[0] for note in (*told, *evidence.afterwards)} == notes

    def test_equal_notes_in_a_row_stand_once(self, subject: Subject) -> None:
        for note in ("It rains.", "It rains.", "It snows.", "It rains."):
            subject.recorder.note(note)
        noted = subject.recorder.evidence().afterwards
        assert noted == ["It rains. (2 times)", "It snows.", "It rains."]

    def test_a_planted_token_and_a_closed_browser_are_noted(self, subject: Subject) -> None:
        token = subject.log_in_visitor().token
        thief = subject.new_visitor()
        thief.plant_token(token)
        thief.reopen_browser()
        first, second = subject.recorder.evidence().afterwards
        assert token not in first
        assert token[:6] in first
        assert "token A" in first
        assert second == "Alice’s second browser is closed and opened again."


class TestActors:
    def test_each_request_says_whose_it_is_and_which_token_travelled(
        self, subject: Subject
    ) -> None:
        alice = subject.log_in_visitor()
        first = alice.token
        subject.new_visitor("A guest’s browser").get("/articles")
        subject.request_with_token(first)
        alice.log_out()
        login, page, copy, logout = subject.recorder.evidence().exchanges
        assert [each.actor for each in (login, page, copy, logout)] == [
            *("Alice’s browser", "A guest’s browser", "Somebody with a copied token"),
            "Alice’s browser",
        ]
        assert (login.sent, login.got[-1:]) == ([], ["A"])
        assert (page.sent, page.got) == ([], [])
        assert (copy.sent, logout.sent) == (["A"], ["A"])

    def test_each_browser_of_one_person_has_its_own_name(self) -> None:
        names = [Recorder.name_browser(recorder, "Alice") for recorder in [Recorder()] * 22]
        assert names[:2] == ["Alice’s browser", "Alice’s second browser"]
        assert names[10:] == [
            *(f"Alice’s {number}th browser" for number in range(11, 21)),
            *("Alice’s 21st browser", "Alice’s 22nd browser"),
        ]

    def test_two_tokens_that_begin_alike_have_two_letters(self, subject: Subject) -> None:
        tokens = [f"same-beginning-{number}" * 3 for number in range(30)]
        for token in tokens:
            subject.request_with_token(token)
        kept = subject.recorder.evidence().exchanges
        letters = [letter for each in kept for letter in each.sent]
        assert len(set(letters)) == len(letters) == MAX_EXCHANGES
        assert {"A", "Z", "A2", "D2"} >= {letters[0], letters[-1]}

    def test_a_part_of_a_token_is_not_said_to_be_sent_with_it(self, subject: Subject) -> None:
        token = subject.log_in_visitor().token
        for sent in (token, token[1:], token[:-1]):
            subject.request_with_token(sent)
        _, *requests = subject.recorder.evidence().exchanges
        assert [each.sent for each in requests] == [["A"], ["B"], ["C"]]


class TestDecision:
    def test_only_a_request_inside_the_block_decides(self, subject: Subject) -> None:
        alice = subject.log_in_visitor()
        with subject.recorder.deciding():
            subject.logs_in_with(alice.token)
        alice.log_out()
        evidence = subject.recorder.evidence()
        assert [each.decides for each in evidence.exchanges] == [False, True, False]
        assert evidence.deciding == 1

    def test_a_failed_block_decides_nothing_after_it(self, subject: Subject) -> None:
        with pytest.raises(ZeroDivisionError), subject.recorder.deciding():
            raise ZeroDivisionError
        subject.new_visitor().get("/articles")
        assert subject.recorder.evidence().deciding == 0

    def test_those_that_are_cut_from_the_middle_are_counted_too(self, subject: Subject) -> None:
        alice = subject.log_in_visitor()
        with subject.recorder.deciding():
            for number in range(MAX_EXCHANGES + 1):
                alice.get(f"/static/{number}")
        evidence = subject.recorder.evidence()
        assert (len(evidence.exchanges), evidence.left_out) == (MAX_EXCHANGES, 2)
        assert evidence.exchanges[0].url.endswith("/login")
        assert evidence.exchanges[-1].url.endswith(f"/static/{MAX_EXCHANGES}")
        evidence = shorten_evidence(evidence, 4)
        assert sum(each.decides for each in evidence.exchanges) == 3
        assert evidence.deciding == MAX_EXCHANGES + 1

    def test_a_step_in_words_shows_no_token_whole(self, subject: Subject) -> None:
        alice = subject.log_in_visitor()
        subject.recorder.note_decision(f"The cookie is {alice.token}.")
        assert alice.token not in subject.recorder.evidence().decided_by
        assert "token A" in subject.recorder.evidence().decided_by


EXCHANGES = [
    ShownExchange("GET", str(number), 200, [], [], "", before=[f"note {number}", "time passes"])
    for number in range(6)
]


class TestShortened:
    def test_what_was_done_is_kept_when_its_exchange_is_cut(self) -> None:
        kept = shorten_evidence(Evidence(EXCHANGES, 3, [], ["the end"]), 4)
        assert [exchange.url for exchange in kept.exchanges] == ["0", "1", "4", "5"]
        assert kept.left_out == 5
        assert kept.exchanges[2].before == ["note 2", "note 3", "note 4", "time passes"]
        assert (kept.exchanges[3], kept.afterwards) == (EXCHANGES[5], ["the end"])

    def test_two_cuts_are_the_same_as_one_and_none_is_none(self) -> None:
        evidence = Evidence(EXCHANGES)
        assert shorten_evidence(evidence, 6) == evidence
        assert shorten_evidence(shorten_evidence(evidence, 4), 2) == shorten_evidence(evidence, 2)


def can_be_seen(subject: Subject) -> bool:
    """Whether somebody can look into a session, in the cookie or on the server."""
    return subject.backend.readable or subject.backend.state == "server"


class TestHoldings:
    @EACH_VIEW
    def test_the_first_moments_and_the_end_are_kept(self, subject: Subject) -> None:
        for _ in range(3):
            alice = subject.log_in_visitor()
        alice.run(lambda: session.update(deciding="moment"))
        subject.new_visitor()  # who has no token
        subject.snapshot_at_end()
        holdings = subject.recorder.evidence().holdings
        assert [holding.moment for holding in holdings][-1] == "at the end"
        assert len(holdings) <= 3
        last = holdings[-1]
        assert ("deciding" in f"{last.decoded}{last.fields}") == can_be_seen(subject)
        assert "deciding" not in f"{holdings[0].decoded}{holdings[0].fields}"

    @EACH_VIEW
    def test_long_texts_are_shown_in_part(self, subject: Subject) -> None:
        alice = subject.log_in_visitor()
        alice.run(lambda: session.update(much="x" * 2500))
        subject.snapshot_at_end()
        last = subject.recorder.evidence().holdings[-1]
        assert ("x" * 300 in f"{last.decoded}{last.fields}") == can_be_seen(subject)
        assert "x" * 2000 not in f"{last.decoded}{last.fields}"

    def test_equal_holdings_are_one(self, subject: Subject) -> None:
        subject.log_in_visitor()
        subject.snapshot_at_end()
        (holding,) = subject.recorder.evidence().holdings
        assert holding.moment == "after the login and at the end"

    @IN_A_STORE
    def test_an_unreadable_record_ends_no_experiment(self, subject: Subject) -> None:
        subject.log_in_visitor()
        for name in subject.store.records():
            subject.store.corrupt(name, lambda _: b"\xff")
        subject.snapshot_at_end()
        assert not has_app_context()

    def test_the_end_of_every_experiment_is_kept(self, subject: Subject) -> None:
        claim = CLAIMS["idle_timeout"]
        result = try_claim(claim, BackendSource(subject.backend.name, RunOptions(create_app)))
        assert "at the end" in result.evidence.holdings[-1].moment
        assert any(exchange.before for exchange in result.evidence.exchanges)
