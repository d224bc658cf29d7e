"""Whose a session is: any value that it can hold, and what is kept of the visitor."""

from typing import Any

from backends import lister_of
from tests.backends.contract.stage import MakeApp, Stage
from tests.backends.places import CLASSES, only_on
from tests.support.cases import case

pytestmark = only_on(CLASSES)


def test_any_value_may_own_a_session(make_app: MakeApp) -> None:
    stage = Stage(make_app(SESSION_OWNER="user_id", SESSION_MAX_PER_OWNER=2))
    owners: tuple[Any, ...] = (42, 0, 4.5, True, ["a", 1], "ä€")
    for owner in owners:
        with case(owner):
            stage.put(user_id=owner)
            assert stage.held() == {"user_id": owner}
            if interface := lister_of(stage.app):
                [owned] = interface.sessions_of(owner)
                as_text = interface.sessions_of(str(owner))
                assert as_text == ([owned] if isinstance(owner, str) else [])
                assert interface.revoke(owner, [owned.handle]) == 1
                assert stage.held() == {}


def test_visitors_do_not_own_each_others_sessions(make_app: MakeApp) -> None:
    stage = Stage(make_app(SESSION_OWNER="user", SESSION_MAX_PER_OWNER=1))
    for nobody in (None, False, ""):
        with case(nobody):
            stage.put(user=nobody)
            visitor = stage.client
            stage.open_another_browser()
            stage.put(user=nobody)
            stage.client = visitor
            assert stage.held() == {"user": nobody}
            if interface := lister_of(stage.app):
                assert interface.sessions_of(nobody) == []


def test_a_visitor_is_kept_unless_the_setting_says_no(make_app: MakeApp) -> None:
    stage = Stage(make_app(SESSION_OWNER="user", SESSION_KEEP_VISITOR=False))
    stage.put(user="ada")
    if interface := lister_of(stage.app):
        [owned] = interface.sessions_of("ada")
        assert (owned.agent, owned.address) == ("", "")
    assert stage.held() == {"user": "ada"}


def test_an_owner_s_namesake_in_another_application_is_somebody_else(make_app: MakeApp) -> None:
    """Both applications have their sessions in one store."""
    settings = {"SESSION_OWNER": "user_id", "SESSION_MAX_PER_OWNER": 1}
    shop = Stage(make_app(**settings, SESSION_APP_NAME="shop"))
    desk = Stage(make_app(**settings, SESSION_APP_NAME="desk"))
    for stage in (shop, desk):
        stage.put(user_id=1)
    for stage in (shop, desk):
        assert stage.held() == {"user_id": 1}
        if interface := lister_of(stage.app):
            assert len(interface.sessions_of(1)) == 1
