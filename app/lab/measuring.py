"""Helpers of experiments and runs: figures, data, files, parallel calls, reading a token."""

import binascii
import re
import secrets
import shutil
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import msgspec

MAX_INFLATED_BYTES = 1 << 20
"""Limit for one part of a token: a few bytes can inflate to gigabytes."""

MAX_BASE64_LAYERS = 3
"""How often Base64 inside Base64 is decoded; more layers hide nothing better."""

NOT_BASE64 = re.compile(r"[^A-Za-z0-9_-]+")
"""The separators between the parts of a token."""

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


def group_by(found: Iterable[T], key: Callable[[T], Key]) -> dict[Key, list[T]]:
    """What was found by a key; unlike with itertools.groupby, wherever it stands."""
    groups: dict[Key, list[T]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups


def in_or_out(is_in: bool) -> str:
    """Whether a visitor is logged in, in one word for a figure."""
    return "in" if is_in else "out"


def some(number: float, what: str) -> str:
    """A number with its noun: `1 token`, `5 tokens`."""
    return f"{number:,.12g} {what}{'' if number == 1 else 's'}"


def make_random_text(characters: int) -> str:
    """Random text, which cannot be compressed below six bits a character."""
    return secrets.token_urlsafe(characters)[:characters]


def read_last_line(log: Path) -> str:
    """The last line of a file that is not blank; empty without line or file."""
    if not log.exists():
        return ""
    lines = map(str.strip, log.read_text(errors="replace").split("\n"))
    return next(filter(None, reversed(list(lines))), "")


class DataText(msgspec.Struct, forbid_unknown_fields=True):
    """What stands in a TOML file of app/lab/data, without a word that has no place in it."""


def read_data(name: str, kind: type[T]) -> T:
    """The texts in this file of app/lab/data."""
    text = (Path(__file__).parent / "data" / name).read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=kind)


def write_whole(path: Path, text: str) -> None:
    """Write a file beside it, which then takes its place: a full disk leaves it as it was.

    A link is replaced and not followed.
    """
    new = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        with new.open("x", encoding="utf-8") as file:
            file.write(text)
        if path.is_file() and not path.is_symlink():
            shutil.copymode(path, new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def call_in_parallel(*calls: Callable[[], T]) -> list[T]:
    """Start all calls at one moment, each in its own thread; their results in order."""
    barrier = Barrier(len(calls))

    def call_at_barrier(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call_at_barrier, calls))


def read_token(token: str) -> str:
    """All text in a token that needs no key: the token, then each decoded layer."""
    readable, layer = [token], [token]
    for _ in range(MAX_BASE64_LAYERS):
        layer = [
            decode_part(part).decode("latin-1") for text in layer for part in NOT_BASE64.split(text)
        ]
        readable += layer
    return "\n".join(readable)


def decode_part(part: str) -> bytes:
    """One part of a token without Base64 and compression; empty if it is not Base64."""
    try:
        decoded = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return b""
    try:
        return zlib.decompressobj().decompress(decoded, MAX_INFLATED_BYTES)
    except zlib.error:
        return decoded
