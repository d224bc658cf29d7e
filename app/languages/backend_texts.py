"""What the backends say of themselves, for the catalogs: `backends` knows no languages."""

from app.languages.texts import gettext, lazy_gettext

TEXTS = (
    lazy_gettext("Signed cookie"),
    lazy_gettext("Filesystem"),
    lazy_gettext("Flask, signed cookie"),
    lazy_gettext("Flask-Session, filesystem"),
    lazy_gettext("Flask-Session, Redis"),
    lazy_gettext("yes"),
    lazy_gettext("no"),
    lazy_gettext("yes, with the same key"),
    lazy_gettext("yes, as far as Redis persists"),
    lazy_gettext(
        "Your session cannot be reached at the moment. Nothing was changed: try again shortly."
    ),
)
"""Listed where `make languages` finds them. Names, as Redis, stay what they are."""


def translate_backend_text(text: str) -> str:
    """A text of `backends` in the language of the page; one that is not listed as it is."""
    return gettext(text)
