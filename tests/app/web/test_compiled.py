"""A template is compiled once a process, and again when it has changed."""

from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from app.web.compiled import CompiledTemplates
from tests.app.conftest import MakeLab


def test_the_applications_of_a_process_share_their_templates(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_lab("cookie"), make_lab("filesystem")
    assert first.test_client().get("/login").status_code == 200
    compiled: list[str] = []
    compile_template = Environment.compile

    def count(environment: Environment, source: Any, name: Any = None, *more: Any) -> Any:
        compiled.append(name)
        return compile_template(environment, source, name, *more)

    monkeypatch.setattr(Environment, "compile", count)
    assert second.test_client().get("/login").status_code == 200
    assert second.test_client().get("/user/zoe").status_code == 200
    assert "login.html" not in compiled
    assert "base.html" not in compiled


def test_a_changed_template_is_compiled_again(tmp_path: Path) -> None:
    templates = CompiledTemplates()
    for text in ("before", "after", "after", "before"):
        (tmp_path / "page.html").write_text(text)
        fresh = Environment(loader=FileSystemLoader(tmp_path), bytecode_cache=templates)  # noqa: S701  # no markup
        assert fresh.get_template("page.html").render() == text
