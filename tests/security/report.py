"""The table of requirements: `python -m tests.security.report docs/requirements.md`."""

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from app.readme import format_table
from backends import BUILT_IN, Backend
from tests.support.covers import Limit, Promise

_TABLES = tomllib.loads(Path(__file__).with_name("requirements.toml").read_text("utf-8"))
REQUIREMENTS: dict[str, str] = _TABLES["requirements"]
WITHOUT_TEST: dict[str, str] = _TABLES["without-test"]
"""Why no test covers a requirement."""

COLUMNS = [backend for backend in BUILT_IN.values() if not backend.stock]

HEAD = """\
# The requirements of OWASP and RFC 6265bis, one by one

How Session Lab and its backends meet what OWASP and RFC 6265bis require of session management. This
file is made from the tests: `python -m tests.security.report docs/requirements.md`. Each row names
the tests under `tests/` that prove it. *Limit* means that the backend cannot meet it, and
that a test asserts so; *not applicable*, that the requirement has no object there.

Cookies are judged in the production profile (`APP_PROFILE=production`). Numbers with dots are those
of OWASP ASVS 5.0. `SM` counts those of the OWASP Session Management cheat sheet, `CF` those
of its cheat sheet on cross-site request forgery, `WSTG` the session tests of the Web Security
Testing Guide, `RF` those of RFC 6265bis. The wording is ours; the sources decide.

[SECURITY.md](../SECURITY.md) says how to report a weakness.
"""


TESTS = Path(__file__).parents[1]


class Proof(NamedTuple):
    """One test and what it declares."""

    test: str
    promise: Promise


def find_proofs() -> list[Proof]:
    """Every test below `tests/` that declares what it covers, as pytest would collect it."""
    paths = (path for path in sorted(TESTS.rglob("test_*.py")) if "@covers(" in path.read_text())
    return [proof for path in paths for proof in _find_in(vars(_import(path)))]


def _import(path: Path) -> ModuleType:
    return import_module(".".join(path.relative_to(TESTS.parent).with_suffix("").parts))


def _find_in(names: Mapping[str, object]) -> Iterator[Proof]:
    for name, value in names.items():
        if name.startswith("Test") and isinstance(value, type):
            yield from _find_in(vars(value))
        elif name.startswith("test_") and hasattr(value, "promise"):
            yield Proof(name, value.promise)


def document() -> str:
    """The whole file."""
    return HEAD + "".join(f"\n{section}" for section in (_tabulate_proofs(), _tabulate_reasons()))


def _tabulate_proofs() -> str:
    found = find_proofs()
    names = [backend.title for backend in COLUMNS]
    rows = [_make_row(number, _select_proofs(number, found)) for number in REQUIREMENTS]
    return _join_table(["", "requirement", *names, "proven by"], filter(None, rows))


def _select_proofs(number: str, found: list[Proof]) -> list[Proof]:
    return [proof for proof in found if number in proof.promise.requirements]


def _make_row(number: str, found: list[Proof]) -> list[str] | None:
    if not found:
        return None
    promises = [proof.promise for proof in found]
    notes = _drop_repeats(promise.notes.get(number, "") for promise in promises)
    tests = ", ".join(f"`{name}`" for name in _drop_repeats(proof.test for proof in found))
    verdicts = [_judge(promises, backend) for backend in COLUMNS]
    return [number, "; ".join([REQUIREMENTS[number], *filter(None, notes)]), *verdicts, tests]


def _judge(promises: list[Promise], backend: Backend) -> str:
    """The weakest of what the tests say of this backend."""
    limits = [p.limit for p in promises if p.limit is not None and not p.holds_on(backend)]
    if limits:
        return f"**limit**: {_join_reasons(limits)}"
    if not any(promise.applies_to(backend) for promise in promises):
        missing = [promise.applies for promise in promises if promise.applies is not None]
        return f"not applicable: {_join_reasons(missing)}"
    return "holds"


def _join_reasons(limits: list[Limit]) -> str:
    return "; ".join(_drop_repeats(limit.why for limit in limits))


def _drop_repeats(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _tabulate_reasons() -> str:
    rows = [[number, REQUIREMENTS[number], why] for number, why in WITHOUT_TEST.items()]
    return "Without a test:\n\n" + _join_table(["", "requirement", "why"], rows)


def _join_table(head: list[str], rows: Iterable[list[str]]) -> str:
    return "".join(f"{line}\n" for line in format_table(head, rows))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
