"""The forms of other people's pages, and the tokens in them."""

from dataclasses import replace

import pytest

from app.lab.browser.client import Exchange
from app.lab.browser.cookie_jar import Jar
from app.lab.subject.check import LOGOUT_WORD
from app.lab.subject.diagnosis import LOGIN_WORD
from app.lab.subject.external_site import find_redirect
from app.lab.subject.page import (
    describe_answer,
    find_forgery_token,
    find_form,
    find_forms,
    find_links,
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

LOGIN_AND_REGISTER = """
    <form method=post action=/register><input name=user><input name=mail>
      <input type=password name=password></form>
    <form method=post action=/enter><input name=user><input type=password name=password></form>
"""

CONTROLS = """<form method=post>
    <select name=language><option value=en><option value=de selected></select>
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


def test_addresses_that_cannot_be_read_lead_nowhere() -> None:
    page = page_of(
        "<form method=post action='http://[::1'></form><a href='http://[/logout'>out</a>"
    )
    assert find_forms(page) == []
    assert find_links(page, LOGOUT_WORD) == []
    redirect = replace(page, status=302, headers=(("Location", "http://[::1"),))
    assert find_redirect(redirect) is None


def test_a_form_without_an_action_posts_to_its_page() -> None:
    form = find_form("/account/login", page_of(PAGE))
    assert form is not None
    assert form.filled == {"here": "3"}


@pytest.mark.parametrize("path", ["/search", "/elsewhere"])
def test_no_form_is_found_where_none_posts_there(path: str) -> None:
    assert find_form(path, page_of(PAGE)) is None


@pytest.mark.parametrize(
    ("fields", "action"),
    [(("user", "password"), "/enter"), (("user", "mail", "password"), "/register")],
)
def test_of_two_forms_the_one_with_these_fields(fields: tuple[str, ...], action: str) -> None:
    form = find_form("/account/login", page_of(LOGIN_AND_REGISTER), fields)
    assert form is not None
    assert form.action == action


def test_a_form_is_sent_as_a_browser_would() -> None:
    form = find_form("/account/login", page_of(CONTROLS))
    assert form is not None
    assert form.filled == {"language": "de", "news": "on", "role": "user", "do": "login"}
    assert form.visible == ["note"]


@pytest.mark.parametrize(
    ("text", "cookie"),
    [
        ("<meta name=csrf-token content=t0ken>", ""),
        ("<form method=post action=/other><input type=hidden name=_csrf value=t0ken>", ""),
        ("nothing", "XSRF-TOKEN=t0ken; Path=/"),
    ],
    ids=["a meta tag", "a field", "a cookie"],
)
def test_a_token_against_forged_requests_is_found(text: str, cookie: str) -> None:
    jar = Jar()
    if cookie:
        jar.store(ADDRESS, cookie)
    assert find_forgery_token(page_of(text), jar) == "t0ken"


def test_links_are_found_by_a_word_in_their_path() -> None:
    page = page_of("<a href=../Sign-In>in</a><a href=/help>?</a><a href=//else.example/sign-in>")
    assert find_links(page, LOGIN_WORD) == ["/Sign-In"]


def test_the_text_of_a_page_is_without_its_scripts() -> None:
    page = page_of("<title>Shop</title><script>x</script><p>No\n such <b>user</b>")
    assert read_lines(page) == ["No such", "user"]
    assert read_lines(page_of('{"error": 1}', "application/json")) == ['{"error": 1}']


def test_an_answer_is_quoted_without_what_may_be_a_key() -> None:
    answer = page_of('{"error": "no", "key": "' + "a1" * 20 + '"}', "application/json")
    assert describe_answer(answer, "") == ' (it says “{"error": "no", "key": "…"}”)'


def test_an_answer_is_quoted_without_what_the_page_said_before() -> None:
    before, after = page_of("<h1>Log in</h1>"), page_of("<h1>Log in</h1><p>No such user.")
    assert describe_answer(after, "", before) == " (it says “No such user.”)"
