"""What axe finds on the pages of one backend."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.services import LabServer
from tests.support.visitor import PASSWORDS

PAGES = (
    *("/", "/dashboard", "/articles", "/articles/signed", "/cart", "/uploads", "/preferences"),
    *("/building-blocks?try=download", "/sessions", "/account", "/admin", "/user/zoe"),
    *("/login?ended=logout", "/request-info/nothing", "/choose"),
    *("/choose?logout=final&servers=one", "/choose?logout=final&servers=several&redis=no"),
    *("/lab", "/lab/logout_is_final", "/lab/logout_is_final/cookie", "/lab/cost", "/lab/document"),
)

VIOLATIONS = {"resultTypes": ["violations"]}
"""What axe describes: to describe all that is right takes it longer than to look."""


def log_in(page: Page, server: LabServer) -> None:
    page.goto(f"{server.url}/login")
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", PASSWORDS["alice"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_load_state()


def find_violations(page: Page) -> list[str]:
    """A line for each rule that the page breaks: the page, the rule, and where."""
    found = []
    for each in Axe().run(page, options=VIOLATIONS).response["violations"]:
        places = [" ".join(map(str, node["target"])) for node in each["nodes"][:3]]
        found.append(f"{page.url}: {each['id']} at {', '.join(places)}")
    return found
