"""Preferences and the articles read: kept by the browser, without login and session."""

from flask import Flask

from app.demos.articles import ARTICLES, MAX_REMEMBERED_ARTICLES
from app.demos.preferences import CHOICES, in_currency, money
from app.web.plain_cookies import CURRENCY, READ_ARTICLES
from tests.support.visitor import Visitor

CHOSEN = {"theme": "dark", "language": "de", "currency": "USD", "layout": "compact"}


def _kept(visitor: Visitor) -> dict[str, str]:
    kept = {cookie.base_name: visitor.cookie(cookie.base_name) for cookie in CHOICES}
    return {name: value for name, value in kept.items() if value}


def test_each_choice_is_kept_in_its_own_cookie_and_shown(visitor: Visitor) -> None:
    for cookie, values in CHOICES.items():
        for value in values:
            assert visitor.post("/preferences", **{cookie.base_name: value}).status_code < 400
            assert _kept(visitor)[cookie.base_name] == value
            assert f'value="{value}" selected>' in visitor.get("/preferences").text


def test_saving_one_choice_leaves_the_others(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    visitor.post("/preferences", theme="light")
    assert _kept(visitor) == {**CHOSEN, "theme": "light"}


def test_an_unknown_value_is_refused_and_changes_nothing(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    for name, chosen in CHOSEN.items():
        for value in ("", "blue", chosen.swapcase(), "x" * 5000, f"{chosen}\r\nX: y"):
            refused = visitor.post("/preferences", **{**CHOSEN, name: value})
            assert refused.status_code == 400, value
            assert _kept(visitor) == CHOSEN


def test_a_cookie_with_an_unknown_value_counts_as_the_default(visitor: Visitor) -> None:
    for cookie in CHOICES:
        visitor.client.set_cookie(cookie.base_name, "blue")
    page = visitor.get("/preferences").text
    for values in CHOICES.values():
        assert f'value="{values[0]}" selected>' in page
    assert "blue" not in page


def test_choices_outlive_login_and_logout_and_are_forgotten_on_request(visitor: Visitor) -> None:
    visitor.post("/preferences", **CHOSEN)
    visitor.log_in()
    visitor.post("/logout")
    assert _kept(visitor) == CHOSEN
    visitor.post("/preferences/reset")
    assert _kept(visitor) == {}


def test_prices_appear_in_the_chosen_currency(visitor: Visitor) -> None:
    assert "EUR 14.90" in visitor.get("/cart").text
    visitor.post("/preferences", currency="USD")
    page = visitor.get("/cart").text
    assert "USD 16.39" in page
    assert "EUR" not in page


def test_the_layout_changes_the_distances(visitor: Visitor) -> None:
    comfortable = visitor.get("/articles").text
    visitor.post("/preferences", layout="compact")
    compact = visitor.get("/articles").text
    assert comfortable.count("py-3") == compact.count("py-1") > 0
    assert "py-3" not in compact


def test_amounts_have_two_digits_after_the_point(lab_app: Flask) -> None:
    for currency in CHOICES[CURRENCY]:
        with lab_app.test_request_context():
            whole, _, hundredths = money(in_currency(5, currency), currency).partition(".")
        assert whole == f"{currency} 0"
        assert len(hundredths) == 2


SLUGS = list(ARTICLES)


def _remembered(visitor: Visitor) -> list[str]:
    cookie = visitor.cookie(READ_ARTICLES.base_name)
    return cookie.split(".") if cookie else []


def test_every_article_in_the_list_can_be_read(visitor: Visitor) -> None:
    listed = visitor.get("/articles").text
    for slug in SLUGS:
        assert f'href="/articles/{slug}"' in listed
        assert f"<h1>{ARTICLES[slug].title}</h1>" in visitor.get(f"/articles/{slug}").text


def test_an_unknown_article_is_a_404_and_not_remembered(visitor: Visitor) -> None:
    for slug in ("nothing", "_article", "index", "..%2f_where"):
        assert visitor.get(f"/articles/{slug}").status_code == 404
    assert _remembered(visitor) == []


def test_the_last_articles_are_remembered_newest_first(visitor: Visitor) -> None:
    for slug in (*SLUGS, SLUGS[2]):
        visitor.get(f"/articles/{slug}")
    expected = [SLUGS[2], *(slug for slug in reversed(SLUGS) if slug != SLUGS[2])]
    assert _remembered(visitor) == expected[:MAX_REMEMBERED_ARTICLES]
    assert len(SLUGS) > MAX_REMEMBERED_ARTICLES


def test_only_known_articles_are_taken_from_the_cookie(visitor: Visitor) -> None:
    sent = ".".join(["nothing", SLUGS[1], "../x", SLUGS[1], ""])
    visitor.client.set_cookie(READ_ARTICLES.base_name, sent)
    visitor.get(f"/articles/{SLUGS[0]}")
    assert _remembered(visitor) == SLUGS[:2]


def test_what_was_read_can_be_forgotten(visitor: Visitor) -> None:
    visitor.get(f"/articles/{SLUGS[0]}")
    visitor.post("/articles/forget")
    assert _remembered(visitor) == []
    assert "Nothing yet" in visitor.get("/articles").text
