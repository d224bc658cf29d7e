"""The tokens in the cookie: random, forged, hostile, planted, and too large."""

import secrets
from collections import Counter
from hashlib import sha1, sha256
from typing import Any

import pytest
from flask import Flask, Response, request, session
from itsdangerous import URLSafeTimedSerializer

from backends import Backend
from tests.backends.contract.stage import MakeApp
from tests.support.bare import SECRET, Tab, Views
from tests.support.cases import case
from tests.support.covers import covers

BROWSER_LIMIT = 4096


@covers("7.2.2", "7.2.3", "11.5.1", "SM-02", "WSTG-01", "WSTG-04")
def test_tokens_are_unique_and_hold_128_random_bits(app: Flask) -> None:
    tokens = [Tab(app).logged_in().token for _ in range(50)]
    assert len(set(tokens)) == 50
    shortest = min(map(len, tokens))
    assert shortest >= 50
    # The signature of an id that can be guessed looks as random as one that cannot.
    signed = [token.rpartition(".")[0] or token for token in tokens]
    places = range(min(map(len, signed)))
    counts = (Counter(value[place] for value in signed) for place in places)
    random_places = [count for count in counts if count.most_common(1)[0][1] < 10]
    # Each random character of base64 holds 6 bits; the fixed ones around them do not count.
    assert len(random_places) * 6 >= 128


@covers("WSTG-03", "CF-13", "SM-17", "SM-20")
def test_a_planted_token_is_never_the_one_that_is_logged_in(app: Flask) -> None:
    attacker = Tab(app)
    attacker.post("/set/planted/yes")
    victim = Tab(app, attacker.token)
    victim.post("/login")
    assert victim.data() == {"user": "alice"}
    assert attacker.data() == {"planted": "yes"} or attacker.data() == {}
    assert victim.token != attacker.token


def signed(key: str, purpose: str, digest: Any) -> str:
    """A session of Alice's as Flask's own would sign it."""
    own = {"key_derivation": "hmac", "digest_method": digest}
    payload = {"user": "alice", "@id": "x", "@created": 1.8e9}
    return str(URLSafeTimedSerializer(key, purpose, signer_kwargs=own).dumps(payload))


HOSTILE = (
    *(
        '{"alg": "none"}.e30.',
        "",
        ".",
        "..",
        "a.b.c",
        "\0",
        "../../etc/passwd",
        "*",
        "x" * 7000,
        "ä€",
        "%00",
        '"',
        "{}",
    ),
)


class TestTokens:
    def forged(self, token: str) -> list[str]:
        """Each character is changed, the token is cut, invented, or signed with another key."""
        changed = [
            f"{token[:place]}{'A' if letter != 'A' else 'B'}{token[place + 1 :]}"
            for place, letter in enumerate(token)
        ]
        cut = [token[:place] for place in range(0, len(token), 7)]
        other = (f"{token}A", f".{token}", f"{token.partition('.')[0]}.", secrets.token_hex(40))
        foreign = (
            *(signed(SECRET, "cookie-session", sha1), signed(SECRET, "reset-password", sha256)),
            signed("fedcba9876543210" * 4, "cookie-session", sha256),
        )
        return [*changed, *cut, *other, *foreign]

    @covers("7.2.1", "9.1.1", "9.1.2", "9.1.3", "9.2.2", "SM-17", "SM-27", "WSTG-10")
    def test_a_token_that_is_not_signed_for_this_purpose_is_nobody(
        self, app: Flask, alice: Tab
    ) -> None:
        whole = alice.data()
        # The last character of base64 carries bits that mean nothing: it counts all the same.
        assert not [token for token in self.forged(alice.token) if Tab(app, token).data() == whole]

    @covers("SM-18", "RF-21", "RF-26")
    def test_a_hostile_token_is_nobody_and_no_error(self, app: Flask) -> None:
        for token in HOSTILE:
            with case(token):
                header = f"session={token}".encode().decode("latin-1")
                response = app.test_client().get("/", headers={"Cookie": header})
                assert (response.status_code, response.get_json()) == (200, {})
                assert "Set-Cookie" not in response.headers

    @covers("9.2.3")
    def test_another_application_with_the_same_key_is_refused(
        self, make_app: MakeApp, alice: Tab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make_app()
        other.get("/")(lambda: dict(session))
        assert Tab(other, alice.token).data() == {"user": "alice"}
        monkeypatch.setitem(other.config, "SESSION_APP_NAME", "another")
        assert Tab(other, alice.token).data() == {}

    @covers("7.2.1", "14.2.1", "SM-06")
    def test_a_token_in_the_address_is_not_looked_at(self, app: Flask, alice: Tab) -> None:
        client = app.test_client()
        found = client.get(f"/?session={alice.token}", headers={"X-Session": alice.token})
        assert found.get_json() == {}


class TestTooLarge:
    @pytest.fixture
    def grown(self, app: Flask, alice: Tab, views: Views) -> Tab:
        def fill() -> Response:
            session["blob"] = secrets.token_urlsafe(int(request.form["bytes"]))
            response = app.make_response("filled")
            response.delete_cookie("cart")
            return response

        views["fill"] = fill
        return alice

    @covers("3.3.5", notes={"3.3.5": "beyond it the signed cookie is refused with 413"})
    def test_five_kilobytes_are_kept_or_an_error(self, grown: Tab, backend: Backend) -> None:
        before = grown.token
        response = grown.post("/do/fill", data={"bytes": 5000})
        if backend.state == "server":
            assert response.status_code == 200
            assert len(grown.data()["blob"]) > 5000
        else:
            assert response.status_code == 413
            assert b"4096" in response.data
            assert (response.headers.getlist("Set-Cookie"), grown.token) == ([], before)
            assert grown.data() == {"user": "alice"}

    @covers("3.3.5", "RF-17")
    def test_no_token_is_larger_than_a_browser_keeps(self, grown: Tab) -> None:
        for size in range(2600, 3100, 25):
            response = grown.post("/do/fill", data={"bytes": size})
            if response.status_code == 200:
                assert len("session") + len(grown.token) <= BROWSER_LIMIT


def test_neither_a_session_nor_its_variables_show_a_token(alice: Tab, views: Views) -> None:
    """A debugger and a report of an error print the variables of each frame."""
    proxy: Any = session
    views["print"] = lambda: f"{session!r} {session} {dict(session)}"
    views["vars"] = lambda: f"{proxy.get('user')} {vars(proxy._get_current_object())}"
    for path in ("/do/print", "/do/vars"):
        printed = alice.post(path).text
        assert "alice" in printed
        assert alice.token not in printed
        assert alice.token.partition(".")[0] not in printed
