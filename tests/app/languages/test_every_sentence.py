"""No page of the demos, the login, an account or an error has an untranslated sentence."""

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fakeredis import FakeRedis, FakeServer
from flask import Flask
from werkzeug.exceptions import ImATeapot
from werkzeug.test import TestResponse

from app.accounts.guesses import BY_ADDRESS
from app.accounts.reauthentication import CONFIRMATION_SECONDS
from app.state import state_of
from backends import StoreUnavailable
from tests.app.conftest import MakeLab
from tests.app.languages.marks import DATA, SHOWN_ATTRIBUTES, find_unmarked, mark_texts
from tests.app.walker import ORIGIN, Walker
from tests.support.processes import PROJECT
from tests.support.visitor import FIREFOX, PASSWORDS, Visitor

TEMPLATES = PROJECT / "app" / "templates"
MakeGerman = Callable[..., Visitor]


@pytest.fixture
def make_german(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> MakeGerman:
    """Make a visitor who asks for German, of an application that marks what it translates."""
    mark_texts(monkeypatch)

    def make(backend: str | None = "filesystem", **more: Any) -> Visitor:
        # Its own: the one of the process has sessions of other tests, with other browsers.
        redis = FakeRedis(server=FakeServer())
        return german(make_lab(backend, DEMO_ACCOUNTS=PASSWORDS, SESSION_REDIS=redis, **more))

    return make


def german(app: Flask) -> Visitor:
    visitor = Visitor(app, agent=FIREFOX)
    visitor.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    return visitor


def is_english(answer: TestResponse) -> bool:
    return '<html lang="en"' in answer.text


class Reader(Walker):
    """Reads each page on the way."""

    def __init__(self, visitor: Visitor, mount: str, name: str) -> None:
        super().__init__(visitor, mount, name)
        self.unmarked: list[str] = []
        self.english: set[str] = set()

    def _judge(self, answer: TestResponse, method: str, address: str, source: str) -> None:
        super()._judge(answer, method, address, source)
        self._visitor.client.delete_cookie("language")  # a form may have chosen another
        # Read are pages: no redirect, which nobody sees, and no example of the document.
        if answer.location or "<html" not in answer.text:
            return
        if is_english(answer):
            self.english.add(urlsplit(address).path)
        elif words := find_unmarked(answer.text):
            self.unmarked.append(f"{method} {address}: {' '.join(words)}")


@pytest.mark.parametrize(
    ("alone", "mount"), [(None, "/redis"), ("flask-cookie", "")], ids=["side by side", "alone"]
)
def test_every_link_and_form_leads_to_a_page_that_is_translated(
    make_german: MakeGerman, alone: str | None, mount: str
) -> None:
    reader = Reader(make_german(alone), mount, "alice")
    reader.walk(f"{ORIGIN}{mount}/")
    assert reader.faults == []
    for path in ("dashboard", "sessions", "cart", "checkout/done", "uploads", "preferences"):
        assert f"{mount}/{path}" in reader.pages
    for path in ("login", "logout", "dashboard/note", "uploads", "cart/add"):
        assert f"{mount}/{path}" in reader.sent, sorted(reader.sent)
    assert reader.unmarked == []
    assert reader.english == {f"{mount}/replay", *([] if alone else ["/"])}


def test_the_text_between_the_tags_of_a_template() -> None:
    """What no test shows is found, too."""
    found = {}
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES)
        if name.parts[0] not in ("lab", "inspector"):
            found[str(name)] = words_of_template(path.read_text())
    assert {name: words for name, words in found.items() if words} == {}


class TextOfTemplate(HTMLParser):
    """Collects the words between the tags, and in attributes that are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words += re.findall(r"[^\W\d_]{2,}", data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SHOWN_ATTRIBUTES:
                self.handle_data(value or "")


def words_of_template(source: str) -> list[str]:
    translated = re.compile(
        r"{%-? trans.*?endtrans -?%}|{[%#{].*?[%#}]}|<(code|kbd|pre).*?</\1>", re.DOTALL
    )
    parser = TextOfTemplate()
    parser.feed(translated.sub("", source))
    return [word for word in parser.words if word not in DATA]


def test_what_is_not_translated_is_found() -> None:
    page = """<html lang="de"><p title="One">Two ⟦<b>three</b>⟧ <code>four</code></p>
      <div lang="en">five</div><input type="submit" value="Six"><p>⟦seven ⟦eight⟧⟧ 9 nine</p>"""
    assert find_unmarked(page) == ["Two", "nine", "One", "Six"]


ENDED = ("account", "session", "nobody", "cookie", "logout")
LOGINS = (*(f"ended={why}" for why in ENDED), "next=/cart", "")


@pytest.mark.parametrize("backend", ["cookie", "filesystem", "flask-cookie"])
def test_the_login_whatever_led_to_it(make_german: MakeGerman, backend: str) -> None:
    visitor = make_german(backend)
    for query in LOGINS:
        assert find_unmarked(visitor.get(f"/login?{query}").text) == [], query
    refused = [visitor.log_in("", ""), visitor.log_in("x" * 90, "x"), visitor.log_in("bob", "x")]
    assert [answer.status_code for answer in refused] == [400, 400, 401]
    assert [word for answer in refused for word in find_unmarked(answer.text)] == []


@pytest.mark.usefixtures("make_german")
def test_the_login_in_production(make_lab: MakeLab) -> None:
    visitor = german(make_lab("filesystem", in_production=True))
    page = visitor.get("/login", base_url="https://localhost")
    assert find_unmarked(page.text) == []


def test_what_a_finished_action_says(
    make_german: MakeGerman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.accounts.sessions.PAGE_LENGTH", 1)
    alice = make_german().logged_in()
    german(alice.app).log_in()
    paths = [
        *(f"/account?done={code}" for code in ("password", "password-and-sessions")),
        *(f"/admin?user=bob&ended={count}" for count in (0, 1, 2)),
        *(f"/admin?done={code}" for code in ("disable", "enable", "end-sessions")),
        *(f"/sessions?page={number}" for number in (1, 2)),
        *("/sessions?ended=1", "/cart?empty=yes"),
    ]
    for path in paths:
        assert find_unmarked(alice.get(path).text) == [], path


def test_the_password_once_more(make_german: MakeGerman) -> None:
    alice = make_german().logged_in()
    state_of(alice.app).clock = lambda: time.time() + CONFIRMATION_SECONDS
    pages = [
        *(alice.post(path) for path in ("/sessions/end", "/sessions/end-others", "/admin/end")),
        *(alice.post(f"/admin/{change}", user="bob") for change in ("disable", "enable")),
        *(alice.post("/admin/end-all", user="bob", password=each) for each in ("", "wrong")),
        alice.get("/account"),
    ]
    assert [page.status_code for page in pages] == [*[403] * 6, 401, 200]
    assert [word for page in pages for word in find_unmarked(page.text)] == []


def test_forms_that_were_filled_in_wrong(make_german: MakeGerman) -> None:
    alice = make_german().logged_in()
    alice.post("/cart/add", product="jar", quantity="1")
    address = {"name": "x" * 81, "street": "", "postal_code": "x" * 13, "city": "x"}
    refused = [
        alice.post("/preferences", theme="blue"),
        alice.post("/checkout/address", **address),
        alice.post("/account/password", current="wonderland", new="short"),
        alice.post("/account/password", current="", new=""),
        alice.post("/account/password", current="wrong", new="long enough"),
        alice.post("/uploads"),
        alice.post("/uploads", file=(BytesIO(b"x"), "program.exe")),
        alice.post("/uploads", file=(BytesIO(b"x" * 70_000), "long.txt")),
    ]
    alice.post("/checkout/address", **dict.fromkeys((*address, "country"), "x"))
    refused += [alice.post("/checkout/delivery"), alice.post("/checkout/delivery", delivery="x")]
    assert {page.status_code for page in refused} == {400, 401}
    for page in refused:
        assert find_unmarked(page.text.replace("x" * 81, "")) == [], page.request.path


def fail_with(error: Exception | None) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error or ValueError

    return fail


def test_each_error(
    make_german: MakeGerman, accounts_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = make_german("cookie").logged_in()
    bob = german(alice.app).logged_in("bob")
    alice.app.config["PROPAGATE_EXCEPTIONS"] = False
    foreign = {"Origin": "http://elsewhere.example"}
    errors = [
        (400, alice.post("/cart/add", product="nothing")),
        (400, alice.get("/", headers={"Host": "elsewhere.example"})),
        (400, alice.post("/admin/disable", user="nobody")),
        (400, alice.post("/admin/disable", user="alice")),
        (403, bob.get("/admin")),
        (403, alice.client.post("/cart/add", headers=foreign)),
        *((404, alice.get(path)) for path in ("/nowhere", "/articles/x", f"/user/{'x' * 90}")),
        *((404, alice.get(path)) for path in ("/uploads/file", "/building-blocks?try=x")),
        (405, alice.get("/logout")),
        (405, alice.post("/dashboard")),
        (413, alice.post("/dashboard/grow")),
        (413, alice.post("/dashboard/note", note="x" * 2_000_000)),
    ]
    guesses = [bob.log_in("bob", "wrong") for _ in range(BY_ADDRESS + 1)]
    errors.append((429, guesses[-1]))
    for status, error in ((418, ImATeapot()), (500, None), (503, StoreUnavailable("by a test"))):
        with monkeypatch.context() as patch:
            patch.setattr("app.demos.cart.bill_for", fail_with(error))
            errors.append((status, alice.get("/cart")))
    accounts_file.unlink()
    errors.append((503, alice.get("/account")))
    for status, answer in errors:
        assert answer.status_code == status, answer.text
        assert find_unmarked(answer.text) == [], status
        assert not is_english(answer)
