"""Tokens that nobody was given, and a quick way to send a great many of them."""

import random
from collections.abc import Iterable, Iterator
from string import ascii_letters, digits
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

LETTERS = f"{ascii_letters}{digits}-_"


def made_up_tokens(chance: random.Random, real: str) -> Iterator[str]:
    """Without end: wholly invented ones, and `real` with one letter changed, or without its end."""
    while True:
        yield f"{_letters(chance, 43)}.{_letters(chance, 43)}"
        place = chance.randrange(len(real))
        others = LETTERS.replace(real[place], "")
        # The last letter of base64 has bits that say nothing: another letter may be the same.
        if place != len(real) - 1:
            yield f"{real[:place]}{chance.choice(others)}{real[place + 1 :]}"
        yield real[: chance.randrange(1, len(real))]


def flood(app: Flask, path: str, tokens: Iterable[str]) -> set[str]:
    """Request `path` with each token in its cookie; the status lines that came back."""
    statuses: set[str] = set()
    environ = EnvironBuilder(path=path).get_environ()
    name = app.config["SESSION_COOKIE_NAME"]

    def note(status: str, _headers: Any, _error: Any = None) -> Any:
        statuses.add(status)

    for token in tokens:
        answer: Any = app({**environ, "HTTP_COOKIE": f"{name}={token}"}, note)
        b"".join(answer)
        answer.close()
    return statuses


def _letters(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(LETTERS, k=length))
