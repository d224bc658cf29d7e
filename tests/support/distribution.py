"""How pytest-xdist deals the tests out to its processes: a plugin, named in pyproject.toml."""

import gc
import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

IN_CHROMIUM = "tests/system/pages/"
"""Their files share a Chromium and a server, which are most of what each costs."""

LONGEST_FIRST = ("tests/lab/runs/", IN_CHROMIUM, "tests/system/", "tests/lab/", "")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end, no process waits long for another."""
    items.sort(key=lambda item: [not item.nodeid.startswith(part) for part in LONGEST_FIRST])


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what stays: it would look through thousands of tests."""
    gc.collect()
    gc.freeze()


class FilesTogether(LoadFileScheduling):
    """Deals out a file at a time, but the tests in Chromium all to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return IN_CHROMIUM if nodeid.startswith(IN_CHROMIUM) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    return FilesTogether(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: a quarter of the time a test waits for a server."""
    return (os.cpu_count() or 1) + 1
