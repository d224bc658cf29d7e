"""Articles: the browser remembers the last ones read."""

from app.demos.articles import ARTICLES, MAX_REMEMBERED_ARTICLES
from app.web.plain_cookies import READ_ARTICLES
from tests.support.visitor import Visitor

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
