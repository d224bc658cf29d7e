"""Every environment variable: its default, what it takes, what it refuses, and production."""

import base64
import re
import secrets
import stat
from pathlib import Path
from typing import Any

import pytest

from app.config import VARIABLES, is_embedded, read_settings
from app.secret_key import find_weakness
from backends import BACKENDS, ConfigurationError
from tests.conftest import SECRET
from tests.support.covers import covers
from tests.support.processes import PROJECT

HASH = "scrypt:32768:8:1$salt$0123"

NAMES_OF_TEXTS = [variable.name for variable in VARIABLES if variable.read is not Path]

PRODUCTION = {
    "APP_PROFILE": "production",
    "SESSION_BACKEND": "cookie",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "shop.example.com",
    "DEMO_ACCOUNTS": f"alice:{HASH}",
}


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable is set, and what is kept is kept in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)


@covers("7.1.1")
@pytest.mark.parametrize("text", [None, "", " \t"])
def test_a_variable_that_is_unset_or_blank_has_its_default(
    text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With blanks HOST would be every address, and SESSION_FILE_DIR the current folder."""
    found = {each.name: each.read(each.default) if each.default else None for each in VARIABLES}
    if text is not None:
        for name in found:
            monkeypatch.setenv(name, text)
    settings = read_settings({})
    made = {name: settings[name] for name in ("SECRET_KEY", "LAB")}
    assert made["LAB"] is True
    assert settings == {**found, **made}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        *[("SESSION_BACKEND", name, name) for name in BACKENDS],
        ("SESSION_BACKEND", " cookie\n", "cookie"),
        ("REDIS_URL", "redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("SESSION_FILE_DIR", "/srv/sessions", Path("/srv/sessions")),
        ("SECRET_KEY", SECRET, SECRET),
        ("SECRET_KEY_FALLBACKS", f"{SECRET}, {SECRET[::-1]}", [SECRET, SECRET[::-1]]),
        ("ALLOWED_HOSTS", "shop.example.com, .example.org", ["shop.example.com", ".example.org"]),
        ("ALLOWED_HOSTS", "10.0.0.7:80,münchen.example", ["10.0.0.7:80", "münchen.example"]),
        ("REQUEST_SECONDS", "120", 120),
        ("SESSION_IDLE_SECONDS", "1", 1),
        ("SESSION_ABSOLUTE_SECONDS", "1209600", 1209600),
        ("SESSION_MAX_PER_USER", "1", 1),
        ("APP_PROFILE", "development", "development"),
        ("DEMO_ACCOUNTS", "eve:a:b, dan:x", {"eve": "a:b", "dan": "x"}),
        ("DEMO_ACCOUNTS", f"eve:{HASH}", {"eve": HASH}),
        ("ADMINS", "bob,alice", ["bob", "alice"]),
        ("ACCOUNTS_FILE", "/srv/accounts.sqlite3", Path("/srv/accounts.sqlite3")),
        ("PROXY_COUNT", "10", 10),
        ("LAB", "on", True),
        ("LAB", "off", False),
        ("HOST", "::1", "::1"),
        ("PORT", "65535", 65535),
    ],
)
def test_a_good_value_is_read(
    name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    assert read_settings({})[name] == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SESSION_BACKEND", "Redis", f"Choose one of: {', '.join(BACKENDS)}."),
        ("REDIS_URL", "redis://[::1", "Invalid IPv6 URL"),
        ("SECRET_KEY", "x" * 31, "fewer than 32 characters"),
        ("SECRET_KEY", "this-is-an-example-of-a-secret-key", "the key is an example"),
        ("SECRET_KEY", "a" * 32, "repeats itself or follows an order"),
        ("SECRET_KEY_FALLBACKS", "changeme", "of key 1, the key has fewer than 32 characters"),
        ("SECRET_KEY_FALLBACKS", f"{SECRET},{'ab' * 20}", "of key 2, the key repeats itself"),
        ("REQUEST_SECONDS", "0", "not a whole number from 1 to 120"),
        ("SESSION_IDLE_SECONDS", "0", "not a whole number from 1"),
        ("SESSION_ABSOLUTE_SECONDS", "1209601", "to 1209600"),
        ("SESSION_ABSOLUTE_SECONDS", "8h", "not a whole number"),
        ("SESSION_MAX_PER_USER", "0", "not a whole number from 1 to 1000"),
        ("APP_PROFILE", "prod", "Choose one of: development, production."),
        ("DEMO_ACCOUNTS", "eve:a, eve:b", "'eve' stands there twice"),
        ("ADMINS", "alice,eve", "there is no account 'eve'"),
        ("DEMO_ACCOUNTS", "alice", "write name:password"),
        ("DEMO_ACCOUNTS", "alice:", "write name:password"),
        ("DEMO_ACCOUNTS", ":wonderland", "write name:password"),
        ("DEMO_ACCOUNTS", ",", "write name:password"),
        ("DEMO_ACCOUNTS", "eve:scrypt:32768:8:1", "hash of 'eve' is not whole"),
        ("DEMO_ACCOUNTS", "eve:pbkdf2:sha256:600000$$0123", "hash of 'eve' is not whole"),
        ("ALLOWED_HOSTS", "https://shop.example.com/", "is no name of a host"),
        ("ALLOWED_HOSTS", "shop.example.com,*.example.com", "'*.example.com' is no name"),
        ("ALLOWED_HOSTS", "*", "is no name of a host"),
        ("ALLOWED_HOSTS", "shop..example.com", "is no name of a host"),
        ("ALLOWED_HOSTS", "[::1]", "is no name of a host"),
        *((name, f"{SECRET}\udcff", "is no UTF-8") for name in NAMES_OF_TEXTS),
        ("LAB", "yes", "neither on nor off"),
        ("HOST", "[::1]", "is no address. Give one of this machine: 127.0.0.1"),
        ("HOST", "http://127.0.0.1", "is no address"),
        ("HOST", "127.0.0.1\n::1", "is no address"),
        ("PROXY_COUNT", "-1", "not a whole number from 0 to 10"),
        ("PORT", "65536", "not a whole number from 1 to 65535"),
        ("PORT", "٨٠", "not a whole number"),
        ("WEB_CONCURRENCY", "65", "not a whole number from 1 to 64"),
    ],
)
@covers("RF-20")
def test_a_bad_value_is_refused_in_one_line_with_its_variable(
    name: str, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError) as refused:
        read_settings({})
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert expected in message
    assert "\n" not in message
    assert not name.startswith("SECRET_KEY") or text not in message


def test_an_argument_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8080")
    assert read_settings({"PORT": "8081"})["PORT"] == 8081
    assert read_settings({"PORT": 8082})["PORT"] == 8082


def test_redis_is_embedded_if_needed_and_not_named() -> None:
    for backend in (None, *BACKENDS):
        needed = backend is None or BACKENDS[backend].on_redis
        for url in (None, "redis://localhost"):
            settings = {"SESSION_BACKEND": backend, "REDIS_URL": url}
            assert is_embedded(settings) == (needed and not url), settings


def test_several_processes_on_the_embedded_redis_are_refused() -> None:
    for backend in ("", "redis", "flask-session-redis"):
        settings = {"SESSION_BACKEND": backend, "WEB_CONCURRENCY": "2"}
        with pytest.raises(ConfigurationError, match="the embedded Redis lives in one process"):
            read_settings(settings)
        for fine in ({"REDIS_URL": "redis://localhost"}, {"SESSION_BACKEND": "cookie"}):
            assert read_settings({**settings, **fine})["WEB_CONCURRENCY"] == 2


def test_a_missing_secret_is_made_once_readable_by_its_owner(tmp_path: Path) -> None:
    first, second = (read_settings({})["SECRET_KEY"] for _ in range(2))
    kept = tmp_path / "instance" / "secret_key"
    assert first == second == kept.read_text()
    assert len(bytes.fromhex(first)) == 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret_key"]


def test_a_secret_that_cannot_be_kept_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "instance").touch()
    with pytest.raises(ConfigurationError, match=r"none can be kept in instance.* Set one\."):
        read_settings({})


def test_a_kept_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "instance" / "secret_key"
    kept.parent.mkdir()
    for text in ("", "  \n", "changeme", "0" * 64):
        kept.write_text(text)
        with pytest.raises(ConfigurationError, match=r"instance/secret_key: .*Delete the file"):
            read_settings({})
    kept.write_text(f"{SECRET}\n")
    assert read_settings({})["SECRET_KEY"] == SECRET


GUESSABLE = (
    *("", "changeme", "x" * 31, "a" * 32, "ab" * 16, "abc" * 20, "0123456789abcdef" * 4),
    *("abcdefghijklmnopqrstuvwxyz012345", "zyxwvutsrqponmlkjihgfedcba987654", "1234567890" * 4),
    *("My-Secret-Key-Of-The-Whole-Company", "CHANGE-THIS-8f4b2c9d7e6a1503f8e2d4c6"),
    *("please_replace_7d2e9c4b8a1f6053", "password-7d2e9c4b8a1f6053e8d2c4b6", " " * 64),
    *("a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6", "0102030405060708090a0b0c0d0e0f10"),
    *("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "django-insecure-7d2e9c4b8a1f6053e8"),
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
)


@covers("13.3.1", "WSTG-10")
def test_what_can_be_guessed_is_weak() -> None:
    documents = "".join(path.read_text() for path in (PROJECT / "docs").glob("*.md"))
    printed = re.findall(r"SECRET_KEY *= *['\"]([^'\"]+)", documents)
    assert printed
    assert [key for key in (*GUESSABLE, *printed) if not find_weakness(key)] == []


def test_what_is_drawn_at_random_is_strong() -> None:
    for make in (secrets.token_hex, secrets.token_urlsafe, secrets.token_bytes):
        for size in (24, 32, 64):
            for _ in range(100):
                key = make(size)
                text = key if isinstance(key, str) else base64.b85encode(key).decode()
                assert len(text) < 32 or find_weakness(text) is None, text


def test_production_takes_settings_that_are_complete() -> None:
    """It shows the laboratory only on request, and has no admins but those it names."""
    settings = read_settings(PRODUCTION)
    assert settings["DEMO_ACCOUNTS"] == {"alice": HASH}
    assert (settings["ADMINS"], settings["LAB"]) == ([], False)
    asked = read_settings({**PRODUCTION, "LAB": "on", "ADMINS": "alice"})
    assert (asked["ADMINS"], asked["LAB"]) == (["alice"], True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SESSION_BACKEND": "redis"}, "REDIS_URL is missing"),
        ({"SESSION_BACKEND": ""}, "REDIS_URL is missing"),
        ({"DEMO_ACCOUNTS": None}, "DEMO_ACCOUNTS is missing"),
        ({"DEMO_ACCOUNTS": "alice:wonderland"}, "DEMO_ACCOUNTS holds a plain password"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is missing"),
        ({"DEMO_ACCOUNTS": " "}, "DEMO_ACCOUNTS is missing"),
        ({"ALLOWED_HOSTS": " , "}, "ALLOWED_HOSTS is missing"),
        ({"REDIS_URL": "redis://store.internal"}, "another machine without a password"),
    ],
)
@covers("13.2.1", "13.3.1", "SM-04", "WSTG-10")
def test_production_refuses_unsafe_settings(change: dict[str, Any], expected: str) -> None:
    settings = {**PRODUCTION, **change}
    with pytest.raises(ConfigurationError, match=expected):
        read_settings({name: value for name, value in settings.items() if value is not None})


PROTECTED = (
    *("redis://localhost:6379/0", "redis://[::1]:6379", "unix:///run/redis.sock"),
    *("redis://:password@store.internal", "rediss://lab:password@store.internal"),
)


def test_production_accepts_a_protected_redis(tmp_path: Path) -> None:
    for url in PROTECTED:
        assert read_settings({**PRODUCTION, "SESSION_BACKEND": "redis", "REDIS_URL": url})
    path = tmp_path / "password"
    path.write_text("x")
    redis = {"SESSION_BACKEND": "redis", "REDIS_URL": "redis://store.internal"}
    assert read_settings({**PRODUCTION, **redis, "REDIS_PASSWORD_FILE": path})


@pytest.mark.parametrize(
    ("url", "password", "expected"),
    [
        ("redis://store:6379/0", "a" * 64 + "\n", f"redis://:{'a' * 64}@store:6379/0"),
        ("rediss://lab@store/1", "p@ss:w/rd?", "rediss://lab:p%40ss%3Aw%2Frd%3F@store/1"),
        ("redis+sentinel://a:1,b:2/main/0", "x", "redis+sentinel://:x@a:1,b:2/main/0"),
        ("unix:///run/redis.sock?db=1", "x", "unix://:x@/run/redis.sock?db=1"),
    ],
)
def test_the_password_of_redis_can_be_in_a_file(
    url: str, password: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "password"
    path.write_text(password)
    settings = read_settings({"REDIS_URL": url, "REDIS_PASSWORD_FILE": path})
    assert settings["REDIS_URL"] == expected


@pytest.mark.parametrize(
    ("url", "content", "expected"),
    [
        ("redis://store", None, "password cannot be read: No such file"),
        ("redis://store", b"\n", "password is empty"),
        ("redis://store", b"\xff", "password cannot be read: it is no text"),
        ("redis://:other@store", b"x", "REDIS_URL has a password already"),
        (None, b"x", "set without a REDIS_URL"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_one_line(
    url: str | None, content: bytes | None, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=expected) as refused:
        read_settings({"REDIS_URL": url, "REDIS_PASSWORD_FILE": path})
    assert str(refused.value).startswith("REDIS_PASSWORD_FILE")
