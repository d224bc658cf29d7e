"""The language of a page: the one that its visitor chose, else one that their browser accepts.

It comes from a plain cookie and a header: no page reads the session for it.
"""

from collections.abc import Callable

import flask_babel
from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, force_locale, get_locale
from markupsafe import Markup

from app.languages.texts import gettext, gettext_markup, ngettext_markup
from app.web.plain_cookies import LANGUAGE, read_plain

LANGUAGES = ("en", "de")
"""The first is the default, and the language of the texts in the code."""

ENGLISH_ONLY = frozenset(("side_by_side", "inspector", "replay", "lab", "choose"))
"""The blueprints of the inspector and the laboratory."""


def init_app(app: Flask) -> None:
    """Translate pages, and tell caches what a page's language depends on."""
    Babel(
        app,
        default_translation_directories="languages/translations",
        locale_selector=_choose_page_language,
    )
    app.jinja_env.globals.update(
        _=gettext, gettext=gettext_markup, ngettext=ngettext_markup, in_english=in_english
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.after_request(add_vary)


def visitor_language() -> str:
    """What the visitor reads: their choice, else the best that the browser accepts."""
    if "visitor_language" not in g:
        chosen = read_plain(LANGUAGE)
        g.visitor_language = (
            chosen
            if chosen in LANGUAGES
            else request.accept_languages.best_match(LANGUAGES, LANGUAGES[0])
        )
    return str(g.visitor_language)


def page_language() -> str:
    """The language of the page that is being made; English outside of a request."""
    locale = get_locale()
    return locale.language if locale else LANGUAGES[0]


def describe_english_only() -> str:
    """Tell the visitor, in their own language, that a page is in none but English."""
    with force_locale(visitor_language()):
        return str(flask_babel.gettext("This page exists in English only."))


def in_english(caller: Callable[[], str]) -> Markup:
    """A part of a page that exists in English only, for `{% call %}`."""
    if page_language() == LANGUAGES[0]:
        return Markup(caller())  # noqa: S704 - a template made it
    with force_locale(LANGUAGES[0]):  # for its numbers and durations
        return Markup('<div lang="en">{}</div>').format(caller())


def add_vary(response: Response) -> Response:
    """Name what the language was chosen by, if a language was needed."""
    if "visitor_language" in g:
        response.vary.update(("Accept-Language", "Cookie"))
    return response


def _choose_page_language() -> str | None:
    if not has_request_context():
        return None
    return LANGUAGES[0] if request.blueprint in ENGLISH_ONLY else visitor_language()
