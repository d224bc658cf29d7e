"""The name of a browser in its User-Agent."""

from functools import lru_cache

MAX_BROWSER_CHARACTERS = 40


@lru_cache(maxsize=256)
def describe_browser(agent: str) -> str:
    """A User-Agent in words: `Firefox 128 on Linux`. It is the browser's own claim."""
    agent = "".join(filter(str.isprintable, agent))
    words = _parse(agent) or agent
    if len(words) > MAX_BROWSER_CHARACTERS:
        return f"{words[:MAX_BROWSER_CHARACTERS]}…"
    return words or "Unknown"


def _parse(agent: str) -> str | None:
    try:
        from ua_parser import parse  # here: it costs every other command and page 0.2 s
    except ImportError:
        return None  # where the backends are used without Session Lab's pages
    browser, system = (found := parse(agent)).user_agent, found.os
    if browser is None:
        return None
    words = " ".join(filter(None, (browser.family, browser.major)))
    return f"{words} on {system.family}" if system else words
