"""One request of this application to itself, inside the process, with cookies of our choice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    app: Flask,
    method: str,
    path: str,
    cookies: Mapping[str, str],
    data: Mapping[str, str] | None = None,
) -> Answer:
    """Send the request as the current one's browser would, from the same address and origin.

    A POST asks for JSON, so that what became of it can be told from a page.
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
    return Answer(int(status.split()[0]), headers, b"".join(body).decode())
