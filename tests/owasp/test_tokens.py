"""What a token is made of, which ones are accepted, and where one may appear."""

import hashlib
import json
import logging
import re
from collections import Counter

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from app.lab.cookie_jar import Jar, Refused
from backends import BACKENDS
from backends.cookie import decode_without_key
from tests.conftest import SECRET
from tests.owasp.conftest import MakeLab
from tests.owasp.people import PROTECTED, Person
from tests.owasp.promises import HIDDEN, covers

OTHER_KEY = "fedcba9876543210" * 4
COOKIE_OCTETS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


def _forged(token: str) -> dict[str, str]:
    head, _, signature = token.rpartition(".")
    swapped = ("A" if head[0] != "A" else "B") + head[1:]
    payload = {"user": "alice", "logged_in": True, "epoch": 0, "@id": "x", "@created": 1.8e9}
    own = {"key_derivation": "hmac"}
    return {
        "invented": "a" * len(token),
        "altered": f"{swapped}.{signature}",
        "cut": token[:-8],
        "unsigned": head,
        "empty signature": f"{head}.",
        "no algorithm": json.dumps({"alg": "none"}) + head,
        "SHA-1": URLSafeTimedSerializer(
            SECRET, "cookie-session", signer_kwargs={**own, "digest_method": hashlib.sha1}
        ).dumps(payload),
        "foreign key": URLSafeTimedSerializer(
            OTHER_KEY, "cookie-session", signer_kwargs={**own, "digest_method": hashlib.sha256}
        ).dumps(payload),
        "other purpose": URLSafeTimedSerializer(
            SECRET, "reset-password", signer_kwargs={**own, "digest_method": hashlib.sha256}
        ).dumps(payload),
    }


@covers("7.2.1", "9.1.1", "9.1.2", "9.1.3", "9.2.2", "9.2.3", "SM-17", "SM-27", "WSTG-10")
def test_only_a_token_that_we_signed_for_this_is_anybody(lab: Flask, alice: Person) -> None:
    for kind, token in _forged(alice.secret).items():
        forger = Person(lab, token)
        for path in PROTECTED:
            assert forger.get(path).status_code == 302, (kind, path)


@covers("11.4.1")
def test_the_signature_is_made_with_sha_256(alice: Person) -> None:
    assert len(alice.secret.rpartition(".")[2]) == 43


@covers("7.2.1", "14.2.1", "SM-06")
def test_a_token_anywhere_but_in_the_cookie_is_not_looked_at(lab: Flask, alice: Person) -> None:
    name, token = alice.cookie_name, alice.secret
    stranger = lab.test_client()
    for path in (f"/dashboard?{name}={token}", f"/dashboard?sid={token}", f"/user/{token}"):
        assert stranger.get(path).status_code in (302, 404)
    headers = {"X-Session": token, "Authorization": f"Bearer {token}"}
    assert stranger.get("/dashboard", headers=headers).status_code == 302
    form = stranger.post(
        "/dashboard/note", data={name: token}, headers={"Origin": "http://localhost"}
    )
    assert "/login" in str(form.location)


@covers("7.2.2", "WSTG-04")
def test_two_logins_in_one_second_take_two_tokens(lab: Flask, alice: Person) -> None:
    assert Person(lab).in_as("alice").token != alice.token


@covers("7.2.3", "11.5.1", "SM-02", "WSTG-01")
def test_tokens_are_long_unique_and_hold_128_random_bits(bare_app: Flask) -> None:
    @bare_app.post("/")
    def log_in() -> str:
        session.clear()
        session["user"] = "alice"
        return "in"

    tokens = []
    for _ in range(300):
        client: FlaskClient = bare_app.test_client()
        client.post("/")
        cookie = client.get_cookie("session")
        assert cookie is not None
        tokens.append(cookie.value)
    assert len(set(tokens)) == 300
    assert min(map(len, tokens)) >= 50
    random_places = [
        place
        for place in range(min(map(len, tokens)))
        if Counter(token[place] for token in tokens).most_common(1)[0][1] < 60
    ]
    # 6 bits a place: more than 128 bits vary, whatever stands still around them.
    assert len(random_places) * 6 >= 128


@covers("SM-03", "SM-04", "14.3.3", "RF-27", limit=HIDDEN)
def test_nobody_reads_anything_in_the_cookie(alice: Person, holds: bool) -> None:
    alice.note("milk")
    decoded = decode_without_key(alice.secret)
    assert (decoded is None) is holds
    if decoded is not None:
        assert "alice" in str(decoded.payload)
        assert "wonderland" not in str(decoded.payload)


@covers("14.3.3", notes={"14.3.3": "the account's name, never its password or role"})
def test_no_cookie_holds_more_of_the_account_than_its_name(alice: Person) -> None:
    held = str(decode_without_key(alice.secret))
    for private in ("wonderland", "admin", "pbkdf2"):
        assert private not in held


PAGES = (*PROTECTED, "/", "/cart", "/inspect", "/column", "/request-info", "/preferences")


@covers("3.3.4", "14.2.1", "16.2.5", "WSTG-04")
def test_the_token_appears_in_set_cookie_and_nowhere_else(
    alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [alice.secret]
    answers: list[TestResponse] = [alice.get(path) for path in PAGES]
    answers += [alice.note("milk"), alice.get("/nowhere"), alice.post("/admin/enable", user="x")]
    tokens.append(alice.secret)
    answers += [alice.in_as("alice").get("/dashboard"), alice.post("/logout")]
    answers.append(Person(alice.app, tokens[0] + "x").get("/dashboard"))
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    for secret in {part for token in tokens for part in (token, token.rpartition(".")[2])}:
        assert secret not in logged
        for answer in answers:
            assert secret not in answer.text
            headers = [value for name, value in answer.headers if name != "Set-Cookie"]
            assert secret not in str(headers)


HOSTILE = {
    "traversal": "../../etc/passwd",
    "wildcard": "*",
    "NUL": "\0",
    "7 KB": "x" * 7000,
    "line ends": "a\r\nSet-Cookie: evil=1",
    "no ASCII": "ä€",
    "escape": "%2e%2e%2f%00",
    "script": "<script>alert(1)</script>",
    "braces": "{{7*7}}",
}


@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE)
@covers("SM-18", "RF-21", "RF-26")
def test_a_hostile_token_is_nobody_reflected_nowhere_and_no_error(lab: Flask, token: str) -> None:
    name = lab.config["SESSION_COOKIE_NAME"]
    header = f"{name}={token}".encode().decode("latin-1")
    for path in ("/dashboard", "/inspect", "/cart"):
        environ = {"HTTP_COOKIE": header}
        response = lab.test_client(use_cookies=False).get(path, environ_overrides=environ)
        assert response.status_code in (200, 302)
        assert "Set-Cookie" not in response.headers
        assert "<script>alert" not in response.text
        assert token not in str(response.headers)


@covers("RF-21", "RF-01", "RF-02", "RF-03", "RF-04")
def test_whatever_is_put_into_a_session_its_cookie_is_well_formed(alice: Person) -> None:
    for text in ("a\r\nSet-Cookie: evil=1", "a\0b", 'ä;," \\', "€😀"):
        answer = alice.note(text)
        headers = [
            *answer.headers.getlist("Set-Cookie"),
            *alice.log_in().headers.getlist("Set-Cookie"),
        ]
        names = []
        for header in headers:
            pair, *attributes = header.split("; ")
            name, _, value = pair.partition("=")
            names.append(name)
            assert name
            assert COOKIE_OCTETS.fullmatch(value)
            kinds = [attribute.partition("=")[0] for attribute in attributes]
            assert len(kinds) == len(set(kinds))
        assert set(names) == {alice.cookie_name}


@covers("RF-16")
def test_only_the_exact_name_counts(production: Flask) -> None:
    alice = Person(production).in_as("alice")
    name, token = alice.cookie_name, alice.secret

    def status(cookies: str) -> int:
        client = production.test_client(use_cookies=False)
        return client.get("/dashboard", headers={"Cookie": cookies}).status_code

    assert status(f"{name}={token}") == 200
    assert status(f"{name.lower()}={token}") == 302
    assert status(f"{name.removeprefix('__Host-')}={token}") == 302
    assert status(f"theme=dark; {name}={token}; layout=compact") == 200


@covers(
    "RF-25",
    "RF-22",
    "RF-29",
    notes={"RF-25": "the first counts; in production the prefix keeps a second one out"},
)
def test_a_second_cookie_of_the_same_name_mixes_nothing_and_cannot_be_planted(
    production: Flask,
) -> None:
    alice, mallory = (Person(production).in_as(name) for name in ("alice", "bob"))
    name = alice.cookie_name
    for first, second, user in ((alice, mallory, "alice"), (mallory, alice, "bob")):
        both = f"{name}={first.token}; {name}={second.token}"
        page = production.test_client(use_cookies=False).get("/dashboard", headers={"Cookie": both})
        assert f"Welcome {user}!" in page.text
    jar = Jar(trusts_loopback=False)
    for url, header in (
        ("https://evil.lab.test/", f"{name}={mallory.token}; Secure; Path=/; Domain=lab.test"),
        ("http://lab.test/", f"{name}={mallory.token}; Path=/"),
        ("https://lab.test/", f"{name}={mallory.token}; Secure; Path=/account"),
    ):
        assert isinstance(jar.store(url, header), Refused)


@covers("3.5.4", "9.2.3")
def test_each_backend_has_a_cookie_of_its_own_that_no_other_takes(
    make_lab: MakeLab, alice: Person
) -> None:
    names = {f"session_{name.replace('-', '_')}" for name in BACKENDS}
    assert len(names) == len(BACKENDS)
    assert alice.cookie_name in names
    for name in names - {alice.cookie_name}:
        stranger = alice.app.test_client()
        stranger.set_cookie(name, alice.secret)
        assert stranger.get("/dashboard").status_code == 302
    renamed = make_lab()
    renamed.config["SESSION_COOKIE_NAME"] = "session_elsewhere"
    assert not Person(renamed, alice.secret).is_in


@covers("13.3.4", "7.4.5")
def test_a_new_key_with_the_old_as_fallback_keeps_everybody_in_and_without_it_nobody(
    make_lab: MakeLab, alice: Person
) -> None:
    rotated = make_lab(SECRET_KEY=OTHER_KEY, SECRET_KEY_FALLBACKS=[SECRET])
    moved = Person(rotated, alice.secret)
    assert moved.is_in
    moved.in_as("alice")
    replaced = make_lab(SECRET_KEY=OTHER_KEY)
    assert not Person(replaced, alice.secret).is_in
    assert Person(replaced, moved.secret).is_in
