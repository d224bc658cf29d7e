"""The document's `/request-info`: what the server can see of a request."""

from typing import Any

from flask import Blueprint, request

bp = Blueprint("request_info", __name__)


@bp.get("/request-info")
def request_info() -> dict[str, Any]:
    """Method, URL, user agent, address, and each cookie's name and bytes; never its value."""
    return {
        "method": request.method,
        "url": request.url,
        "user_agent": request.headers.get("User-Agent"),
        "remote_addr": request.remote_addr,
        "cookies": [
            {"name": name, "bytes": len(name) + len(value)}
            for name, value in request.cookies.items(multi=True)
        ],
    }
