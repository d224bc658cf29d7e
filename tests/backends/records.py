"""Records of a store, as the tests of all stores have them."""

from typing import Any

from backends.store import Fields, Store

FIELDS = {"user": '"alice"'}


def key(number: int) -> str:
    return f"{number:064x}"


def fields(store: Store, key: str) -> Fields:
    """The fields of a record that must be there."""
    record: Any = store.load(key)
    return dict(record.fields)
