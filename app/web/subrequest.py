"""A request that the application sends to itself, inside the process, with chosen cookies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app


@dataclass(frozen=True)
class InnerResponse:
    status: int
    headers: Headers
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def send_inside(
    app: Flask,
    request: Request,
    method: str,
    path: str,
    cookies: Mapping[str, str],
    data: Mapping[str, str] | None = None,
) -> InnerResponse:
    """Send a request as the browser of `request` would: same address, origin and user agent.

    A POST asks for JSON, so that its outcome can be told from a page.
    """
    builder = EnvironBuilder(
        method=method,
        path=path,
        base_url=request.root_url,
        data=data,
        headers=Headers(
            {
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
                "Accept": "application/json" if method == "POST" else "text/html",
                "Origin": request.host_url.rstrip("/"),
                "User-Agent": request.headers.get("User-Agent", ""),
            }
        ),
        environ_overrides={"REMOTE_ADDR": request.remote_addr},
    )
    try:
        body, status, headers = run_wsgi_app(app.wsgi_app, builder.get_environ(), buffered=True)
    finally:
        builder.close()
    return InnerResponse(int(status.split()[0]), headers, b"".join(body).decode())
