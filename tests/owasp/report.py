"""SECURITY.md, made from what the tests declare: `python -m tests.owasp.report SECURITY.md`."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from backends import BUILT_IN, Backend
from tests.owasp.promises import Limit, Promise
from tests.owasp.requirements import DEMANDS, WITHOUT_TEST

COLUMNS = [backend for backend in BUILT_IN.values() if not backend.stock]

HEAD = """\
# Security of the sessions

What Session Lab and the backends keep of what OWASP and RFC 6265bis ask of session management. This
file is made from the tests in `tests/owasp/` by `python -m tests.owasp.report SECURITY.md`; a row
names the tests that prove it on every backend. *Limit* means that the backend cannot keep the
demand, and that the test asserts so; *no matter*, that the demand has no object there.

Cookies are judged in the production profile (`APP_PROFILE=production`). Numbers with dots are those
of OWASP ASVS 5.0. `SM` counts the demands of the OWASP Session Management cheat sheet, `CF` those
of its cheat sheet on cross-site request forgery, `WSTG` the session tests of the Web Security
Testing Guide, `RF` the demands of RFC 6265bis. The words are ours; the sources' own decide.

Report a weakness to the maintainers in private, with the steps that show it.
"""


class Proof(NamedTuple):
    """One test and what it declares."""

    test: str
    promise: Promise


def proofs() -> list[Proof]:
    """Every test of this folder that declares what it covers."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    found = [vars(import_module(f"tests.owasp.{module}")) for module in modules]
    return [
        Proof(name, value.promise)
        for names in found
        for name, value in names.items()
        if name.startswith("test_") and hasattr(value, "promise")
    ]


def document() -> str:
    """The whole file."""
    return HEAD + "".join(f"\n{section}" for section in (_covered(), _open()))


def _covered() -> str:
    found = proofs()
    names = [backend.title for backend in COLUMNS]
    rows = [_row(number, demand, _proofs_of(number, found)) for number, demand in DEMANDS.items()]
    return _table(["", "demand", *names, "proven by"], [row for row in rows if row is not None])


def _proofs_of(number: str, found: list[Proof]) -> list[Proof]:
    return [proof for proof in found if number in proof.promise.requirements]


def _row(number: str, demand: str, found: list[Proof]) -> list[str] | None:
    if not found:
        return None
    promises = [proof.promise for proof in found]
    notes = _unique(promise.notes.get(number, "") for promise in promises)
    tests = ", ".join(f"`{name}`" for name in _unique(proof.test for proof in found))
    verdicts = [_verdict(promises, backend) for backend in COLUMNS]
    return [number, "; ".join(filter(None, [demand, *notes])), *verdicts, tests]


def _verdict(promises: list[Promise], backend: Backend) -> str:
    """The weakest of what the tests say of this backend."""
    limits = [p.limit for p in promises if p.limit is not None and not p.holds_on(backend)]
    if limits:
        return f"**limit**: {_why(limits)}"
    if not any(promise.applies_to(backend) for promise in promises):
        return f"no matter: {_why([p.applies for p in promises if p.applies is not None])}"
    return "holds"


def _why(limits: list[Limit]) -> str:
    return "; ".join(_unique(limit.why for limit in limits))


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _open() -> str:
    rows = [[number, DEMANDS[number], why] for number, why in WITHOUT_TEST.items()]
    return "Without a test:\n\n" + _table(["", "demand", "why"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main(path: Path) -> None:
    """Write the file anew."""
    path.write_text(document())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
