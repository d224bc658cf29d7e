"""A request that the application sends to itself, inside the process, with chosen cookies."""

from collections.abc import Mapping
from typing import Any

from flask import current_app, request
from werkzeug.http import dump_cookie
from werkzeug.test import Client, TestResponse


def send_inside(
    method: str,
    path: str,
    cookies: Mapping[str, str],
    data: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    """Send a request as the browser of this one would: same address, origin and user agent.

    A POST asks for JSON, because a page would not name its outcome.
    """
    with current_app.app_context():  # else Flask gives it the `g` of `request`, with its language
        return Client(current_app.wsgi_app, use_cookies=False).open(
            path,
            request.root_url,
            method=method,
            data=data,
            json=json,
            headers={
                "Cookie": "; ".join(_pair(name, value) for name, value in cookies.items()),
                "Accept": "application/json" if method == "POST" else "text/html",
                "Origin": request.host_url.rstrip("/"),
                "User-Agent": request.headers.get("User-Agent", ""),
                **(headers or {}),
            },
            environ_overrides={"REMOTE_ADDR": request.remote_addr},
            buffered=True,
        )


def _pair(name: str, value: str) -> str:
    """Quoted, because a quoted value may have held a line break, which no header may."""
    return dump_cookie(name, value, path=None, max_size=0)
