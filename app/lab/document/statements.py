"""The statements of the document that no claim measures, in their order.

What a claim measures stands in `Claim.statements` only: the page merges both by their lines.
"""

from app.lab.document.about_flask import ABOUT_FLASK
from app.lab.document.about_sessions import ABOUT_SESSIONS

UNMEASURED = (*ABOUT_FLASK, *ABOUT_SESSIONS)
