"""Every experiment turns: it fails a subject that breaks its claim, and passes one that keeps it.

Without that, the laboratory could be green because it looks at nothing. That a defect turns no
other experiment is tried in `tests/soak/soak_known_wrongs.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.lab.claim import Claim, Verdict
from app.lab.experiments import CLAIMS
from app.lab.reports.report import Result
from app.lab.runs.runner import try_claim
from app.lab.stores.redis_server import redis_version
from app.lab.subject.source import BackendSource, RunOptions
from backends.filesystem import FileSystemStore
from backends.store import Record
from tests.lab.known_wrongs.every_wrong import WRONGS
from tests.lab.known_wrongs.wrong import Wrong, on_files, try_breaking, try_keeping
from tests.support.services import require


class TakesDamageForMalice(FileSystemStore):
    """Gives a session of somebody whose name has Alice's in it, where hers is damaged."""

    def load(self, key: str) -> Record | None:
        record = super().load(key)
        if record is not None:
            self.whole = record
            return record
        return self.whole._replace(fields={**self.whole.fields, "user": '"malice"'})


HAS_REDIS = redis_version() is not None


def test_every_claim_has_a_known_wrong() -> None:
    assert set(WRONGS) == set(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
class TestEveryExperiment:
    def test_fails_the_subject_that_breaks_its_claim(self, claim: Claim) -> None:
        wrong = WRONGS[claim.id]
        _require_what_it_needs(wrong)
        _check(try_breaking(wrong, claim, real_redis=HAS_REDIS), Verdict.FAILS)

    def test_passes_the_subject_that_keeps_its_claim(self, claim: Claim) -> None:
        wrong = WRONGS[claim.id]
        _require_what_it_needs(wrong)
        _check(try_keeping(wrong, claim, real_redis=HAS_REDIS), Verdict.HOLDS)


@pytest.mark.parametrize(
    "claim",
    [
        "absolute_timeout",
        "idle_timeout",
        "nested_change_is_seen",
        "other_app_same_key",
        "over_capacity_is_refused",
        "two_logins_differ",
        "types_survive",
    ],
)
def test_flask_s_own_session_fails_where_ours_extends_it(claim: str) -> None:
    _check(_try_on(claim, "flask-cookie"), Verdict.FAILS)
    _check(_try_on(claim, "cookie"), Verdict.HOLDS)


@pytest.mark.parametrize(
    ("claim", "verdict", "says"),
    [
        ("absolute_timeout", Verdict.FAILS, "read and written to at least every"),
        ("logout_survives_slow_request", Verdict.FAILS, "or writes to the session."),
        ("regenerate_survives_slow_request", Verdict.CANNOT_APPLY, "It cannot rotate a token."),
    ],
)
def test_a_backend_that_cannot_rotate_is_tried_without_it(
    claim: str, verdict: Verdict, says: str
) -> None:
    result = _try_on(claim, "flask-cookie")
    assert result.verdict is verdict, result.because
    assert says in result.because


def test_a_damaged_session_that_becomes_somebody_elses_is_not_harmless() -> None:
    def with_malice(settings: Mapping[str, Any]) -> Flask:
        accounts = {**settings["DEMO_ACCOUNTS"], "malice": "an apple"}
        return create_app({**settings, "DEMO_ACCOUNTS": accounts})

    wrong = replace(on_files(store=TakesDamageForMalice), create_app=with_malice)
    assert try_breaking(wrong, CLAIMS["corrupt_record"], real_redis=False).verdict is Verdict.FAILS


def test_an_accepted_forgery_is_told_by_how_it_was_made() -> None:
    result = try_breaking(WRONGS["tamper_proof"], CLAIMS["tamper_proof"], real_redis=False)
    assert result.because.endswith("logged somebody in: cut off.")


def _try_on(claim: str, backend: str) -> Result:
    return try_claim(CLAIMS[claim], BackendSource(backend, RunOptions(create_app)))


def _require_what_it_needs(wrong: Wrong) -> None:
    """A Redis inside the process is none for what is asked of a server."""
    if wrong.keeps.on_redis:
        require("redis-server", "redis-server")


def _check(result: Result, verdict: Verdict) -> None:
    assert result.verdict is verdict, result.because
