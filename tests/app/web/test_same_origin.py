"""Requests from other sites change nothing: OWASP ASVS 5.0, 3.5.1 and 3.5.3."""

import pytest
from flask import Flask

from tests.app.conftest import MakeLab
from tests.support.covers import covers
from tests.support.visitor import Visitor

OURS = "http://localhost"


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab()


SENT: list[tuple[dict[str, str], bool]] = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, False),
    ({"Sec-Fetch-Site": "anything"}, False),
    ({"Origin": OURS}, True),
    ({"Origin": "https://localhost"}, False),
    ({"Origin": "http://localhost:8080"}, False),
    ({"Origin": "http://localhost.evil.test"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "null", "Referer": f"{OURS}/login"}, False),
    ({"Referer": f"{OURS}/login"}, True),
    ({"Referer": "http://evil.test/http://localhost/"}, False),
    ({"Origin": "http://[bad"}, False),
    ({}, False),
]


@covers("3.5.1", "CF-01", "CF-08", "CF-10", "CF-11", "CF-13", "WSTG-05", "RF-29")
def test_only_a_request_from_our_own_pages_changes_anything(app: Flask) -> None:
    login = {"username": "alice", "password": "wonderland"}
    for headers, accepted in SENT:
        response = app.test_client().post("/login", data=login, headers=headers)
        assert response.status_code == (302 if accepted else 403), headers
        assert ("Set-Cookie" in response.headers) is accepted


@covers("3.5.1", "CF-01", "WSTG-05")
def test_every_route_that_takes_a_post_is_guarded(app: Flask) -> None:
    client = Visitor(app).logged_in().client
    unguarded = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and client.post(
            rule.rule.replace("<", "").replace(">", ""), headers={"Sec-Fetch-Site": "cross-site"}
        ).status_code
        != 403
    ]
    assert unguarded == []
