"""What the pages of a foreign application hold: forms, links, text and tokens."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from werkzeug.http import HTTP_STATUS_CODES

from app.lab.browser.client import Exchange
from app.lab.browser.set_cookie import Cookie

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

FORGERY_HEADERS = ("X-CSRFToken", "X-CSRF-Token", "X-XSRF-TOKEN")
"""Where scripts send that token: Flask-WTF, Rails and Flask-JWT-Extended, Angular."""

MAX_QUOTED_CHARACTERS = 160

FORGERY = re.compile(r"csrf|xsrf|forger", re.IGNORECASE)
"""In a message about a forged request, and in the name of what has a token against them."""

CAPTCHA = re.compile(r"captcha|turnstile", re.IGNORECASE)
TOKEN_NAME = re.compile(r"token|jwt|bearer", re.IGNORECASE)
LONG_WORD = re.compile(r"[\w+/=.-]{32,}")
"""It may be a key, which must not reach a log."""

TOKEN_HEADER = re.compile(r"token|^authorization$", re.IGNORECASE)
JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")

_LAST_TRACEBACK = re.compile(r".*^Traceback \(most recent call last\):\n", re.DOTALL | re.MULTILINE)
_RAISED = re.compile(r"^(?=\S)(.+)$", re.MULTILINE)

_UNSENT = ("submit", "reset", "button", "image", "file")


@dataclass
class Form:
    """The fields of a form."""

    action: str
    """The path that it posts to, with its query."""
    filled: dict[str, str] = field(default_factory=dict)
    """The values that its page filled in, a token against forged requests among them."""
    visible: list[str] = field(default_factory=list)
    """The names of the fields that people fill in."""
    has_button: bool = False
    """Whether `filled` has the button that is pressed."""
    has_password: bool = False
    has_captcha: bool = False

    @property
    def path(self) -> str:
        """Where it posts to."""
        return urlsplit(self.action).path


def find_form(path: str, page: Exchange, fields: Collection[str] = ()) -> Form | None:
    """The form on the page that posts to `path`; with `fields`, the one that has most of them.

    Of forms that have equally many, it is the one that posts to `path`, then the shortest: a
    login form has fewer fields than the one to register.
    """
    forms = [form for form in find_forms(page) if form.path == path or _is_for(form, fields)]
    return min(forms, key=lambda form: _rate_form(form, path, fields), default=None)


def find_forms(page: Exchange) -> list[Form]:
    """The forms on the page that post to its own site."""
    own = urlsplit(page.url)
    found = []
    for tag in read_html(page).find_all("form"):
        target = resolve(page, str(tag.get("action") or page.url))
        is_post = str(tag.get("method", "get")).lower() == "post"
        if is_post and target.netloc == own.netloc:
            query = f"?{target.query}" if target.query else ""
            found.append(_read_form(tag, (target.path or "/") + query))
    return found


def resolve(page: Exchange, address: str) -> SplitResult:
    """Where an address on the page leads: nowhere if it is invalid, as in a browser."""
    try:
        return urlsplit(urljoin(page.url, address))
    except ValueError:
        return urlsplit("")


def find_forgery_token(page: Exchange, cookies: Iterable[Cookie]) -> str:
    """The page's token against forged requests; empty without one.

    It is in a meta tag, in a field of any form, or in a cookie.
    """
    tags = read_html(page).find_all(["meta", "input"], attrs={"name": True})
    named = [(str(tag["name"]), str(tag.get("content") or tag.get("value") or "")) for tag in tags]
    named += [(cookie.name, cookie.value) for cookie in cookies if not cookie.http_only]
    return next((value for name, value in named if value and FORGERY.search(name)), "")


def find_links(page: Exchange, word: re.Pattern[str]) -> list[str]:
    """The paths of the page's links and forms that have this word in them."""
    own = urlsplit(page.url).netloc
    soup = read_html(page)
    addresses = [str(tag.get("href", "")) for tag in soup.find_all("a")]
    addresses += [str(tag.get("action", "")) for tag in soup.find_all("form")]
    targets = [resolve(page, address) for address in addresses]
    paths = dict.fromkeys(target.path for target in targets if target.netloc == own)
    return list(filter(word.search, paths))


def read_lines(page: Exchange) -> list[str]:
    """The lines of text on the page, without those of its title, styles and scripts."""
    if not is_page(page):
        return [page.text.strip()] if page.text.strip() else []
    soup = read_html(page)
    for tag in soup(["title", "style", "script", "noscript", "template"]):
        tag.decompose()
    return [" ".join(line.split()) for line in soup.stripped_strings]


def quote_text(answer: Exchange, known: Exchange | None = None) -> str:
    """The text of an answer that the `known` page has not, in brackets; empty without any."""
    old = [*(read_lines(known) if known else ()), HTTP_STATUS_CODES.get(answer.status)]
    new = LONG_WORD.sub("…", " ".join(line for line in read_lines(answer) if line not in old))
    if len(new) > MAX_QUOTED_CHARACTERS:
        new = f"{new[:MAX_QUOTED_CHARACTERS]}…"
    return f" (it says “{new}”)" if new else ""


def find_exception(log: str) -> str:
    """The last line of the last traceback; empty without one."""
    last = _LAST_TRACEBACK.match(log)
    found = _RAISED.search(log, last.end()) if last else None
    return found[1].strip()[:MAX_QUOTED_CHARACTERS] if found else ""


def name_token(answer: Exchange) -> str:
    """The name of the token in an answer, such as `access_token`; empty without one."""
    names = [name for name in _list_names(read_json(answer)) if TOKEN_NAME.search(name)]
    names += [name for name, _ in answer.headers if TOKEN_HEADER.search(name)]
    names += ["a JWT"] if JWT.search(f"{answer.text} {answer.header('location')}") else []
    return next((name for name in names if not FORGERY.search(name)), "")


def read_json(answer: Exchange) -> Any:
    """The object or list that the answer is; `None` if it is neither."""
    if is_page(answer):
        return None
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def _list_names(value: Any) -> list[str]:
    """The names in an object, and in those inside it."""
    if isinstance(value, list):
        return [name for each in value for name in _list_names(each)]
    if not isinstance(value, Mapping):
        return []
    return [name for key, each in value.items() for name in (str(key), *_list_names(each))]


def list_field_names(page: Exchange) -> list[str]:
    """The names on the page, also of a form that only a script reads."""
    return [str(tag["name"]) for tag in read_html(page).find_all("input", attrs={"name": True})]


def is_page(page: Exchange) -> bool:
    return "html" in (page.header("content-type") or "").lower()


def read_html(page: Exchange) -> "BeautifulSoup":
    """The page's tree; an empty one of what is no page."""
    from bs4 import BeautifulSoup  # here: a start with the laboratory's pages does not load it

    return BeautifulSoup(page.text if is_page(page) else "", "html.parser")


def _is_for(form: Form, fields: Collection[str]) -> bool:
    return bool(fields) and (form.has_password or any(name in form.visible for name in fields))


def _rate_form(form: Form, path: str, fields: Collection[str]) -> tuple[int, bool, int]:
    lacking = sum(name not in form.visible and name not in form.filled for name in fields)
    return lacking, form.path != path, len(form.visible)


def _read_form(tag: "Tag", action: str) -> Form:
    form = Form(action, has_captcha=_has_captcha(tag))
    for control in tag.find_all(["input", "select", "textarea", "button"], attrs={"name": True}):
        _read_control(form, control)
    return form


def _read_control(form: Form, control: "Tag") -> None:
    """Add a field as a browser would send it: of several buttons, the first is pressed."""
    name, kind = str(control["name"]), _find_kind(control)
    value = str(control.get("value", ""))
    if kind == "hidden" or (kind == "submit" and not form.has_button):
        form.filled[name] = value
        form.has_button |= kind == "submit"
    elif kind in ("checkbox", "radio"):
        if control.has_attr("checked"):
            form.filled[name] = value or "on"
    elif kind == "select":
        option = control.select_one("option[selected]") or control.select_one("option")
        held = str(option.get("value", option.get_text(strip=True))) if option else ""
        form.filled[name] = held
    elif kind not in _UNSENT:
        form.visible.append(name)
        form.has_password |= kind == "password"
        if value:
            form.filled[name] = value


def _find_kind(control: "Tag") -> str:
    if control.name in ("select", "textarea"):
        return control.name
    default = "submit" if control.name == "button" else "text"
    return str(control.get("type", default)).lower()


def _has_captcha(tag: "Tag") -> bool:
    marks = [str(tag.get("class", ""))]
    for inner in tag.find_all(True):
        marks += [str(inner.get(name, "")) for name in ("class", "name", "id", "src")]
    return any(map(CAPTCHA.search, marks))
