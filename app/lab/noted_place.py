"""A place that tells the evidence what an experiment does to it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from app.lab.places import Change, Place


class NotedPlace:
    """The place it is given; what changes or breaks it is told to `note`, in words."""

    def __init__(self, place: Place, note: Callable[[str], None]) -> None:
        self._place = place
        self._note = note

    @property
    def kind(self) -> str:
        return self._place.kind

    @property
    def embedded(self) -> bool:
        return self._place.embedded

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._place.settings

    def operations(self) -> Counter[str]:
        return self._place.operations()

    def records(self) -> dict[str, bytes]:
        return self._place.records()

    def plant(self, name: str, data: bytes) -> None:
        self._place.plant(name, data)
        self._note("Other bytes are put in the place of a record.")

    def damage(self, name: str, change: Change) -> None:
        self._place.damage(name, change)
        self._note("The bytes of a record are changed.")

    def age(self, seconds: float) -> None:
        self._place.age(seconds)

    def down(self) -> AbstractContextManager[None]:
        return self._noted(self._place.down(), "The store is taken away.", "The store is back.")

    def hung(self) -> AbstractContextManager[None]:
        return self._noted(
            self._place.hung(),
            "From now on the store takes requests and answers none.",
            "The store answers again.",
        )

    def full(self) -> AbstractContextManager[None]:
        return self._noted(
            self._place.full(),
            "From now on nothing can be written: the disk is full.",
            "There is room on the disk again.",
        )

    def renewed(self) -> Place:
        return self._place.renewed()

    def separate(self) -> Mapping[str, Any]:
        return self._place.separate()

    def close(self) -> None:
        self._place.close()

    @contextmanager
    def _noted(
        self, outage: AbstractContextManager[None], begins: str, ends: str
    ) -> Iterator[None]:
        with outage:
            self._note(begins)
            yield
        self._note(ends)
