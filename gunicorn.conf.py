"""What `gunicorn 'app:create_app()'` reads when it is started here by hand."""

import sys
from typing import Any

from app.config import read_settings
from backends import ConfigurationError

control_socket_disable = True

# Gunicorn believes these of any client on loopback: ProxyFix reads what a proxy says.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


def on_starting(server: Any) -> None:
    """Refuse several processes on the embedded Redis, as `session-lab run` does."""
    try:
        read_settings({"WEB_CONCURRENCY": server.cfg.workers})
    except ConfigurationError as error:
        sys.exit(f"session-lab: {error}")
