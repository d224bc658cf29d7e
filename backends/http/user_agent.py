"""The name of a browser in its User-Agent."""

from functools import lru_cache

MAX_BROWSER_CHARACTERS = 40


def describe_browser(agent: str) -> str:
    """A User-Agent in words: `Firefox 128 on Linux`. It is the browser's own claim."""
    browser, system = read_agent(agent)
    return cut_name(f"{browser} on {system}" if system else browser) or "Unknown"


def cut_name(name: str) -> str:
    """The name of a browser, no longer than a table can show."""
    is_long = len(name) > MAX_BROWSER_CHARACTERS
    return f"{name[:MAX_BROWSER_CHARACTERS]}…" if is_long else name


@lru_cache(maxsize=256)
def read_agent(agent: str) -> tuple[str, str]:
    """The browser and its system, empty if unknown; or all of the User-Agent, and nothing."""
    agent = "".join(filter(str.isprintable, agent))
    try:
        from ua_parser import parse  # here: it costs every other command and page 0.2 s
    except ImportError:
        return agent, ""  # where the backends are used without Session Lab's pages
    browser, system = (found := parse(agent)).user_agent, found.os
    if browser is None:
        return agent, ""
    name = " ".join(filter(None, (browser.family, browser.major)))
    return name, system.family if system else ""
