"""Flask's building blocks: the document's functions, each with its code and its answer."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from flask import (
    Blueprint,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel.speaklater import LazyString
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from app import dashboard, public_pages
from app.languages.texts import gettext, lazy_gettext
from app.web.data_location import locate_plain_cookie
from app.web.plain_cookies import EXAMPLE, delete_plain, set_plain
from app.web.subrequest import send_inside

bp = Blueprint("building_blocks", __name__)

TEAPOT = 418

MAX_TEXT_CHARACTERS = 100
"""Of what a visitor sends to `/request-info` by the page's form."""

MAX_BODY_CHARACTERS = 2_000
"""Of an answer that are shown."""


@bp.get("/download")
def download() -> Response:
    response = make_response("This is file content")
    response.headers["Content-Type"] = "text/plain"
    response.headers["Content-Disposition"] = "attachment; filename=data.txt"
    return response


@bp.get("/set-cookie")
def set_cookie() -> Response:
    """The stated exception to the rule that a GET changes nothing: the document has it so."""
    response = make_response("Cookie has been set!")
    set_plain(response, EXAMPLE, "john_doe")
    return response


@bp.get("/custom-status")
def custom_status() -> Response:
    response = make_response("Custom error message", TEAPOT)
    response.headers["X-Custom-Header"] = "Flask Example"
    return response


def read_code(view: Callable[..., Any]) -> str:
    """The view as it is in the project, without its docstring."""
    source = inspect.getsource(view)
    return source.replace(f'    """{view.__doc__}"""\n', "") if view.__doc__ else source


@dataclass(frozen=True)
class Block:
    """A function of Flask, a view of this application that uses it, and what to look at."""

    function: str
    does: LazyString
    view: Callable[..., Any]
    path: str
    devtools: LazyString
    warning: LazyString | None = None
    uses: LazyString | None = None
    """What sets it apart from another block with the same function."""

    @property
    def code(self) -> str:
        return read_code(self.view)


BLOCKS = {
    "user": Block(
        "render_template",
        lazy_gettext("Makes a page from a template and values. What a visitor typed is escaped."),
        public_pages.user,
        "/user/<script>",
        lazy_gettext("In Elements the name is text: the browser runs nothing of it."),
    ),
    "download": Block(
        "make_response",
        lazy_gettext("Makes an answer whose headers you can set before it is sent."),
        download,
        "/download",
        lazy_gettext(
            "In Network, its tab Headers shows Content-Disposition: the browser saves a file."
        ),
        uses=lazy_gettext("with headers"),
    ),
    "set-cookie": Block(
        "make_response",
        lazy_gettext(
            "Sends Set-Cookie with the answer; the browser sends the cookie back from then on."
        ),
        set_cookie,
        "/set-cookie",
        lazy_gettext(
            "In Application → Cookies it is there once you open the address; it ends in an hour."
        ),
        lazy_gettext(
            "Opening an address should change nothing. This one sets a cookie, as the document has "
            "it."
        ),
        lazy_gettext("with a cookie"),
    ),
    "custom-status": Block(
        "make_response",
        lazy_gettext("Answers with any status. 418 is a joke (RFC 2324), and nothing went wrong."),
        custom_status,
        "/custom-status",
        lazy_gettext("In Network the status is red: 418."),
        uses=lazy_gettext("with a status"),
    ),
    "request-info": Block(
        "request",
        lazy_gettext(
            "Holds what arrived: the form, the arguments in the address, JSON, headers and cookies."
        ),
        public_pages.request_info,
        "/request-info",
        lazy_gettext("In Network, its tab Payload shows what was sent."),
    ),
}
"""By the name in the page's query."""

WAYS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "form": lambda text: {"method": "POST", "data": {"text": text}},
    "args": lambda text: {"method": "GET", "data": {"text": text}},
    "json": lambda text: {"method": "POST", "json": {"text": text}},
    "headers": lambda text: {"method": "GET", "headers": {"X-Text": text}},
}
"""How the page's form sends its text to `/request-info`."""


class ShownAnswer(NamedTuple):
    """An answer as it came."""

    status: str
    headers: list[tuple[str, str]]
    body: str


@bp.get("/building-blocks")
def index() -> str:
    """Show each block, and the answer of the one that the query tries."""
    tried, way = request.args.get("try", ""), request.args.get("send", "form")
    text = request.args.get("text", "hello")[:MAX_TEXT_CHARACTERS]
    return render_template(
        "demos/building_blocks.html",
        blocks=BLOCKS,
        ways=WAYS,
        way=way,
        text=text,
        tried=tried,
        answer=_try(tried, way, text) if tried else None,
        folders=_list_folders(),
        session_code=read_code(dashboard.write),
        locations=[locate_plain_cookie(EXAMPLE)],
    )


@bp.post("/building-blocks/forget")
def forget() -> Response:
    """Delete the cookie of `/set-cookie`."""
    response = redirect(url_for("building_blocks.index"))
    delete_plain(response, EXAMPLE)
    return response


def _try(name: str, way: str, text: str) -> ShownAnswer:
    """The answer to a request that the application sends to itself."""
    if name not in BLOCKS or way not in WAYS or not text.isprintable():
        abort(404, gettext("There is nothing to try by that name."))
    how: dict[str, Any] = WAYS[way](text) if name == "request-info" else {"method": "GET"}
    language = {"Accept-Language": request.headers.get("Accept-Language", "")}
    how["headers"] = {**language, **how.get("headers", {})}
    return _show(send_inside(path=BLOCKS[name].path, cookies=request.cookies, **how))


def _show(response: TestResponse) -> ShownAnswer:
    """The answer, but of the cookie of a session no value."""
    headers = [
        (name, _mask(value) if name == "Set-Cookie" else value) for name, value in response.headers
    ]
    _, tag, main = response.text.partition("<main")  # of a page only what is its own
    return ShownAnswer(
        response.status, headers, (tag + main or response.text)[:MAX_BODY_CHARACTERS]
    )


def _mask(set_cookie: str) -> str:
    name = set_cookie.partition("=")[0]
    is_session = name == current_app.config["SESSION_COOKIE_NAME"]
    return f"{name}=…" if is_session else set_cookie


def _list_folders() -> dict[str, str]:
    """What `Flask(__name__)` decided: where this application looks for its files."""
    root = Path(current_app.root_path)
    return {
        gettext("Its name"): current_app.import_name,
        gettext("Its folder"): f"{root.name}/",
        gettext("Its templates"): f"{root.name}/{current_app.template_folder}/",
        gettext("Its static files"): f"{root.name}/{Path(current_app.static_folder or '').name}/",
    }
