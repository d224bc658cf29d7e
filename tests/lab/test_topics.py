"""Claims are grouped by topic, the worst first, and found by words."""

import re

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.lab.claim import Claim, Stakes, Topic
from app.lab.experiments import CLAIMS


@pytest.fixture(scope="module")
def reader() -> FlaskClient:
    return create_app({"SESSION_BACKEND": "cookie", "LAB": True}).test_client()


def test_the_worst_of_a_topic_comes_first() -> None:
    claims = list(CLAIMS.values())
    assert [claim.topic for claim in claims] == sorted(
        (claim.topic for claim in claims), key=list(Topic).index
    )
    logout = [claim for claim in claims if claim.topic is Topic.LOGOUT]
    assert logout[0].id == "logout_is_final"
    assert [claim.stakes for claim in logout] == sorted(
        (claim.stakes for claim in logout), key=[None, *Stakes].index
    )


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_claim_of_the_field_says_what_is_at_stake(claim: Claim, reader: FlaskClient) -> None:
    assert (claim.stakes is None) is (claim.topic is Topic.DOCUMENT) is (not claim.sources)
    if claim.stakes:
        assert claim.stakes in reader.get(f"/lab/{claim.id}").text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("pickle executed", {"planted_pickle"}),
        ("PICKLE", {"planted_pickle"}),
        ("no such words", set()),
    ],
)
def test_a_search_finds_claims_by_all_of_its_words(
    words: str, found: set[str], reader: FlaskClient
) -> None:
    text = reader.get("/lab", query_string={"words": words}).text
    rows = set(re.findall(r'id="row-(\w+)"', text))
    assert ("planted_pickle" in rows) is ("planted_pickle" in found)
    assert len(rows) < 5
    assert f'value="{words}"' in text
