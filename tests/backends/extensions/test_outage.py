"""Flask-WTF while the store of the sessions cannot be reached."""

import time

import fakeredis
import time_machine
from flask import Flask

from tests.backends.extensions.flask_wtf_scenarios import build, read_token
from tests.backends.extensions.recording import START, Recording
from tests.backends.extensions.test_extensions import install
from tests.conftest import SECRET


def test_csrf_protection_outlives_an_outage_of_the_store() -> None:
    """Pages without a form answer, nothing is accepted unchecked, and an open form goes on."""
    server = fakeredis.FakeServer()
    with time_machine.travel(START, tick=False) as clock:
        app = Flask("shop")
        app.config.from_mapping(SECRET_KEY=SECRET)
        install(app, "redis", {"SESSION_REDIS": fakeredis.FakeRedis(server=server)})
        build(app)
        browser = Recording(app, clock)
        browser.get("form", "/form")
        data = {"csrf_token": read_token(browser), "name": "Ada"}

        server.connected = False
        assert browser.get("public page", "/public").status_code == 200
        assert browser.post("exempt view", "/webhook").status_code == 200
        assert browser.post("no token", "/form").status_code == 400
        shown = browser.get("form without the store", "/form")
        sent = browser.post("form sent without the store", "/form", data=data)
        for response in (shown, sent):
            assert response.status_code == 503
            assert "Set-Cookie" not in response.headers

        server.connected = True
        time.sleep(int(sent.headers["Retry-After"]))
        assert browser.post("form after the outage", "/form", data=data).status_code == 302
