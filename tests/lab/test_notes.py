"""What pages say of the backends that ship is what the laboratory found."""

from importlib.metadata import version

import pytest

from app.lab.claim import Verdict
from app.lab.reports.report import SHIPPED, read_report
from backends import BUILT_IN

SAID = {
    "flask-cookie": {
        "no time limit of its own": ("absolute_timeout", "idle_timeout"),
        "lost without an error": ("over_capacity_is_refused",),
    },
    "flask-session-filesystem": {
        "one is lost": ("parallel_writes_survive",),
        "keeps its id at the login": ("fixation", "regenerated_at_login"),
        "is a pickle": ("planted_pickle",),
        "the 501st session ends another": ("many_users",),
    },
    "flask-session-redis": {
        "one is lost": ("parallel_writes_survive",),
        "keeps its id at the login": ("fixation", "regenerated_at_login"),
        "who copies the store has every login": ("stolen_store_dump",),
    },
}


@pytest.mark.parametrize("name", SAID)
def test_each_part_of_a_note_is_a_claim_that_fails_there(name: str) -> None:
    for words, claims in SAID[name].items():
        assert words in BUILT_IN[name].note
        for claim in claims:
            assert read_report(SHIPPED).verdict(claim, name) is Verdict.FAILS


@pytest.mark.parametrize("name", ["flask-session-filesystem", "flask-session-redis"])
def test_a_note_names_the_version_that_is_installed(name: str) -> None:
    assert f"Flask-Session {version('flask-session')} " in BUILT_IN[name].note
