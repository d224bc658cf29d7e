"""Forms whose own messages are in the language of the page."""

from functools import cache
from typing import Any

from babel.support import NullTranslations, Translations
from flask_wtf import FlaskForm
from wtforms.i18n import messages_path

from app.languages.language import page_language


class PageForm(FlaskForm):
    """A form of Flask-WTF, which reads the file of the messages in each request that has a form.

    That was a fifth of a login.
    """

    class Meta(FlaskForm.Meta):
        def get_translations(self, form: Any) -> NullTranslations:
            return _load_messages(page_language())


@cache
def _load_messages(language: str) -> NullTranslations:
    return Translations.load(messages_path(), [language], domain="wtforms")
