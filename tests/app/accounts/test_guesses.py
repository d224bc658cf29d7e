"""Wrong passwords are limited, whoever sends how many at once from where."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from unittest.mock import Mock
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from redis.exceptions import RedisClusterException
from werkzeug.security import check_password_hash, generate_password_hash

from app.accounts import database
from app.accounts.guesses import BY_ACCOUNT, BY_ADDRESS, Guesses, network_of
from app.state import state_of
from tests.app.conftest import MakeLab
from tests.conftest import ACCOUNTS
from tests.support.cases import case
from tests.support.covers import covers
from tests.support.services import PATIENCE, LabServer, RedisServer
from tests.support.visitor import PASSWORDS, Visitor

WRONG = "wrong"


def guess(app: Flask, path: str = "/login", address: str = "127.0.0.1", name: str = "alice") -> int:
    client = Visitor(app).client
    answer = client.post(
        path, data={"username": name, "password": WRONG}, environ_base={"REMOTE_ADDR": address}
    )
    return answer.status_code


@covers("6.3.1", "SM-31")
def test_of_many_at_once_no_more_are_checked_than_allowed(make_lab: MakeLab) -> None:
    app, at_once = make_lab(), 4 * BY_ADDRESS
    barrier = Barrier(at_once)

    def try_one(_: int) -> int:
        barrier.wait()
        return guess(app)

    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(try_one, range(at_once)))
    assert found.count(401) == BY_ADDRESS
    assert found.count(429) == at_once - BY_ADDRESS
    answer = Visitor(app).log_in()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "Wait a minute" in answer.text


def test_no_password_is_checked_that_is_not_counted(make_lab: MakeLab) -> None:
    """The count reads the form, so nothing else may fill it."""
    login = {"username": "alice", "password": "wonderland"}
    visitor = Visitor(make_lab())
    assert visitor.client.post("/login", json=login).status_code == 400
    assert not visitor.is_in


def test_right_passwords_take_no_try(make_lab: MakeLab) -> None:
    app = make_lab()
    for _ in range(BY_ADDRESS):
        assert Visitor(app).log_in().status_code == 302
    assert guess(app) == 401


def test_who_confirmed_their_password_is_not_held_up_by_guesses_of_others(
    make_lab: MakeLab,
) -> None:
    app = make_lab()
    alice = Visitor(app).logged_in()
    for _ in range(BY_ADDRESS):
        guess(app)
    assert alice.post("/admin/disable", user="bob").status_code == 302
    assert alice.post("/account/password", current=WRONG, new="x" * 20).status_code == 429


def test_a_name_in_another_form_is_no_try_of_that_account(make_lab: MakeLab) -> None:
    app = make_lab()
    guesses = state_of(app).guesses
    for number in range(BY_ACCOUNT - 1):
        assert guesses.take(f"10.0.0.{number}", "alice")
        assert guesses.take(f"10.0.1.{number}", "bob")
    bob = Visitor(app).logged_in("bob")
    bob.post("/account/password", current=WRONG, new="x" * 20, username="alice")
    assert guesses.take("10.1.1.1", "alice")
    assert not guesses.take("10.1.1.2", "bob")


def test_an_outage_takes_no_try(make_lab: MakeLab, accounts_file: Path) -> None:
    app = make_lab()
    kept = accounts_file.read_bytes()
    accounts_file.write_bytes(b"this is no database")
    for _ in range(BY_ADDRESS):
        assert Visitor(app).log_in().status_code == 503
    accounts_file.write_bytes(kept)
    assert Visitor(app).log_in().status_code == 302


@covers("SM-31")
def test_all_mounts_share_one_count(make_lab: MakeLab) -> None:
    app = make_lab(None)
    mounts = [f"/{name}/login" for name in state_of(app).mounted]
    found = [guess(app, mounts[number % len(mounts)]) for number in range(2 * BY_ADDRESS)]
    assert found == [401] * BY_ADDRESS + [429] * BY_ADDRESS


NETWORKS = (
    ("10.0.0.1", "10.0.0.2", False),
    ("2001:db8::1", "2001:db8::2", True),
    ("2001:db8::1", "2001:db8:0:0:ffff::1", True),
    ("2001:db8::1", "2001:db8:0:1::1", False),
    ("::ffff:10.0.0.1", "10.0.0.1", True),
    ("fe80::1%eth0", "fe80::2%eth1", True),
    ("10.0.0.1:5000", "10.0.0.1:5001", True),
    ("10.0.0.1:5000", "10.0.0.2:5000", False),
    ("[2001:db8::1]:5000", "2001:db8::2", True),
    ("[]:5000", "[", True),
    ("unix:", "unix:", True),
)


def test_an_ipv6_network_is_one_address() -> None:
    for first, second, shared in NETWORKS:
        assert (network_of(first) == network_of(second)) == shared, second


@covers("6.3.1")
def test_an_account_has_a_limit_of_its_own_that_few_guesses_do_not_reach(make_lab: MakeLab) -> None:
    app = make_lab()
    networks = BY_ACCOUNT // BY_ADDRESS
    for network in range(networks):
        for _ in range(2 * BY_ADDRESS):  # what an address is refused is no try of the account
            state_of(app).guesses.take(f"10.0.{network}.1", "alice")
        if network == networks - 2:
            assert Visitor(app).log_in().status_code == 302
    assert guess(app, address="10.1.1.1") == 429
    assert guess(app, address="10.1.1.1", name="bob") == 401


def test_without_a_redis_each_process_has_its_share() -> None:
    guesses = Guesses(None, processes=4)
    found = [guesses.take("10.0.0.1", "alice") for _ in range(BY_ADDRESS)]
    assert found.count(True) == BY_ADDRESS // 4
    found = [guesses.take(f"10.0.1.{each}", "bob") for each in range(BY_ACCOUNT)]
    assert found.count(True) == BY_ACCOUNT // 4


@covers("6.3.1", "SM-31")
def test_all_processes_share_one_count_in_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.client().flushall()
    environment = {
        "REDIS_URL": redis_server.url,
        "SESSION_BACKEND": "redis",
        "DEMO_ACCOUNTS": f"alice:{ACCOUNTS['alice']}",
        "WEB_CONCURRENCY": "3",  # the share of three does not make up the whole
    }
    with LabServer(tmp_path, environment) as server:
        found = [_guess_over_http(server) for _ in range(2 * BY_ADDRESS)]
    assert found == [401] * BY_ADDRESS + [429] * BY_ADDRESS


def test_no_name_is_written_to_redis(redis_server: RedisServer) -> None:
    client = redis_server.client()
    client.flushall()
    Guesses(redis_server.url).take("10.0.0.1", "a password in the wrong field")
    keys = list(client.scan_iter())
    assert len(keys) == 2
    assert not any(b"password" in key for key in keys)


def test_without_its_redis_a_process_counts_for_itself(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        guesses = Guesses(redis.url, processes=2)
        assert guesses.take("10.0.0.1", "alice")
        redis.stop()
        found = [guesses.take("10.0.0.1", "alice") for _ in range(2 * BY_ADDRESS)]
    assert found.count(True) == BY_ADDRESS // 2


UNCOUNTABLE = (
    "redis+sentinel://127.0.0.1:1/service",
    "redis+cluster://127.0.0.1:1",
    "rediss+cluster://127.0.0.1:1",
    "redis://127.0.0.1:1?maint_notifications_config=on",
    "redis://127.0.0.1:1?retry_on_error=all",
    "rediss://127.0.0.1:1?ssl_min_version=9",
    "x://",
)


def test_an_address_that_cannot_be_counted_at_is_none() -> None:
    for url in UNCOUNTABLE:
        with case(url):
            assert Guesses(url, processes=2).take("10.0.0.1", "alice")


def test_without_its_cluster_a_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client raises then is wrapped by nobody."""
    guesses = Guesses("redis://127.0.0.1:1")
    monkeypatch.setattr(guesses._shared, "incr", Mock(side_effect=RedisClusterException("down")))
    assert guesses.take("10.0.0.1", "alice")


def _guess_over_http(server: LabServer) -> int:
    data = urlencode({"username": "alice", "password": WRONG}).encode()
    request = Request(f"{server.url}/login", data=data, headers={"Origin": server.url})
    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=PATIENCE)
    refused.value.close()
    return refused.value.code


KINDS = ("pbkdf2:sha256:7", "scrypt:128:8:1")


@pytest.mark.parametrize("kinds", [KINDS[:1], KINDS[1:], KINDS], ids=" ".join)
def test_an_unknown_name_is_checked_against_a_hash_of_a_kind_that_there_is(
    make_lab: MakeLab, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = zip(PASSWORDS, 2 * kinds, strict=False)
    accounts = {name: generate_password_hash(PASSWORDS[name], kind) for name, kind in names}
    checked = list[str]()
    check: Callable[..., Any] = check_password_hash

    def note(known: str, password: str) -> bool:
        checked.append(known.partition("$")[0])
        return bool(check(known, password))

    monkeypatch.setattr(database, "check_password_hash", note)
    with make_lab(DEMO_ACCOUNTS=accounts).test_request_context("/"):
        for number in range(40):
            database.authenticate(f"nobody {number}", WRONG)
        assert set(checked) == set(kinds)
        database.change_password("alice", "another")
        checked.clear()
        assert database.authenticate("alice", "another")
        assert checked == [kinds[0]]
