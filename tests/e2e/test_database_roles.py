"""Web and worker look at their role on PostgreSQL: one that row security does not bind is for trying things out."""

import pytest

from schedules.worker import main
from service.app import create_app
from service.db import UnboundRoleError, db
from tests.database import settings_for

HTTPS = "https://clinic.example.org"


@pytest.mark.postgresql_only
def test_where_patients_reach_it_neither_web_nor_worker_starts_as_a_role_that_is_not_bound(
    owner_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(owner_url, public_url=HTTPS)

    with pytest.raises(UnboundRoleError, match="which may bypass row security: give the service the role"):
        create_app(settings)
    ended = main(settings)

    lines = [line.getMessage() for line in caplog.records if line.name.startswith("schedules")]
    assert ended == 1
    assert [line.partition(" as ")[0] for line in lines] == ["DATABASE_URL signs in"]


@pytest.mark.postgresql_only
def test_the_role_of_the_service_starts_and_another_is_told_of_where_nobody_is_reached(
    owner_url: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for settings in (settings_for(database_url, public_url=HTTPS), settings_for(owner_url)):
        app = create_app(settings)
        with app.app_context():
            db.engine.dispose()

    told = [line for line in caplog.records if line.name == "service" and line.levelname == "WARNING"]
    assert len(told) == 1
    assert "role_not_bound" in told[0].getMessage()
