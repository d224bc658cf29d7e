"""Flask-Login and Flask-WTF while the store of the sessions cannot be reached."""

import time
from typing import Any

import fakeredis
import pytest
import time_machine
from flask import Flask

from backends import BACKENDS
from tests.backends.contract.stage import HOST, MakeApp, Stage
from tests.backends.contract.test_outage import VERBS
from tests.backends.contract.test_outage import failing as down
from tests.backends.extensions import flask_login_scenarios
from tests.backends.extensions.flask_wtf_scenarios import build, read_token
from tests.backends.extensions.recording import START, Recording
from tests.support.bare import make_bare

DOMAIN = "shop.example.com"
COOKIES = ("session", "remember_token")

PAGES = ("/account", "/password", "/greeting")
"""Which ask who somebody is."""

WRITES = tuple(verb for verb in VERBS if verb != "load")

each_outage = pytest.mark.parametrize("verbs", [VERBS, WRITES], ids=["all fails", "writes fail"])

each_return = pytest.mark.parametrize(
    "kept", [COOKIES[:1], COOKIES, COOKIES[1:]], ids=["session", "both", "remembered"]
)
"""What a browser has of a login: of a closed one only the cookie of "remember me" is left."""


class Shop(Stage):
    """A browser at an application with Flask-Login."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        flask_login_scenarios.build(app)

    def get(self, path: str) -> Any:
        return self.client.get(path, base_url=HOST)

    def post(self, path: str, **data: str) -> Any:
        return self.client.post(path, base_url=HOST, data=data)

    def log_in(self, kept: tuple[str, ...] = COOKIES) -> None:
        """Log in as user 42, to be remembered, and lose the cookies that are not kept."""
        assert self.post("/login", remember="1").status_code == 302
        for name in {*COOKIES} - {*kept}:
            self.client.delete_cookie(name, domain=DOMAIN)
        assert self.cookies().keys() == {*kept}

    def cookies(self) -> dict[str, str]:
        found = (self.client.get_cookie(name, DOMAIN) for name in COOKIES)
        return {cookie.key: cookie.value for cookie in found if cookie}


@pytest.fixture
def shop(make_app: MakeApp) -> Shop:
    return Shop(make_app())


def check_refused(response: Any) -> None:
    """A 503 that tells nothing, leads nowhere, and changes no cookie."""
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert not {"Location", "Set-Cookie"} & {*response.headers.keys()}
    assert "42" not in response.text


@pytest.mark.parametrize("placed", [(BACKENDS["filesystem"], "real")], indirect=True, ids=[""])
class TestFlaskLogin:
    @pytest.mark.parametrize(
        ("kept", "verbs"),
        [
            *((kept, VERBS) for kept in (COOKIES[:1], COOKIES, COOKIES[1:])),
            *((kept, ("load",)) for kept in (COOKIES[:1], COOKIES)),
        ],
    )
    def test_a_page_that_asks_who_it_is_is_503(
        self, shop: Shop, kept: tuple[str, ...], verbs: tuple[str, ...]
    ) -> None:
        """Neither the login page nor a stranger's greeting, and nobody is logged out by it.

        A session that cannot be read is not replaced, by one that "remember me" begins neither.
        """
        shop.log_in(kept)
        with down(shop, *verbs):
            for path in PAGES:
                check_refused(shop.get(path))
        assert shop.get("/greeting").text == "hello 42"
        # Of a remembered user the password is asked for.
        assert (shop.get("/password").status_code == 200) is ("session" in kept)

    def test_whether_somebody_is_a_stranger_is_not_known_either(self, shop: Shop) -> None:
        shop.post("/cart/book")
        with down(shop):
            for path in ("/account", "/greeting"):
                check_refused(shop.get(path))
        assert shop.held() == {"cart": ["book"]}

    @pytest.mark.parametrize("kept", [(), COOKIES[:1], COOKIES, COOKIES[1:]])
    def test_a_public_page_is_answered(self, shop: Shop, kept: tuple[str, ...]) -> None:
        """Although Flask-Login looks at the session after each request."""
        shop.log_in(kept)
        with down(shop):
            response = shop.get("/public")
        assert (response.status_code, response.text) == (200, "public")
        assert "Set-Cookie" not in response.headers

    def test_a_store_that_can_only_be_read_is_enough_to_read(self, shop: Shop) -> None:
        shop.log_in()
        with down(shop, *WRITES):
            for path in PAGES:
                response = shop.get(path)
                assert response.status_code == 200
                assert "42" in response.text
                assert "Set-Cookie" not in response.headers

    @each_outage
    @pytest.mark.parametrize("held", [{}, {"cart": ["book"]}], ids=["no session", "a cart"])
    def test_a_login_leaves_no_cookie_that_logs_in_later(
        self, shop: Shop, verbs: tuple[str, ...], held: dict[str, Any]
    ) -> None:
        """Flask-Login adds that of "remember me" before the session is saved."""
        shop.put(**held)
        before = shop.cookies()
        with down(shop, *verbs):
            check_refused(shop.post("/login", remember="1"))
        assert (shop.cookies(), shop.held()) == (before, held)
        assert shop.get("/account").status_code == 302
        shop.log_in()
        assert shop.get("/account").text == "account of 42"

    @each_outage
    @each_return
    def test_another_login_or_a_logout_is_refused_whole(
        self, shop: Shop, verbs: tuple[str, ...], kept: tuple[str, ...]
    ) -> None:
        """With half of it, a browser without "remember me" has a session that is logged in."""
        shop.log_in(kept)
        before = shop.cookies()
        with down(shop, *verbs):
            check_refused(shop.post("/login", user="43", remember="1"))
            assert shop.cookies() == before
            check_refused(shop.post("/logout"))
        assert (shop.cookies(), shop.get("/account").text) == (before, "account of 42")
        assert shop.post("/logout").status_code == 302
        assert shop.get("/account").status_code == 302

    def test_a_page_prolongs_remember_me_unless_it_is_refused(self, make_app: MakeApp) -> None:
        """Flask-Login sets something after each request, and takes it back."""
        shop = Shop(make_app(REMEMBER_COOKIE_REFRESH_EACH_REQUEST=True))
        shop.log_in()
        with down(shop):
            check_refused(shop.get("/account"))
        renewed = shop.get("/account").headers.getlist("Set-Cookie")
        assert any(cookie.startswith("remember_token=") for cookie in renewed)
        with down(shop, *WRITES):
            assert shop.get("/account").text == "account of 42"
        with down(shop):
            assert shop.get("/public").status_code == 200


def test_csrf_protection_outlives_an_outage_of_the_store() -> None:
    """Pages without a form answer, nothing is accepted unchecked, and an open form goes on."""
    server = fakeredis.FakeServer()
    with time_machine.travel(START, tick=False) as clock:
        app = make_bare("redis", SESSION_REDIS=fakeredis.FakeRedis(server=server))
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
