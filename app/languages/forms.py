"""Forms whose own messages are in the language of the page."""

from functools import cache
from typing import Any

from babel.support import NullTranslations, Translations
from flask_wtf import FlaskForm
from wtforms.i18n import messages_path

from app.languages.language import page_language


class PageForm(FlaskForm):
    """A form that reads its messages once for each language.

    A form of Flask-WTF reads them from their file in each request: a fifth of a login.
    """

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: Any) -> NullTranslations:
            return _load_messages(page_language())


@cache
def _load_messages(language: str) -> NullTranslations:
    return Translations.load(messages_path(), [language], domain="wtforms")
