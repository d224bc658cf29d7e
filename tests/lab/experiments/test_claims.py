"""Every claim is complete: sentences, an expected verdict, and the step that decides it."""

import inspect
import re
from dataclasses import replace
from itertools import chain

import pytest
from flask.testing import FlaskClient

from app.lab.abilities import flask_as_shipped, in_browser
from app.lab.claim import CANNOT_APPLY, FAILS, HOLDS, Stakes, Topic
from app.lab.experiments import CLAIMS
from app.lab.reports.matrix import mark_code
from app.lab.reports.report import SHIPPED, read_report
from app.lab.subject.evidence import Evidence
from backends import BUILT_IN
from tests.support.processes import PROJECT

EVERY = CLAIMS.values()


class TestEveryClaim:
    def test_makes_no_exception_that_is_true_of_no_backend(self) -> None:
        for is_so in {each for claim in EVERY for each in claim.unless}:
            assert [each for each in BUILT_IN.values() if is_so(each)], is_so.__doc__

    def test_names_its_origin(self) -> None:
        assert [claim.id for claim in EVERY if not (claim.statements or claim.sources)] == []
        quotes = [statement.quote for claim in EVERY for statement in claim.statements]
        assert [quote for quote in quotes if "**" in quote] == []

    def test_says_what_is_at_stake_if_it_is_of_the_field(self) -> None:
        for claim in EVERY:
            of_document = claim.topic is Topic.DOCUMENT
            assert (claim.stakes is None) is of_document is (not claim.sources), claim.id

    def test_applies_to_every_backend_if_it_is_over_http(self) -> None:
        assert [claim.id for claim in EVERY if claim.over_http and claim.applies] == []

    def test_is_in_whole_sentences_and_can_be_tried_by_hand(self) -> None:
        for claim in EVERY:
            assert claim.try_it, claim.id
            for text in (claim.sentence, claim.believed, claim.meaning, *claim.try_it):
                assert text.strip() == text
                assert text.endswith((".", "?", "!")), text

    def test_marks_what_is_typed_in_a_console_or_a_terminal(self) -> None:
        typed = re.compile(r"fetch\(|make run|redis-cli|curl -|\.venv/bin|python3|docker compose")
        for claim in EVERY:
            for step in claim.try_it:
                words, *code = step.split("`")
                assert len(code) % 2 == 0, step
                assert not any(map(typed.search, [words, *code[1::2]])), step

    def test_shows_that_as_code(self, reader: FlaskClient) -> None:
        shown = '<code class="typed">[...Array(10)].map(() =&gt; 1 &lt; 2)</code>'
        assert mark_code("Type `[...Array(10)].map(() => 1 < 2)`.") == f"Type {shown}."
        page = reader.get("/lab/second_server").text
        assert '<code class="typed">docker compose --profile scale up</code> starts' in page

    def test_names_the_file_of_its_experiment(self) -> None:
        for claim in EVERY:
            assert (PROJECT / claim.file).samefile(inspect.getfile(claim.experiment)), claim.id


def test_the_worst_of_a_topic_comes_first() -> None:
    topics = [claim.topic for claim in CLAIMS.values()]
    assert topics == sorted(topics, key=list(Topic).index)
    logout = [claim for claim in CLAIMS.values() if claim.topic is Topic.LOGOUT]
    assert logout[0].id == "logout_is_final"
    stakes = [claim.stakes for claim in logout]
    assert stakes == sorted(stakes, key=[None, *Stakes].index)


class TestExpectedVerdict:
    """It follows from what a backend can do, so a new one brings no change to a claim."""

    def test_is_that_of_the_first_exception_that_is_true(self) -> None:
        claim = replace(
            CLAIMS["capacity"], unless={flask_as_shipped: CANNOT_APPLY, in_browser: FAILS}
        )
        assert claim.expected_of(BUILT_IN["flask-cookie"], embedded=False) is CANNOT_APPLY
        assert claim.expected_of(BUILT_IN["cookie"], embedded=False) is FAILS
        assert claim.expected_of(BUILT_IN["redis"], embedded=False) is HOLDS

    def test_is_that_it_cannot_apply_where_its_condition_is_not_met(self) -> None:
        claim = CLAIMS["expired_are_swept"]
        assert claim.expected_of(BUILT_IN["cookie"], embedded=False) is CANNOT_APPLY

    @pytest.mark.parametrize("embedded", [True, False])
    def test_is_another_if_the_store_ends_with_the_process(self, embedded: bool) -> None:
        claim = CLAIMS["survives_restart"]
        expected = FAILS if embedded else HOLDS
        assert claim.expected_of(BUILT_IN["redis"], embedded=embedded) is expected

    def test_of_a_new_backend_comes_from_its_abilities(self) -> None:
        hidden = replace(BUILT_IN["cookie"], name="hidden", readable=False)
        assert CLAIMS["encrypted"].expected_of(hidden, embedded=False) is HOLDS
        assert CLAIMS["logout_is_final"].expected_of(hidden, embedded=False) is FAILS


TOGETHER = {
    *("absolute_timeout", "idle_timeout", "key_rotation", "read_keeps_write", "set_cookie_expires"),
    *("forged_ids_never_reach_store", "stolen_store_dump", "tamper_proof", "two_logins_differ"),
    *("types_survive", "unknown_id_not_adopted", "untouched_costs_nothing", "cookie_flags"),
    *("logout_survives_slow_request", "regenerate_survives_slow_request", "corrupt_record"),
    *("disk_full", "only_id_is_sent", "planted_pickle", "revoke_other_devices", "store_down"),
    "store_frozen",
}
"""Claims where several requests decide: early and late, of each kind, or each of many."""

WITHOUT_REQUEST = {
    *("anonymous_leaves_nothing", "expired_are_swept", "server_side", "data_hidden_from_client"),
    *("encrypted", "hidden_from_script", "preferences_readable_by_script", "hostile_tokens"),
}
"""Claims where a step in words decides: what is in the store or the cookie is looked at."""


KEPT = read_report(SHIPPED)


def find_evidence(claim: str) -> list[Evidence]:
    """The evidence of the claim on each backend that it applies to."""
    return [each.evidence for each in KEPT.row(claim) if each.verdict is not CANNOT_APPLY]


def test_every_verdict_has_the_step_that_decides_it() -> None:
    for claim in CLAIMS:
        found = find_evidence(claim)
        assert found
        numbers = {evidence.deciding for evidence in found}
        if claim in WITHOUT_REQUEST:
            assert numbers == {0}, claim
            assert all(evidence.decided_by.endswith(".") for evidence in found), claim
        elif claim in TOGETHER:
            assert max(numbers) > 1, claim
            assert all(evidence.deciding or evidence.decided_by for evidence in found), claim
        else:
            assert numbers == {1}, claim
            assert not any(evidence.decided_by for evidence in found), claim


def test_a_shortened_experiment_still_shows_what_decides() -> None:
    for evidence in chain.from_iterable(map(find_evidence, CLAIMS)):
        marked = sum(exchange.decides for exchange in evidence.exchanges)
        assert bool(marked) == bool(evidence.deciding)
        assert marked <= evidence.deciding <= marked + evidence.left_out


def test_each_exception_is_a_claim_and_stands_once() -> None:
    assert not TOGETHER & WITHOUT_REQUEST
    assert set(CLAIMS) >= TOGETHER | WITHOUT_REQUEST


def test_no_sender_of_a_request_is_a_number() -> None:
    found = chain.from_iterable(map(find_evidence, CLAIMS))
    actors = {each.actor for evidence in found for each in evidence.exchanges}
    assert not [actor for actor in actors if not actor or re.search(r"^\d|[Bb]rowser \d", actor)]
