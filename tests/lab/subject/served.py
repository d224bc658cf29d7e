"""Applications of tests, served by this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask

from app.lab.browser.client import Browser, MakeBrowser
from app.lab.subject.external import ExternalApp
from app.lab.subject.external_site import ExternalSite
from app.lab.subject.server import ApplicationServer
from app.lab.subject.site import Paths
from backends import ConfigurationError
from tests.lab.subject.logins import CODE, RIGHT


@dataclass(frozen=True)
class ServedApp(ExternalApp):
    """An application that this process serves: it is started once."""

    code: str = ""
    """That of a file in the current folder, unless given."""
    log: Path = Path(os.devnull)
    """The file in which a handler writes what it logs."""
    servers: ClassVar[dict[str, ApplicationServer]] = {}

    @contextmanager
    def start(self, make_browser: MakeBrowser = Browser) -> Iterator[ExternalSite]:
        code = self.code or Path(f"{self.target}.py").read_text()

        def launch() -> None:
            server = self.servers.pop(code)
            server.stop()
            self.servers[code] = ApplicationServer(load_app(code), server.port)

        if code not in self.servers:
            self.servers[code] = ApplicationServer(load_app(code))
        url = self.servers[code].url
        yield ExternalSite(url, self.cookie_name, self.paths, make_browser, launch, self.log)

    @classmethod
    def stop_all(cls) -> None:
        while cls.servers:
            cls.servers.popitem()[1].stop()


def served(name: str, **paths: Any) -> ServedApp:
    """The application of that name in logins.py, with its account unless others are given."""
    return ServedApp(name, Paths(**{"fields": RIGHT, **paths}), code=CODE[name])


def read_refusal(app: ExternalApp) -> str:
    """Why the laboratory does not try the application."""
    with pytest.raises(ConfigurationError) as refused:
        app.check()
    return str(refused.value)


def load_app(code: str) -> Flask:
    """The application that this code makes, by its function if it has one."""
    module: dict[str, Any] = {"__name__": "served"}
    exec(code, module)  # noqa: S102 - the code is that of the tests
    found = module["create_app"]() if "create_app" in module else module["app"]
    assert isinstance(found, Flask)
    return found
