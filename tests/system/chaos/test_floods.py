"""Made-up tokens and hostile input: no flood of log lines, and no 500."""

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from flask import Flask, session
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

from backends import Backend
from tests.conftest import OURS
from tests.support.bare import Tab
from tests.support.covers import covers
from tests.support.visitor import Visitor
from tests.system.chaos.application import application
from tests.system.chaos.trials import flood, made_up_tokens

TOKENS = 1000

bounded = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # as it was found: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FIELDS = ("username", "password", "remember", "next", "product", "quantity", "note", "name")
"""The names of our forms' fields, among others."""

COOKIES = ("theme", "language", "currency", "layout", "read_articles", "guest_cart")
"""Our plain cookies, among others."""


@covers("SM-31", "SM-32", "SM-17")
def test_made_up_tokens_are_logged_once_a_second_with_a_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application({"SESSION_BACKEND": "filesystem", "SESSION_FILE_DIR": str(tmp_path)})
    tab = Tab(app)
    tab.post("/login")
    tokens = list(islice(made_up_tokens(random.Random(1), tab.token), TOKENS))
    milliseconds = count()
    a_thousand_a_second = SimpleNamespace(monotonic=lambda: next(milliseconds) / 1000)
    monkeypatch.setattr("backends.timing.throttle.time", a_thousand_a_second)
    with caplog.at_level(logging.INFO, "backends.audit_log"):
        assert flood(app, "/who", [*tokens, tokens[0]]) == {"401 UNAUTHORIZED"}
    reports: list[Any] = [vars(record)["event"] for record in caplog.records]
    forged = [report["more"] for report in reports if report["event"] == "forged token"]
    assert forged == [0, *[999] * (TOKENS // 1000)]


class Piece(NamedTuple):
    """One pair of a hostile `Cookie` header."""

    name: int
    """Which of the names, counted round."""
    value: str
    place: int | None
    """Where `value` goes into the real token; `None`: it stands alone."""
    cut: int
    """How much of the real token it replaces."""

    def pair(self, names: Sequence[str], real: str) -> str:
        value = self.value
        if self.place is not None:
            value = f"{real[: self.place]}{value}{real[self.place + self.cut :]}"
        return f"{names[self.name % len(names)]}={value}"


values = st.one_of(
    st.binary(max_size=60).map(lambda data: data.decode("latin-1")),
    st.text("0123456789:.,%{}[]\"'-~\\=;|", max_size=40),
)
pieces = st.builds(
    Piece, st.integers(0, 20), values, st.one_of(st.none(), st.integers(0, 300)), st.integers(0, 8)
)
cookies = st.lists(pieces, max_size=5)
texts = st.text(max_size=60)
forms = st.dictionaries(
    st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)),
    st.one_of(texts, st.integers().map(str), st.just("9" * 5000), st.just("tea")),
    max_size=6,
)
bodies = st.one_of(
    forms.map(lambda form: {"data": form}),
    *(
        st.binary(max_size=200).map(partial(lambda kind, body: {"data": body, **kind}, kind))
        for kind in (
            {"content_type": "application/x-www-form-urlencoded"},
            {"content_type": "multipart/form-data; boundary=x"},
        )
    ),
)


def send(app: Flask, path: str, cookie: str, **request: Any) -> int:
    """The status; what a view raises goes on to the test."""
    # A server refuses these before the application is asked (RFC 9110, 5.5).
    header = cookie.translate({ord(letter): "_" for letter in "\r\n\0"})
    client = app.test_client(use_cookies=False)
    response = client.open(
        path,
        environ_overrides={"HTTP_COOKIE": header},
        headers={"Origin": "http://localhost"},
        **request,
    )
    return response.status_code


def on(backends: Iterable[Backend]) -> pytest.MarkDecorator:
    places = [(backend, "real") for backend in backends]
    return pytest.mark.parametrize("placed", places, indirect=True, ids=lambda pair: pair[0].name)


@on(OURS)
@bounded
@given(cookies=cookies, path=st.sampled_from(["/", "/set"]))
def test_no_cookie_makes_the_bare_application_fail(
    make_app: Callable[[], Flask], cookies: list[Piece], path: str
) -> None:
    app = make_app()
    app.add_url_rule("/", "look", lambda: dict(session))
    app.add_url_rule("/set", "set", lambda: session.update(n=session.get("n", 0)) or "set")
    tab = Tab(app)
    tab.get("/set")
    header = "; ".join(piece.pair(("session", "session", "other"), tab.token) for piece in cookies)
    assert send(app, path, header) == 200


@bounded
@given(
    cookies=cookies,
    logged_in=st.booleans(),
    rule=st.integers(0, 1000),
    argument=texts,
    query=forms,
    body=bodies,
)
@on({backend.state: backend for backend in OURS if not backend.needs}.values())
@covers("SM-18", "RF-26")
def test_no_cookie_and_no_form_makes_session_lab_fail(
    lab_app: Flask,
    cookies: list[Piece],
    logged_in: bool,
    rule: int,
    argument: str,
    query: dict[str, str],
    body: dict[str, Any],
) -> None:
    lab_app.config["PROPAGATE_EXCEPTIONS"] = True
    visitor = Visitor(lab_app)
    visitor.log_in()
    name = lab_app.config["SESSION_COOKIE_NAME"]
    header = "; ".join(piece.pair((name, *COOKIES), visitor.token) for piece in cookies)
    if logged_in:
        header = f"{name}={visitor.token}; {header}"
    pages = [page for page in lab_app.url_map.iter_rules() if "static" not in page.endpoint]
    page = pages[rule % len(pages)]
    request = {"method": "POST", **body} if "POST" in (page.methods or ()) else {}
    assert send(lab_app, _path(page, argument), header, query_string=query, **request) < 500


def _path(page: Rule, argument: str) -> str:
    built = page.build(dict.fromkeys(page.arguments, argument or "-"), append_unknown=False)
    assert built is not None
    return built[1]
