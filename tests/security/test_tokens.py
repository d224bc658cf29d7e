"""What a token is made of, which ones are accepted, and where one may appear."""

import logging
import re

import pytest
from flask import Flask

from app.lab.browser.cookie_jar import Jar, Refused
from backends import BACKENDS, backend_of
from tests.security.conftest import MakeLab, on_one_backend
from tests.security.routes import visit_everything
from tests.support.covers import covers
from tests.support.visitor import Visitor

COOKIE_OCTETS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")


@covers("11.4.1")
def test_a_token_is_signed_with_sha_256_or_sealed_as_a_whole(lab: Flask, alice: Visitor) -> None:
    backend, (_, dot, signature) = backend_of(lab), alice.token.rpartition(".")
    is_sealed = backend.state == "browser" and not backend.readable
    assert (dot, len(signature) == 43) == (("", False) if is_sealed else (".", True))


@covers("3.3.4", "14.2.1", "16.2.5", "WSTG-04")
def test_a_token_appears_in_set_cookie_only(lab: Flask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    visitor, answers, tokens = Visitor(lab), [], set[str]()
    for answer in visit_everything(visitor):
        answers.append(answer)
        tokens |= {visitor.token} if visitor.has_token else set()
    answers.append(Visitor(lab, f"{max(tokens)}x").get("/dashboard"))
    Visitor(lab).log_in("alice", "typed-in-error")
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not [each for each in ("wonderland", "typed-in-error") if each in logged]
    for secret in {part for token in tokens for part in (token, token.rpartition(".")[2])}:
        assert secret not in logged
        for answer in answers:
            assert secret not in answer.text
            headers = [value for name, value in answer.headers if name != "Set-Cookie"]
            assert secret not in str(headers)


@covers("RF-21", "RF-01", "RF-02", "RF-03", "RF-04")
def test_a_cookie_is_well_formed_whatever_the_session_holds(alice: Visitor) -> None:
    for text in ("a\r\nSet-Cookie: evil=1", "a\0b", 'ä;," \\', "€😀"):
        answers = (alice.post("/dashboard/note", note=text), alice.log_in())
        names = []
        for header in (each for answer in answers for each in answer.headers.getlist("Set-Cookie")):
            pair, *attributes = header.split("; ")
            name, _, value = pair.partition("=")
            names.append(name)
            assert name
            assert COOKIE_OCTETS.fullmatch(value)
            kinds = [attribute.partition("=")[0] for attribute in attributes]
            assert len(kinds) == len(set(kinds))
        assert set(names) == {alice.cookie_name}


@on_one_backend
@covers("RF-16")
def test_only_the_exact_name_of_the_cookie_counts(production: Flask) -> None:
    alice = Visitor(production).logged_in("alice")
    name, token = alice.cookie_name, alice.token

    def status(cookies: str) -> int:
        client = production.test_client(use_cookies=False)
        return client.get("/dashboard", headers={"Cookie": cookies}).status_code

    assert status(f"{name}={token}") == 200
    assert status(f"{name.lower()}={token}") == 302
    assert status(f"{name.removeprefix('__Host-')}={token}") == 302
    assert status(f"theme=dark; {name}={token}; layout=compact") == 200


@on_one_backend
@covers(
    *("RF-25", "RF-22", "RF-29"),
    notes={"RF-25": "the first counts; in production the prefix keeps a second one out"},
)
def test_a_second_cookie_of_the_name_is_kept_out_or_ignored(production: Flask) -> None:
    alice, mallory = (Visitor(production).logged_in(name) for name in ("alice", "bob"))
    name = alice.cookie_name
    for first, second, user in ((alice, mallory, "alice"), (mallory, alice, "bob")):
        both = f"{name}={first.token}; {name}={second.token}"
        page = production.test_client(use_cookies=False).get("/dashboard", headers={"Cookie": both})
        assert f"Welcome {user}!" in page.text
    jar = Jar()
    for url, header in (
        ("https://evil.lab.test/", f"{name}={mallory.token}; Secure; Path=/; Domain=lab.test"),
        ("http://lab.test/", f"{name}={mallory.token}; Path=/"),
        ("https://lab.test/", f"{name}={mallory.token}; Secure; Path=/account"),
    ):
        assert isinstance(jar.store(url, header), Refused)


@covers("3.5.4", "9.2.3")
def test_no_backend_takes_the_cookie_of_another(make_lab: MakeLab, alice: Visitor) -> None:
    names = {f"session_{name.replace('-', '_')}" for name in BACKENDS}
    assert len(names) == len(BACKENDS)
    assert alice.cookie_name in names
    for name in names - {alice.cookie_name}:
        stranger = alice.app.test_client()
        stranger.set_cookie(name, alice.token)
        assert stranger.get("/dashboard").status_code == 302
    renamed = make_lab()
    renamed.config["SESSION_COOKIE_NAME"] = "session_elsewhere"
    assert not Visitor(renamed, alice.token).is_in
