"""The kept report marks the step that decides each verdict, and names who sends each request."""

import re
from itertools import chain

from app.lab.claim import CANNOT_APPLY
from app.lab.experiments import CLAIMS
from app.lab.reports.report import SHIPPED, read_report
from app.lab.subject.evidence import Evidence

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
