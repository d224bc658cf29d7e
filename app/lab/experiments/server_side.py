"""Storing a thousand characters, and looking which side has become larger by them."""

import secrets

from flask import session

from app.lab.claim import FAILS, HOLDS, Claim, Code, Finding, Statement, on_each
from app.lab.figures import number
from app.lab.subject import Subject

CHARACTERS = 1000
CONTENT = CHARACTERS * 6 // 8
"""Bytes that so many characters of base64 cannot be compressed below."""


def experiment(subject: Subject) -> Finding:
    ada = subject.logged_in()
    cookie_before, records_before = ada.cookie_bytes, _bytes(subject)
    data = secrets.token_urlsafe(CHARACTERS)[:CHARACTERS]
    ada.run(lambda: session.update(data=data))
    subject.look(ada, "with the data in the session")
    in_browser = ada.cookie_bytes - cookie_before
    on_server = _bytes(subject) - records_before
    return Finding(
        in_browser < CONTENT <= on_server,
        f"{number(in_browser)} bytes in the browser, {number(on_server)} on the server",
        f"{number(CHARACTERS)} characters were put into the session: the cookie grew by "
        f"{number(in_browser)} bytes, and what rests on the server by {number(on_server)}.",
    )


def _bytes(subject: Subject) -> int:
    return sum(map(len, subject.records().values()))


CLAIM = Claim(
    sentence="Session data is stored on the server.",
    believed="It is how sessions are told from cookies in most texts, Flask’s among them. Flask’s "
    "own session is a signed cookie, though, so it depends on the backend.",
    meaning="Where it fails, the cookie is the session: it takes its bytes along with every "
    "request, whoever holds it can read it, and the server cannot take it back.",
    experiment=experiment,
    expected=on_each(cookie=FAILS, filesystem=HOLDS, redis=HOLDS, stock=HOLDS),
    statements=(
        Statement(100, "Provides server-side session management"),
        Statement(190, "Sessions** are server-side storage mechanisms"),
        Statement(196, "**Storage Location** | Client-side (browser) | Server-side"),
    ),
    try_it=(
        "Log in, and note how many bytes the inspector shows on each side.",
        "Write a note of 200 characters on the dashboard.",
        "Which side has become larger?",
    ),
    decided_by=on_each(
        cookie=Code("backends.cookie.CookieInterface._update", "session.fields()"),
        filesystem=Code("backends.filesystem.FileSystemStore.update", "self._write(path"),
        redis=Code("backends.redis.RedisStore.update", "self._update(record"),
        stock_filesystem=Code(
            "flask_session.cachelib.CacheLibSessionInterface._upsert_session", "self.cache.set("
        ),
        stock_redis=Code(
            "flask_session.redis.RedisSessionInterface._upsert_session", "self.client.set("
        ),
    ),
)
