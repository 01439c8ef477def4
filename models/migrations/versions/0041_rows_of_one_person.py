"""Indexes by which a person's rows are found: those of a patient, and whom a coordinator or a surgeon has."""

from alembic import op

revision = "0041_serves_0036"
down_revision = "0040_serves_0036"
branch_labels = None
depends_on = None

LED_BY = {
    "alert_entry": "patient_id",
    "former_version": "patient_id",
    "letter_release": "patient_id",
    "refused_row": "patient_id",
    "episode": "coordinator_id",
    "surgery": "surgeon_id",
}


def upgrade() -> None:
    for table, column in LED_BY.items():
        op.create_index(op.f(f"ix_{table}_practice_id_{column}"), table, ["practice_id", column])


def downgrade() -> None:
    for table, column in reversed(LED_BY.items()):
        op.drop_index(op.f(f"ix_{table}_practice_id_{column}"), table)
