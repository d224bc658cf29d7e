"""Pages of this application that show what the document says."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from app.lab.experiments import CLAIMS


class WhereToSee(NamedTuple):
    """A page that shows something; left out where it does not exist."""

    endpoint: str
    label: str
    """Its link."""
    values: Mapping[str, str] = MappingProxyType({})


def claim_page(name: str) -> WhereToSee:
    """The page of a claim, by its sentence."""
    return WhereToSee("lab.claim", CLAIMS[name].sentence, {"claim": name})


HOME = WhereToSee("public_pages.home", "Start")
BLOCKS = WhereToSee("building_blocks.index", "Building blocks")
STYLES = WhereToSee("static", "A file in static/", {"filename": "base.css"})
PROFILE = WhereToSee("public_pages.user", "A public page: any name will do", {"name": "alice"})
REQUEST = WhereToSee("public_pages.request_info", "What the server sees of a request")
LOGIN = WhereToSee("login.login", "Login")
DASHBOARD = WhereToSee("dashboard.dashboard", "Dashboard")
ARTICLES = WhereToSee("articles.index", "Articles")
ARTICLE = WhereToSee("articles.article", "An article", {"slug": "what-is-sent"})
CART = WhereToSee("cart.index", "Cart")
CHECKOUT = WhereToSee("checkout.index", "Checkout")
UPLOADS = WhereToSee("uploads.index", "Uploads")
PREFERENCES = WhereToSee("preferences.index", "Preferences")
SESSIONS = WhereToSee("sessions.index", "Sessions")
ADMIN = WhereToSee("admin.index", "Admin")
HEALTH = WhereToSee("health.healthz", "Health check")
FILTER = WhereToSee("lab.index", "Filter of the laboratory", {"verdict": "fails"})
COST = WhereToSee("lab.cost", "What a session costs")
PLAN = WhereToSee(
    "lab.cost",
    "A plan by a form",
    {"users": "10000", "size": "500", "per_second": "50", "hours": "8"},
)
