"""Each of the six questions has a page on which one sentence answers it."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

ANSWERS = [
    ("/lab", "What is in my browser?", "Signed cookie · Flask, signed cookie: a cookie with ever"),
    ("/lab", "What is on the server?", "All the others: the data. The cookie only leads to it."),
    (
        "/lab",
        "after the logout?",
        "Signed cookie · Encrypted cookie · Flask, signed cookie: as much",
    ),
    ("/lab", "or the disk, stops?", "Filesystem · SQLite · Redis: pages that need the session say"),
    ("/choose", "Which session backend should I use?", "SQLite on one server, and Redis on sever"),
    ("/lab/cost", "What does it cost my server?", "more of the processor"),
]


@pytest.mark.parametrize(("path", "question", "answer"), ANSWERS)
def test_one_sentence_answers(reader: FlaskClient, path: str, question: str, answer: str) -> None:
    text = " ".join(unescape(re.sub("<[^>]+>", "", reader.get(path).text)).split())
    assert answer in text[text.index(question) :]


def test_the_laboratory_leads_to_all_of_them(reader: FlaskClient) -> None:
    text = reader.get("/lab").text
    assert 'href="/choose"' in text
    assert 'href="/lab/cost"' in text
