"""The production profile: HTTPS only, cookies that a browser guards, headers."""

import pytest
from flask import Flask

from tests.app.conftest import MakeLab
from tests.support.covers import covers
from tests.support.visitor import Visitor

HTTP = "http://localhost"


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab("filesystem", in_production=True)


@covers("SM-07", "SM-08", "WSTG-09")
def test_plain_http_is_sent_to_https_and_sets_no_cookie(app: Flask) -> None:
    response = app.test_client().get("/dashboard?tab=2", base_url=HTTP)
    assert response.status_code == 308
    assert response.headers["Location"] == "https://localhost/dashboard?tab=2"
    assert "Set-Cookie" not in response.headers
    form = {"username": "alice", "password": "wonderland"}
    login = app.test_client().post("/login", data=form, base_url=HTTP)
    assert login.status_code in (308, 403)
    assert "Set-Cookie" not in login.headers


def test_the_inspector_says_what_the_store_was_asked(app: Flask) -> None:
    page = Visitor(app).logged_in().get("/dashboard").text
    assert "write new" in page
    assert "nothing is asked" not in page
