"""Protection against other sites: they neither borrow this one's address nor change its state.

A name that is not this site's is refused: a page of another site could point its own name at this
host, and would be of the same origin then (DNS rebinding).

Against CSRF it checks headers of the browser instead of a token in each form, because a token would
need a session for visitors who do not log in (OWASP ASVS 5.0, 3.5.1; OWASP CSRF cheat sheet, Fetch
Metadata). `SameSite=Lax` is the second line of defence.
"""

from ipaddress import ip_address

from flask import Flask, current_app, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.sansio.utils import host_is_trusted

from app.config import PRODUCTION
from app.languages.texts import gettext, lazy_gettext
from app.web import health

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class OtherHost(BadRequest):
    """A request for a name that is not this site's."""

    advice = lazy_gettext(
        "Use a name that it has. If you run this site, add this name to ALLOWED_HOSTS and start it "
        "again."
    )


class ForeignForm(Forbidden):
    """A request that changes something, and did not come from a page of this site."""

    advice = lazy_gettext("Open the page on this site and use the form there.")


def init_app(app: Flask) -> None:
    """Refuse requests for other hosts, and unsafe ones from other sites, before any view runs."""
    app.before_request(_refuse_other_host)
    app.before_request(_refuse_cross_site)


def _refuse_other_host() -> None:
    # Probes ask a container by its address, and learn nothing but that it runs. Files have no
    # secrets, and the page that says what is wrong needs its style.
    is_public = request.blueprint == health.bp.name or (request.endpoint or "").endswith("static")
    if not is_public and not is_own_name(request.host):
        raise OtherHost(
            gettext("This site is not served under that name. ALLOWED_HOSTS says which it has.")
        )


def is_possible_host(host: str) -> bool:
    """Whether a host can have that name: its labels are neither empty nor too long."""
    try:
        host.encode("idna").decode("idna")
    except UnicodeError:
        return False
    return True


def is_own_name(host: str) -> bool:
    """Whether this site is served under that name."""
    if not is_possible_host(host):
        return False
    settings = current_app.config
    names = [*(settings["ALLOWED_HOSTS"] or ())]
    if settings["APP_PROFILE"] != PRODUCTION:
        if _is_address(host):
            return True
        names += ["localhost", ".localhost", settings["HOST"]]
    # Of an empty list Werkzeug allows every host.
    return bool(names) and host_is_trusted(host.lower(), list(map(str.lower, names)))


def _is_address(host: str) -> bool:
    """Whether it is an IP address, which no other site can point anywhere."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refuse_cross_site() -> None:
    if request.method not in SAFE_METHODS and not _is_same_origin():
        raise ForeignForm(
            gettext("This request did not come from a page of this site, so it changed nothing.")
        )


def _is_same_origin() -> bool:
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return fetch_site in ("same-origin", "none")
    # Browsers before Fetch Metadata send one of these; a request with neither is no browser's form.
    origin = request.headers.get("Origin")
    if origin is not None:
        return f"{origin}/" == request.host_url
    return request.headers.get("Referer", "").startswith(request.host_url)
