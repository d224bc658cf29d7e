"""Which requirements a test proves; docs/requirements.md is generated from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from backends import Backend

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Limit:
    """What a backend must declare for a promise to hold, and what is true where it does not."""

    is_free: Callable[[Backend], bool]
    why: str


REVOCABLE = Limit(
    lambda backend: backend.revocable,
    "nobody can end a token that only the browser holds: a copy lives until its own limits",
)
ON_SERVER = Limit(
    lambda backend: backend.state == "server",
    "an older copy of the cookie is as good as the newer one, with the older data",
)
HIDDEN = Limit(
    lambda backend: not backend.readable,
    "the cookie is signed, not encrypted: anyone who has it can read it",
)
HAS_STORE = Limit(lambda backend: backend.check is not None, "there is no store")


@dataclass(frozen=True)
class Promise:
    """The requirements that a test covers, and where it asserts a limit instead."""

    requirements: tuple[str, ...]
    limit: Limit | None = None
    applies: Limit | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    """Remarks beside the verdict, by requirement."""

    def applies_to(self, backend: Backend) -> bool:
        return self.applies is None or self.applies.is_free(backend)

    def holds_on(self, backend: Backend) -> bool:
        return self.limit is None or self.limit.is_free(backend)


def covers(
    *requirements: str,
    limit: Limit | None = None,
    applies: Limit | None = None,
    notes: Mapping[str, str] | None = None,
) -> Callable[[Test], Test]:
    """Declare the requirements that a test proves, by their numbers in docs/requirements.md.

    `limit`: what only some backends can do; on the others a test asserts that they cannot.
    `applies`: what a backend must have for the requirement to apply.
    `notes`: remarks beside the verdict, by requirement.
    """

    def mark(test: Test) -> Test:
        marked: Any = test  # a function takes any attribute
        marked.promise = Promise(requirements, limit, applies, notes or {})
        return test

    return mark
