"""The forms of other people's pages, and the tokens in them."""

from dataclasses import replace

import pytest

from app.lab.browser.client import Exchange
from app.lab.browser.cookie_jar import Jar
from app.lab.subject.check import LOGOUT_WORD
from app.lab.subject.external_site import find_redirect
from app.lab.subject.page import (
    find_forgery_token,
    find_form,
    find_forms,
    find_links,
    quote_text,
    read_lines,
)

ADDRESS = "http://site.example/account/login"

PAGE = """
    <input type=hidden name=outside value=1>
    <form action="/search"><input type=hidden name=q value=2></form>
    <form method=post action=https://elsewhere.example/in><input name=stolen></form>
    <form METHOD=Post action="../in?next=/"><INPUT TYPE=Hidden NAME=token VALUE="a&amp;b">
      <input name=user><input type=submit><input type=hidden name=empty></form>
    <form method=post><input type=hidden name=here value=3></form>
"""

CONTROLS = """<form method=post>
    <select name=language><option value=en><option value=de selected></select>
    <select name=size><option>small</option><option>large</option></select>
    <select name=none></select>
    <input type=checkbox name=news checked><input type=checkbox name=remember>
    <input type=radio name=role value=guest><input type=radio name=role value=user checked>
    <textarea name=note></textarea><input type=file name=picture>
    <button name=do value=login>Log in</button><button name=do value=forgot>Forgot?</button>
</form>"""


def page_of(text: str, kind: str = "text/html; charset=utf-8") -> Exchange:
    headers = (("Content-Type", kind),)
    return Exchange("GET", ADDRESS, (), 200, headers, text.encode(), ())


def test_a_form_is_found_by_the_path_that_it_posts_to() -> None:
    form = find_form("/in", page_of(PAGE))
    assert form is not None
    assert (form.action, form.visible) == ("/in?next=/", ["user"])
    assert form.filled == {"token": "a&b", "empty": ""}


def test_addresses_of_others_and_what_cannot_be_read_lead_nowhere() -> None:
    page = page_of(
        "<form method=post action='http://[::1'></form><a href='http://[/logout'>out</a>"
        "<a href=//else.example/logout>out there</a>"
    )
    assert (find_forms(page), find_links(page, LOGOUT_WORD)) == ([], [])
    redirect = replace(page, status=302, headers=(("Location", "http://[::1"),))
    assert find_redirect(redirect) is None


@pytest.mark.parametrize("path", ["/search", "/elsewhere"])
def test_no_form_is_found_where_none_posts_there(path: str) -> None:
    assert find_form(path, page_of(PAGE)) is None


def test_a_form_is_sent_as_a_browser_would() -> None:
    form = find_form("/account/login", page_of(CONTROLS))
    assert form is not None
    assert form.filled == {
        "language": "de",
        "size": "small",
        "none": "",
        "news": "on",
        "role": "user",
        "do": "login",
    }
    assert form.visible == ["note"]


def test_a_token_against_forged_requests_may_be_a_cookie_or_in_another_form() -> None:
    """Others are in applications of test_failed_logins.py."""
    jar, other = Jar(), "<form method=post action=/other><input type=hidden name=_csrf value=two>"
    jar.store(ADDRESS, "XSRF-TOKEN=one; Path=/")
    assert find_forgery_token(page_of("nothing"), jar) == "one"
    assert find_forgery_token(page_of(other), Jar()) == "two"


def test_the_text_of_a_page_is_without_its_scripts_and_what_was_there_before() -> None:
    page = page_of("<title>Shop</title><script>x</script><p>No\n such <b>user</b>")
    before = page_of("<title>Shop</title><p>user")
    assert read_lines(page) == ["No such", "user"]
    assert quote_text(page, before) == " (it says “No such”)"
    assert read_lines(page_of('{"error": 1}', "application/json")) == ['{"error": 1}']


def test_an_answer_is_quoted_without_what_may_be_a_key() -> None:
    answer = page_of('{"error": "no", "key": "' + "a1" * 20 + '"}', "application/json")
    assert quote_text(answer) == ' (it says “{"error": "no", "key": "…"}”)'
