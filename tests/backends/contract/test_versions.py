"""A store shared by processes of this version of the package and of the next."""

import logging
from typing import Any

import pytest
from flask import session

from backends import BUILT_IN, Backend, id_of, interface_of, record
from backends.failure_log import FailureLog
from backends.store import key_of
from tests.backends.contract.stage import MakeApp, Stage, begin_anew, set_cookie
from tests.backends.places import STORES, only_on
from tests.backends.records import fields
from tests.support.services import left_to_it

pytestmark = only_on(STORES)


def test_what_the_next_version_notes_about_a_session_stays_and_is_no_key_of_it(
    stage: Stage,
) -> None:
    stage.put(user="ada", cart=[1])
    stage.visit(lambda: id_of(session))
    store, key = interface_of(stage.app).store, key_of(stage.result)
    store.update(key, {"@next": '"noted"'}, (), 600)
    assert stage.held() == {"user": "ada", "cart": [1]}
    stage.put(later=1)
    stage.visit(lambda: session.pop("cart"))
    assert stage.held() == {"user": "ada", "later": 1}
    assert fields(store, key)["@next"] == '"noted"'


@pytest.fixture
def packed(placed: tuple[Backend, Any]) -> None:
    """The store keeps its records in the format of the package."""
    if placed[0].name not in BUILT_IN:
        left_to_it("its records have a format of its own")


@pytest.mark.usefixtures("packed")
class TestAnotherFormat:
    """A record that a process of the next version has written in a format of its own."""

    @pytest.fixture
    def newer(self, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Stage:
        stage = Stage(make_app(TESTING=False, PROPAGATE_EXCEPTIONS=False))
        with monkeypatch.context() as patch:
            patch.setattr(record, "VERSION", b"4")
            patch.setattr(record, "_failures", FailureLog(record.logger))
            stage.put(user="ada")
            assert stage.held() == {"user": "ada"}
        return stage

    def test_it_is_a_503_that_says_why_and_no_logout(
        self, newer: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(record, "_failures", FailureLog(record.logger))
        answers = [newer.visit(lambda: session.get("user")) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {503}
        assert not any(set_cookie(answer) for answer in answers)
        errors = [each.message for each in caplog.records if each.levelno == logging.ERROR]
        assert errors == [
            "session store unavailable: a record has the format 4, and this version of the "
            "package knows 3. Let all processes run the newer version."
        ]
        monkeypatch.setattr(record, "VERSION", b"4")
        assert newer.held() == {"user": "ada"}

    def test_it_is_ended_by_a_logout_and_by_a_login(self, newer: Stage) -> None:
        old = newer.token
        assert newer.visit(lambda: begin_anew(user="bob")).status_code == 200
        assert newer.held() == {"user": "bob"}
        newer.token = old
        assert newer.held() == {}


@pytest.mark.usefixtures("packed")
def test_a_record_of_an_earlier_format_is_no_session_and_one_line_in_the_log(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(make_app())
    with monkeypatch.context() as patch:
        patch.setattr(record, "VERSION", b"2")
        stage.put(user="ada")
    assert (stage.visit(lambda: session.get("user")).status_code, stage.result) == (200, None)
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].endswith("is damaged: it has the format 2 of an earlier version")
    assert stage.visit(lambda: begin_anew(user="bob")).status_code == 200
    assert stage.held() == {"user": "bob"}
