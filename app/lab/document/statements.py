"""The document's sections, and those statements that no claim measures.

What a claim measures stands in `Claim.statements` only: the page merges both by their lines.
"""

from app.lab.document.about_flask import (
    FLASK_CLASS,
    MAKE_RESPONSE,
    RENDER_TEMPLATE,
    REQUEST_OBJECT,
    SESSION_OBJECT,
    WHAT_FLASK_IS,
)
from app.lab.document.about_sessions import ADVICE, DIFFERENCES, KINDS, USE_COOKIES, USE_SESSIONS

SECTIONS = (
    WHAT_FLASK_IS,
    FLASK_CLASS,
    RENDER_TEMPLATE,
    SESSION_OBJECT,
    MAKE_RESPONSE,
    REQUEST_OBJECT,
    KINDS,
    DIFFERENCES,
    USE_COOKIES,
    USE_SESSIONS,
    ADVICE,
)
"""In the order of their lines."""
