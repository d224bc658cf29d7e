"""Backends that other packages bring, by the entry point group `session_lab.backends`."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from backends.backend import Backend
from backends.configuration import ConfigurationError

GROUP = "session_lab.backends"


def installed_backends(built_in: Mapping[str, Backend]) -> dict[str, Backend]:
    """What installed packages register, by name, in the order of their names.

    Raises `ConfigurationError` with one line for the first that cannot be offered: its name is
    taken, its object is no `Backend` of that name, its module cannot be imported.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in built_in:
            raise _unusable(point, "a built-in one has that name")
        if point.name in found:
            raise _unusable(point, f"{_package(found[point.name])} brings one of that name too")
        found[point.name] = point
    return {name: _backend(found[name]) for name in sorted(found)}


def _backend(point: EntryPoint) -> Backend:
    try:
        backend = point.load()
    except Exception as error:  # the package's own code raises whatever it likes
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _unusable(point, f"loading it failed with {reason}") from error
    if not isinstance(backend, Backend):
        raise _unusable(point, f"it is no backends.Backend, but of type {type(backend).__name__}")
    if backend.name != point.name:
        raise _unusable(point, f"it calls itself {backend.name!r}")
    return backend


def _unusable(point: EntryPoint, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The package {_package(point)} registers {point.value} as the session backend "
        f"{point.name!r}, which cannot be used: {reason}. Repair or uninstall that package."
    )


def _package(point: EntryPoint) -> str:
    assert point.dist is not None  # found by `entry_points`, it has one
    return point.dist.name
