"""Indexes by which the rows of one episode or patient are found, where none led there."""

from alembic import op

revision = "0040_serves_0036"
down_revision = "0039_serves_0036"
branch_labels = None
depends_on = None

LED_BY = {
    "clearance": "episode_id",
    "clinical_event": "episode_id",
    "letter_release": "episode_id",
    "visit": "episode_id",
    "wound_photo": "episode_id",
    "device": "patient_id",
    "enrolment_code": "patient_id",
    "letter": "patient_id",
}


def upgrade() -> None:
    for table, column in LED_BY.items():
        op.create_index(op.f(f"ix_{table}_practice_id_{column}"), table, ["practice_id", column])


def downgrade() -> None:
    for table, column in reversed(LED_BY.items()):
        op.drop_index(op.f(f"ix_{table}_practice_id_{column}"), table)
