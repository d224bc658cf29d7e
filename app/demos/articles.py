"""Articles about cookies and sessions; a plain cookie keeps the last ones read."""

from typing import NamedTuple

from flask import Blueprint, abort, make_response, redirect, render_template, url_for
from flask_babel.speaklater import LazyString
from werkzeug.wrappers import Response

from app.demos.preferences import current_preferences
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_plain_cookie
from app.web.plain_cookies import READ_ARTICLES, delete_plain, read_plain, set_plain

bp = Blueprint("articles", __name__)

MAX_REMEMBERED_ARTICLES = 5
SEPARATOR = "."


class Article(NamedTuple):
    """Its text is the template `articles/SLUG.html`."""

    title: LazyString
    teaser: LazyString


ARTICLES = {
    "what-is-sent": Article(
        lazy_gettext("What a browser sends back"),
        lazy_gettext("Set once by the server, sent with every request after it."),
    ),
    "how-large": Article(
        lazy_gettext("How large a cookie may be"),
        lazy_gettext("4096 bytes, and what happens to one with a byte more."),
    ),
    "signed": Article(
        lazy_gettext("Signed is not encrypted"),
        lazy_gettext("Who can read a Flask session, and who can change it."),
    ),
    "three-flags": Article(
        lazy_gettext("Three flags"),
        lazy_gettext("What HttpOnly, Secure and SameSite keep away, and what not."),
    ),
    "how-long": Article(
        lazy_gettext("How long a cookie lives"),
        lazy_gettext("With the browser, beyond it, and never over 400 days."),
    ),
    "logging-out": Article(
        lazy_gettext("What logging out ends"),
        lazy_gettext("Deleting a cookie and ending a session are two things."),
    ),
}


@bp.get("/articles")
def index() -> str:
    return render_template(
        "demos/articles/index.html",
        articles=ARTICLES,
        recent=_recent(),
        preferences=current_preferences(),
        locations=[locate_plain_cookie(READ_ARTICLES)],
    )


@bp.get("/articles/<slug>")
def article(slug: str) -> Response:
    if slug not in ARTICLES:
        abort(404, gettext("There is no such article."))
    earlier = [other for other in _recent() if other != slug]
    recent = SEPARATOR.join([slug, *earlier][:MAX_REMEMBERED_ARTICLES])
    page = render_template(
        f"demos/articles/{slug}.html",
        article=ARTICLES[slug],
        earlier={slug: ARTICLES[slug] for slug in earlier},
        locations=[locate_plain_cookie(READ_ARTICLES, recent)],
    )
    response = make_response(page)
    set_plain(response, READ_ARTICLES, recent)
    return response


@bp.post("/articles/forget")
def forget() -> Response:
    response = redirect(url_for("articles.index"))
    delete_plain(response, READ_ARTICLES)
    return response


def _recent() -> list[str]:
    """The slugs in the cookie, the last read first; unknown ones are left out."""
    sent = dict.fromkeys(read_plain(READ_ARTICLES).split(SEPARATOR))
    return [slug for slug in sent if slug in ARTICLES][:MAX_REMEMBERED_ARTICLES]
