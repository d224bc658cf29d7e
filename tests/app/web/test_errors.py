"""The page of an error, where even that is in want of something."""

import resource

import pytest

from tests.app.conftest import MakeLab
from tests.support.limits import limited


@pytest.mark.parametrize(("address", "status"), [("/nothing", 404), ("/login", 500)])
def test_an_error_without_open_files_has_a_plain_page(
    make_lab: MakeLab, address: str, status: int
) -> None:
    app = make_lab()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client = app.test_client()
    client.get("/healthz")  # the client itself needs files at first
    with limited(resource.RLIMIT_NOFILE, 0):
        response = client.get(address)
    assert response.status_code == status
    assert response.text.count("<h1>") == 1
