"""A browser's name in its User-Agent."""

import sys

import pytest

from backends.http.user_agent import describe_browser, read_agent

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
LINUX = "Mozilla/5.0 (X11; Linux x86_64"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (f"{LINUX}; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 on Linux"),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36", "Chrome 126 on Windows"),
        (f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 Edg/125.0", "Edge 125 on Windows"),
        (f"{WINDOWS} Chrome/126.0 Safari/537.36 OPR/111.0.0.0", "Opera 111 on Windows"),
        (f"{ANDROID} Chrome/126.0 Mobile Safari/537.36", "Chrome 126 on Android"),
        (f"{ANDROID} SamsungBrowser/25.0 Chrome/121.0 Mobile", "Samsung Internet 25 on Android"),
        (f"{MAC} Version/17.4 Safari/605.1.15", "Safari 17 on Mac OS X"),
        (PHONE, "Mobile Safari 17 on iOS"),
        ("curl/8.5.0", "curl 8"),
        ("x" * 60, "x" * 40 + "…"),
        ("", "Unknown"),
        ("a\x1b[31m\u202eb", "a[31mb"),
    ],
)
def test_a_user_agent_is_named_in_words(agent: str, said: str) -> None:
    assert describe_browser(agent) == said


def test_without_the_parser_it_is_the_user_agent_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ua_parser", None)
    read_agent.cache_clear()
    assert describe_browser("curl/8.5.0") == "curl/8.5.0"
    read_agent.cache_clear()
