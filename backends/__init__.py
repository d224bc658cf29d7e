"""Session backends for any Flask application; `init_app(app)` installs one.

from backends import init_app

app.config.update(SESSION_BACKEND="redis", REDIS_URL="redis://localhost:6379/0")
init_app(app)
"""

from backends import signals
from backends.http.refusal import SessionTooLarge
from backends.registry import (
    BACKENDS,
    BUILT_IN,
    Backend,
    backend_of,
    find_backend,
    find_risk,
    init_app,
    interface_of,
    lister_of,
)
from backends.server_side import StoreInterface
from backends.session import Session, id_of
from backends.settings import ConfigurationError
from backends.store import (
    AtRest,
    Clock,
    Fields,
    ListsSessions,
    NamesLocation,
    Record,
    SessionGone,
    ShowsRecords,
    Store,
    StoreUnavailable,
    Sweeps,
    UpdatesLoaded,
)

__all__ = [
    "BACKENDS",
    "BUILT_IN",
    "AtRest",
    "Backend",
    "Clock",
    "ConfigurationError",
    "Fields",
    "ListsSessions",
    "NamesLocation",
    "Record",
    "Session",
    "SessionGone",
    "SessionTooLarge",
    "ShowsRecords",
    "Store",
    "StoreInterface",
    "StoreUnavailable",
    "Sweeps",
    "UpdatesLoaded",
    "backend_of",
    "find_backend",
    "find_risk",
    "id_of",
    "init_app",
    "interface_of",
    "lister_of",
    "signals",
]
