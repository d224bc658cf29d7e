"""All claims, one a file: by topic, those of the document by line, the others the worst first."""

from importlib import import_module
from pkgutil import iter_modules

from app.lab.claim import Claim, Stakes, Topic


def _load() -> dict[str, Claim]:
    claims = [import_module(f"{__name__}.{found.name}").CLAIM for found in iter_modules(__path__)]
    return {claim.id: claim for claim in sorted(claims, key=_order)}


def _order(claim: Claim) -> tuple[int, int, str]:
    topic = list(Topic).index(claim.topic)
    if claim.stakes is None:
        return topic, min(statement.line for statement in claim.statements), claim.id
    return topic, list(Stakes).index(claim.stakes), claim.id


CLAIMS = _load()
"""By their ids."""
