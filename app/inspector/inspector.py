"""The inspector: what browser and server hold of the current session."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from flask import Blueprint, current_app, render_template, request, session

from app.accounts.database import list_demo_accounts
from app.config import is_embedded
from app.inspector.replay import find_kept
from app.inspector.traffic import RecordedRequest, unnoticed
from app.state import KeptToken, state_of
from app.web.cookie_text import describe
from backends import AtRest, backend_of
from backends.tokens.cookie_format import decode_without_key

bp = Blueprint("inspector", __name__)

SHOWN_CHARACTERS = 4
"""Of a value that could be a working token."""

MAX_COOKIES = 50
"""That are shown; browsers keep at least as many for one site (RFC 6265bis 6.1)."""

MAX_NAME_CHARACTERS = 100


@dataclass(frozen=True)
class CookieInBrowser:
    """One cookie as the browser sent it. The value itself is never among the fields."""

    name: str
    bytes: int
    masked: str
    sha256: str
    is_session: bool
    flags: list[str]
    decoded: str | None
    """What anybody can read in it without a key; only of the session's own."""
    signed_at: str | None


@dataclass(frozen=True)
class Inspection:
    user: str | None
    cookies: list[CookieInBrowser]
    at_rest: AtRest | None
    traffic: list[RecordedRequest]
    kept: KeptToken | None
    """The token from before the last logout; `None` for who is logged in."""

    @property
    def token(self) -> str | None:
        """The letter of the browser's token; `None` without one."""
        last = next(iter(self.traffic), None)
        return None if last is None or self.kept else last.got or last.sent

    @property
    def has_new_token(self) -> bool:
        """Whether the last request was answered with another token."""
        last = next(iter(self.traffic), None)
        return last is not None and last.got not in (None, last.sent)

    @property
    def session_cookie(self) -> CookieInBrowser | None:
        return next((cookie for cookie in self.cookies if cookie.is_session), None)


def inspect() -> Inspection:
    """Inspect the session of this request. Raises `StoreUnavailable`."""
    token = request.cookies.get(current_app.config["SESSION_COOKIE_NAME"])
    kept = None if token else find_kept()
    user = session.get("user")
    look = backend_of(current_app).at_rest
    with unnoticed():
        at_rest = look(current_app, session) if look else None
    return Inspection(
        user=user,
        cookies=list(_describe_cookies()),
        at_rest=at_rest,
        traffic=state_of(current_app).traffic.of(kept.token if kept else token),
        kept=kept,
    )


@bp.get("/inspect")
def inspect_json() -> dict[str, Any]:
    """The inspection as JSON."""
    found = inspect()
    return {
        "backend": current_app.config["SESSION_BACKEND"],
        "embedded": is_embedded(current_app.config),
        "user": found.user,
        "browser": [asdict(cookie) for cookie in found.cookies],
        "server": found.at_rest and found.at_rest._asdict(),
        "traffic": [exchange._asdict() for exchange in found.traffic],
    }


@bp.get("/column")
def column() -> dict[str, Any]:
    """The inspection as a part of the side-by-side page, and its figures for the table there."""
    found = inspect()
    return {
        "html": render_template(
            "inspector/column.html", inspection=found, accounts=list_demo_accounts()
        ),
        "user": found.user,
        "browser_bytes": found.session_cookie.bytes if found.session_cookie else 0,
        "server_bytes": found.at_rest.size if found.at_rest else 0,
    }


def _describe_cookies() -> Iterator[CookieInBrowser]:
    """The session's own, and then some of the others."""
    own = current_app.config["SESSION_COOKIE_NAME"]
    sent = sorted(request.cookies.items(), key=lambda cookie: cookie[0] != own)
    return (_describe_cookie(name, value) for name, value in sent[:MAX_COOKIES])


def _describe_cookie(name: str, value: str) -> CookieInBrowser:
    is_session = name == current_app.config["SESSION_COOKIE_NAME"]
    decoded = decode_without_key(value) if is_session else None
    return CookieInBrowser(
        name=name[:MAX_NAME_CHARACTERS],
        bytes=len(name) + len(value),
        masked=f"{value[:SHOWN_CHARACTERS]}…",
        sha256=sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        is_session=is_session,
        flags=_list_flags() if is_session else [],
        decoded=decoded and describe(decoded),
        signed_at=decoded and decoded.signed_at.isoformat(),
    )


def _list_flags() -> list[str]:
    """The attributes of the session's cookie; a browser does not send them back."""
    interface, app = current_app.session_interface, current_app
    same_site = interface.get_cookie_samesite(app)
    flags = {
        "HttpOnly": interface.get_cookie_httponly(app),
        "Secure": interface.get_cookie_secure(app),
        f"SameSite={same_site}": same_site,
        f"Path={interface.get_cookie_path(app)}": True,
    }
    return [flag for flag, is_set in flags.items() if is_set]
