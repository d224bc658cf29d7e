"""A known wrong for each claim, by the claim's id."""

from tests.lab.known_wrongs import cookies, sessions, stores

WRONGS = {**cookies.WRONGS, **sessions.WRONGS, **stores.WRONGS}
