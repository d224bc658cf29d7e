"""All claims, one a file: those of the document by line, then those of the field."""

from importlib import import_module
from pkgutil import iter_modules

from app.lab.claim import Claim


def _load() -> dict[str, Claim]:
    claims = [import_module(f"{__name__}.{found.name}").CLAIM for found in iter_modules(__path__)]
    return {claim.id: claim for claim in sorted(claims, key=_order)}


def _order(claim: Claim) -> tuple[bool, int, str]:
    first = min((statement.line for statement in claim.statements), default=0)
    return not claim.is_of_document, first if claim.is_of_document else 0, claim.id


CLAIMS = _load()
"""By their ids."""
