"""What tests put in the place of functions and files, so that they fail."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def raising(error: type[BaseException], *said: Any) -> Callable[..., Any]:
    """A function of any arguments that raises a new error of this kind."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error(*said)

    return fail


def become_link(path: Path) -> None:
    """The file lies outside the folder of the sessions, and a link leads to it."""
    target = path.parents[2] / "target"
    path.rename(target)
    path.symlink_to(target)


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def give_away(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away: run as root")
    os.chown(path, 65534, 65534)
