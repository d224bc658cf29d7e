"""The remembered name: it outlives the browser, and fills in a form and nothing more."""

import re

from app.web.plain_cookies import REMEMBERED_NAME
from tests.support.visitor import Visitor

NAME = REMEMBERED_NAME.base_name


def _filled_in(visitor: Visitor) -> tuple[str, bool]:
    """The login form's name, and whether its box is ticked."""
    page = visitor.get("/login").text
    field = re.search(r'<input[^>]*name="username"[^>]*>', page)
    box = re.search(r'<input[^>]*name="remember"[^>]*>', page)
    assert field
    assert box
    value = re.search(r'value="([^"]*)"', field[0])
    return value[1] if value else "", "checked" in box[0]


def test_a_name_is_remembered_on_request_beyond_the_browsers_end(visitor: Visitor) -> None:
    visitor.log_in()
    assert visitor.cookie(NAME) is None
    header = next(
        header
        for header in visitor.log_in(remember="y").headers.getlist("Set-Cookie")
        if header.startswith(f"{NAME}=alice;")
    )
    assert f"Max-Age={REMEMBERED_NAME.max_age}" in header
    assert "HttpOnly" in header


def test_the_name_is_filled_in_after_logout_and_logs_nobody_in(visitor: Visitor) -> None:
    visitor.log_in(remember="y")
    visitor.post("/logout")
    assert _filled_in(visitor) == ("alice", True)
    assert visitor.get("/dashboard").headers["Location"].startswith("/login")
    assert visitor.log_in(password="").status_code == 400


def test_only_a_login_that_succeeds_remembers_or_forgets(visitor: Visitor) -> None:
    visitor.log_in(remember="y", password="wrong")
    assert visitor.cookie(NAME) is None
    visitor.log_in(remember="y")
    visitor.log_in(password="wrong")
    assert visitor.cookie(NAME) is not None
    visitor.log_in()
    assert visitor.cookie(NAME) is None
    assert _filled_in(visitor) == ("", False)


def test_an_impossible_planted_name_is_not_filled_in(visitor: Visitor) -> None:
    for planted in ("x" * 81, "a%0ab", "%00"):
        visitor.client.set_cookie(NAME, planted)
        assert _filled_in(visitor) == ("", False)
