"""Texts in the language of the page, with the catalog looked up once a request.

Flask-Babel looks for language and catalog at each text, and Jinja's own functions take as long
again: with some forty texts, a page without a session took 1.7 times as long.
"""

from typing import Any

import flask_babel
from babel.support import NullTranslations
from flask import g
from flask_babel.speaklater import LazyString
from markupsafe import Markup


def gettext(text: str, **values: Any) -> str:
    """The text in the language of the page, with the values in their places."""
    translated = find_catalog().gettext(text)
    return translated % values if values else translated


def lazy_gettext(text: str, **values: Any) -> LazyString:
    """A text for a constant: it is translated each time that it is shown."""
    return LazyString(gettext, text, **values)


def gettext_markup(text: str, **values: Any) -> Markup:
    """What `{% trans %}` calls: its text may have elements, and the values are escaped."""
    return Markup(find_catalog().gettext(text)) % values  # noqa: S704 - texts are ours


def ngettext_markup(one: str, many: str, num: int, **values: Any) -> Markup:
    """What `{% trans %}` with `{% pluralize %}` calls: the text for one, or for many."""
    return Markup(find_catalog().ngettext(one, many, num)) % values  # noqa: S704 - texts are ours


def find_catalog() -> NullTranslations:
    """The translations into the language of the page."""
    try:
        catalog: NullTranslations = g.catalog
    except AttributeError:
        catalog = g.catalog = flask_babel.get_translations()
    except RuntimeError:  # outside of an application
        catalog = NullTranslations()
    return catalog
