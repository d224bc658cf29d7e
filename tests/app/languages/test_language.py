"""Which language a page has, and what follows it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from app.languages.language import ENGLISH_ONLY
from app.web.formatting import format_duration, format_moment, format_number, moment
from app.web.plain_cookies import THEME
from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor

NOTE = '<p class="muted" lang="de">Diese Seite gibt es nur auf Englisch.</p>'


@pytest.fixture
def app(make_lab: MakeLab) -> Flask:
    return make_lab("filesystem")


def language_of(visitor: Visitor, path: str, accepted: str = "") -> str:
    page = visitor.get(path, headers={"Accept-Language": accepted})
    found = re.search(r'<html lang="(\w+)"', page.text)
    assert found is not None
    return found[1]


ACCEPTED = {
    "": "en",
    "de": "de",
    "de-AT,de;q=0.9,en;q=0.8": "de",
    "en-US,en;q=0.9,de;q=0.8": "en",
    "fr,de;q=0.5": "de",
    "fr": "en",
    "de;q=0,en;q=0.1": "en",
    "*": "en",
    "\xff;q=x,,;": "en",
}


def test_without_a_choice_it_is_what_the_browser_accepts(app: Flask) -> None:
    for accepted, language in ACCEPTED.items():
        assert language_of(Visitor(app), "/login", accepted) == language, accepted


def test_a_choice_counts_before_what_the_browser_accepts(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.post("/preferences", language="en")
    assert language_of(visitor, "/login", "de") == "en"
    visitor.post("/preferences", language="de")
    assert language_of(visitor, "/login", "en") == "de"
    visitor.post("/preferences/reset")
    assert language_of(visitor, "/login", "en") == "en"


def test_a_choice_that_is_none_does_not_count(app: Flask) -> None:
    visitor = Visitor(app)
    for chosen in ("", "fr", "DE", "de ", "x" * 500):
        visitor.client.set_cookie("language", chosen)
        assert language_of(visitor, "/login", "de") == "de"
        assert language_of(visitor, "/login") == "en"


def test_in_production_the_choice_has_its_prefixed_cookie(make_lab: MakeLab) -> None:
    visitor = Visitor(make_lab(in_production=True))
    origin = {"base_url": "https://localhost", "headers": {"Origin": "https://localhost"}}
    visitor.client.post("/preferences", data={"language": "de"}, **origin)
    page = visitor.get("/login", base_url="https://localhost")
    assert '<html lang="de"' in page.text


def test_caches_are_told_what_the_language_depends_on(app: Flask) -> None:
    alice = Visitor(app).logged_in()
    for path in ("/", "/login", "/cart", "/dashboard", "/nowhere"):
        assert {"accept-language", "cookie"} <= set(map(str.lower, alice.get(path).vary)), path
    for path in ("/healthz", "/request-info", "/download"):
        assert "accept-language" not in Visitor(app).get(path).vary, path


def test_the_page_of_a_session_that_is_not_kept_is_told_too(make_lab: MakeLab) -> None:
    """It is made after everything that adds a header."""
    visitor = Visitor(make_lab("cookie")).logged_in()
    visitor.client.set_cookie("language", "de")
    answer = visitor.post("/dashboard/grow")
    assert answer.status_code == 413
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Zu groß zum Speichern" in answer.text
    assert {"accept-language", "cookie"} <= set(map(str.lower, answer.vary))


def test_english_pages_say_in_german_that_they_are(make_lab: MakeLab) -> None:
    together, alone = make_lab(None, LAB=True), make_lab("cookie", LAB=True)
    assert {*alone.blueprints, *together.blueprints} >= ENGLISH_ONLY
    visitor = Visitor(together)
    for path in ("/", "/lab", "/choose", "/lab/cost", "/lab/logout_is_final"):
        english = visitor.get(path).text
        german = visitor.get(path, headers={"Accept-Language": "de"})
        assert NOTE not in english
        assert german.text.count(NOTE) == 1, path
        assert german.text.replace(NOTE, "").split() == english.split()
        assert {"accept-language", "cookie"} <= set(map(str.lower, german.vary))


def test_the_page_of_a_replay_says_it_too(make_lab: MakeLab) -> None:
    """On the way it asks for the dashboard, whose language is none of its own."""
    visitor = Visitor(make_lab("cookie")).logged_in()
    visitor.post("/logout")
    page = visitor.client.post("/replay", headers={"Accept-Language": "de"}).text
    assert "“Welcome alice!”" in page
    assert page.count(NOTE) == 1


def test_the_inspector_on_a_german_page_is_marked_as_english(app: Flask) -> None:
    visitor = Visitor(app).logged_in()
    visitor.client.set_cookie("language", "de")
    page = visitor.get("/dashboard").text
    _, inspector = page.split('<div lang="en">')
    assert "Willkommen, alice!" in page
    assert "Diesen Teil der Seite gibt es nur auf Englisch." in page
    assert "What the browser holds" in inspector
    assert re.search(r"Time left</dt><dd>(29|30) minutes", inspector)
    assert 'lang="en"' not in Visitor(app).logged_in().get("/dashboard").text.partition("<body")[2]


def test_numbers_durations_times_and_amounts_follow_it(app: Flask) -> None:
    def shown(language: str) -> list[str]:
        with app.test_request_context(headers={"Accept-Language": language}):
            at = moment(1767621780)
            money = app.jinja_env.filters["money"]
            return [format_number(4096), format_duration(1798), format_moment(at), money(5, "EUR")]

    english = ["4,096", "29 minutes and 58 seconds", "Jan 5, 2026, 14:03 UTC", "EUR 0.05"]
    german = [
        "4.096",
        "29 Minuten und 58 Sekunden",
        "05.01.2026, 14:03 UTC",
        "0,05\N{NO-BREAK SPACE}EUR",
    ]
    with ThreadPoolExecutor(1) as pool:  # one thread for visitors of both
        found = list(pool.map(shown, ["de", "en", "de", "en"]))
    assert found == [german, english, german, english]


def test_outside_of_a_request_texts_are_english(app: Flask) -> None:
    """And a cookie is the same key in every language."""
    with app.app_context():
        assert format_duration(1798) == "29 minutes and 58 seconds"
    assert format_number(4096) == "4,096"
    with app.test_request_context(headers={"Accept-Language": "de"}):
        in_german = hash(THEME)
    assert in_german == hash(THEME)


def test_errors_of_forms_and_counts_are_german(app: Flask) -> None:
    visitor = Visitor(app).logged_in()
    visitor.client.set_cookie("language", "de")
    login = visitor.log_in("", "")
    assert "Sie sind nicht angemeldet." in login.text
    assert "Dieses Feld wird benötigt." in login.text  # from the catalog of WTForms
    for count, sentence in ((1, "Eine Sitzung wurde beendet."), (3, "3 Sitzungen wurden beendet.")):
        assert sentence in visitor.get(f"/sessions?ended={count}").text


def test_a_text_of_a_visitor_is_escaped_in_every_sentence(app: Flask) -> None:
    hostile = '<script>alert("%(name)s")</script>'
    visitor = Visitor(app, agent=hostile).logged_in()
    for language in ("en", "de"):
        visitor.client.set_cookie("language", language)
        for path in ("/sessions", f"/admin?user={hostile}", "/admin?user=alice"):
            page = visitor.get(path)
            assert page.status_code == 200
            assert "<script>alert" not in page.text
