"""Create the tables and the triggers that guard them."""

import sqlalchemy as sa
from alembic import op

from models.triggers import create_triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GUARDED = (
    "audit_entry",
    "audit_seal",
    "audit_subject",
    "check_in",
    "clinical_event",
    "decision",
    "episode",
    "milestone",
    "milestone_progress",
    "patient",
    "reminder",
    "restriction",
    "surgery",
    "task",
    "visit",
)
TABLES_LAST_FIRST = (
    "delivery_attempt",
    "delivery",
    "decision",
    "visit",
    "reminder",
    "milestone_progress",
    "task",
    "restriction",
    "milestone",
    "clinical_event",
    "token",
    "surgery",
    "check_in",
    "episode",
    "enrolment_code",
    "device",
    "audit_subject",
    "audit_seal",
    "sync_clock",
    "staff",
    "patient",
    "audit_entry",
    "practice",
)


def upgrade() -> None:
    op.create_table(
        "practice",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("closed_on", sa.JSON(), nullable=False),
        sa.CheckConstraint("length(country) = 2", name=op.f("ck_practice_country_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice")),
        sa.UniqueConstraint("slug", name=op.f("uq_practice_slug")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "actor_kind",
            sa.Enum(
                "staff",
                "device",
                "worker",
                "command",
                name="actorkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.String(length=64), nullable=True),
        sa.Column(
            "action",
            sa.Enum(
                "read",
                "write",
                "send",
                "denied",
                "import",
                "token",
                name="auditaction",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_audit_entry_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_practice_id_happened_at", "audit_entry", ["practice_id", "happened_at"], unique=False
    )

    op.create_table(
        "patient",
        sa.Column("mrn", sa.String(length=64), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=False),
        sa.Column(
            "language",
            sa.Enum("en", "es", name="language", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column(
            "units",
            sa.Enum("metric", "imperial", name="units", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("opted_out", sa.JSON(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("reminders_paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("died_on", sa.Date(), nullable=True),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("email_lookup", sa.LargeBinary(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("phone_lookup", sa.LargeBinary(), nullable=True),
        sa.Column(
            "work_class",
            sa.Enum(
                "sedentary",
                "light",
                "medium",
                "heavy",
                "very_heavy",
                "not_working",
                name="workclass",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "opioid_use",
            sa.Enum(
                "unknown",
                "none_taken",
                "short_term",
                "daily_long_term",
                name="opioiduse",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("takes_blood_thinner", sa.Boolean(), nullable=True),
        sa.Column("has_diabetes_or_glp1", sa.Boolean(), nullable=True),
        sa.Column("uses_nicotine", sa.Boolean(), nullable=True),
        sa.Column("has_implanted_device", sa.Boolean(), nullable=True),
        sa.Column("low_bone_density", sa.Boolean(), nullable=True),
        sa.Column("wants_contact_sport", sa.Boolean(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_patient_quiet_hours_whole")),
        sa.CheckConstraint("length(country) = 2", name=op.f("ck_patient_country_code")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_patient_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_patient")),
        sa.UniqueConstraint("practice_id", "mrn", name=op.f("uq_patient_practice_id_mrn")),
    )
    op.create_index("ix_patient_practice_id_email_lookup", "patient", ["practice_id", "email_lookup"], unique=False)
    op.create_index(
        "ix_patient_practice_id_family_name_given_name_id",
        "patient",
        ["practice_id", "family_name", "given_name", "id"],
        unique=False,
    )
    op.create_index("ix_patient_practice_id_phone_lookup", "patient", ["practice_id", "phone_lookup"], unique=False)
    op.create_index("ix_patient_practice_id_rev_id", "patient", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "staff",
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "practice_admin",
                "clinician",
                "coordinator",
                name="staffrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("email_lookup", sa.LargeBinary(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_staff_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("practice_id", "email_lookup", name=op.f("uq_staff_practice_id_email_lookup")),
    )
    op.create_table(
        "sync_clock",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_sync_clock_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_sync_clock")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "entry_id"],
            ["audit_entry.practice_id", "audit_entry.id"],
            name=op.f("fk_audit_seal_practice_id_entry_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_audit_seal_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "sequence", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("practice_id", "entry_id", name=op.f("uq_audit_seal_practice_id_entry_id")),
    )
    op.create_table(
        "audit_subject",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "entry_id"],
            ["audit_entry.practice_id", "audit_entry.id"],
            name=op.f("fk_audit_subject_practice_id_entry_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "entry_id", "patient_id", name=op.f("pk_audit_subject")),
    )
    op.create_index(
        "ix_audit_subject_practice_id_patient_id", "audit_subject", ["practice_id", "patient_id"], unique=False
    )

    op.create_table(
        "device",
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_device_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_device_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_device")),
    )
    op.create_table(
        "enrolment_code",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "made_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_enrolment_code_practice_id_made_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_enrolment_code_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_enrolment_code_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_enrolment_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_enrolment_code_code_hash")),
    )
    op.create_table(
        "episode",
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "paused",
                "closed",
                "died",
                "withdrawn",
                "transferred",
                name="episodestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("coordinator_id", sa.String(length=64), nullable=True),
        sa.Column("workers_comp", sa.Boolean(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "coordinator_id"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_episode_practice_id_coordinator_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_episode_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_episode_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_episode")),
        sa.UniqueConstraint("practice_id", "patient_id", "label", name=op.f("uq_episode_practice_id_patient_id_label")),
    )
    op.create_index(
        "ix_episode_practice_id_patient_id_rev_id", "episode", ["practice_id", "patient_id", "rev", "id"], unique=False
    )
    op.create_index("ix_episode_practice_id_rev_id", "episode", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "check_in",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reported_by",
            sa.Enum("patient", "staff", name="reporter", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("pain", sa.Integer(), nullable=False),
        sa.Column("pain_back", sa.Integer(), nullable=True),
        sa.Column("pain_leg", sa.Integer(), nullable=True),
        sa.Column("pain_neck", sa.Integer(), nullable=True),
        sa.Column("pain_arm", sa.Integer(), nullable=True),
        sa.Column("walking_minutes", sa.Integer(), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=True),
        sa.Column("took_opioid", sa.Boolean(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("pain BETWEEN 0 AND 10", name=op.f("ck_check_in_pain_range")),
        sa.CheckConstraint("pain_arm BETWEEN 0 AND 10", name=op.f("ck_check_in_pain_arm_range")),
        sa.CheckConstraint("pain_back BETWEEN 0 AND 10", name=op.f("ck_check_in_pain_back_range")),
        sa.CheckConstraint("pain_leg BETWEEN 0 AND 10", name=op.f("ck_check_in_pain_leg_range")),
        sa.CheckConstraint("pain_neck BETWEEN 0 AND 10", name=op.f("ck_check_in_pain_neck_range")),
        sa.CheckConstraint("steps BETWEEN 0 AND 200000", name=op.f("ck_check_in_steps_range")),
        sa.CheckConstraint("walking_minutes BETWEEN 0 AND 1440", name=op.f("ck_check_in_walking_minutes_range")),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_check_in_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_check_in_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_check_in_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_check_in")),
    )
    op.create_index(
        "ix_check_in_practice_id_patient_id_rev_id",
        "check_in",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index("ix_check_in_practice_id_rev_id", "check_in", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "surgery",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column(
            "procedure",
            sa.Enum(
                "lumbar_microdiscectomy",
                "lumbar_laminectomy",
                "tlif",
                "alif",
                "llif",
                "intracept",
                "kyphoplasty",
                "acdf",
                "posterior_cervical_foraminotomy",
                name="procedure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "approach",
            sa.Enum(
                "percutaneous",
                "endoscopic",
                "tubular",
                "mini_open",
                "microscopic_midline",
                "open",
                "anterior",
                name="approach",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "approach_class",
            sa.Enum("miss", "open", name="approachclass", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("surgery_on", sa.Date(), nullable=True),
        sa.Column("dated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "performed",
                "cancelled",
                name="surgerystatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "setting",
            sa.Enum("inpatient", "outpatient", name="setting", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("surgeon_id", sa.String(length=64), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("indication_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("arrival_at", sa.Time(), nullable=True),
        sa.Column("discharged_on", sa.Date(), nullable=True),
        sa.Column("blood_loss_ml", sa.Integer(), nullable=True),
        sa.Column("brace_ordered", sa.Boolean(), nullable=False),
        sa.Column("protocol_id", sa.String(length=40), nullable=False),
        sa.Column("protocol_version", sa.Integer(), nullable=False),
        sa.Column("protocol_digest", sa.String(length=64), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("blood_loss_ml >= 0", name=op.f("ck_surgery_blood_loss_not_negative")),
        sa.CheckConstraint("discharged_on >= surgery_on", name=op.f("ck_surgery_discharged_after_surgery")),
        sa.CheckConstraint("stage >= 1", name=op.f("ck_surgery_stage_from_1")),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_surgery_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_surgery_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgeon_id"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_surgery_practice_id_surgeon_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_surgery_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_surgery")),
        sa.UniqueConstraint("practice_id", "episode_id", "stage", name=op.f("uq_surgery_practice_id_episode_id_stage")),
    )
    op.create_index(
        "ix_surgery_practice_id_patient_id_rev_id", "surgery", ["practice_id", "patient_id", "rev", "id"], unique=False
    )
    op.create_index("ix_surgery_practice_id_rev_id", "surgery", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "staff",
                "device_access",
                "device_refresh",
                name="tokenkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("staff_id", sa.String(length=64), nullable=True),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(staff_id IS NULL) <> (device_id IS NULL)", name=op.f("ck_token_one_holder")),
        sa.ForeignKeyConstraint(
            ["practice_id", "device_id"],
            ["device.practice_id", "device.id"],
            name=op.f("fk_token_practice_id_device_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_token_practice_id_staff_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_token_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_token_token_hash")),
    )
    op.create_index("ix_token_practice_id_device_id", "token", ["practice_id", "device_id"], unique=False)

    op.create_table(
        "clinical_event",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("surgery_id", sa.String(length=64), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "complication",
                "emergency_visit",
                "readmission",
                "reoperation",
                name="clinicaleventkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_clinical_event_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_clinical_event_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgery_id"],
            ["surgery.practice_id", "surgery.id"],
            name=op.f("fk_clinical_event_practice_id_surgery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_clinical_event_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_clinical_event")),
    )
    op.create_index(
        "ix_clinical_event_practice_id_patient_id_rev_id",
        "clinical_event",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(
        "ix_clinical_event_practice_id_rev_id", "clinical_event", ["practice_id", "rev", "id"], unique=False
    )

    op.create_table(
        "milestone",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("surgery_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column(
            "phase",
            sa.Enum(
                "before_surgery", "after_surgery", name="phase", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("earliest_days", sa.Integer(), nullable=True),
        sa.Column("target_days", sa.Integer(), nullable=True),
        sa.Column("latest_days", sa.Integer(), nullable=True),
        sa.Column("eligible_days", sa.Integer(), nullable=True),
        sa.Column("earliest_on", sa.Date(), nullable=True),
        sa.Column("target_on", sa.Date(), nullable=True),
        sa.Column("latest_on", sa.Date(), nullable=True),
        sa.Column("eligible_on", sa.Date(), nullable=True),
        sa.Column("not_before_days", sa.Integer(), nullable=True),
        sa.Column("not_before_on", sa.Date(), nullable=True),
        sa.Column(
            "binds",
            sa.Enum(
                "target",
                "earliest",
                "lifting",
                "collar",
                "bone_density",
                "surgeon",
                "prescriber",
                "clinician",
                name="binding",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "binding_procedure",
            sa.Enum(
                "lumbar_microdiscectomy",
                "lumbar_laminectomy",
                "tlif",
                "alif",
                "llif",
                "intracept",
                "kyphoplasty",
                "acdf",
                "posterior_cervical_foraminotomy",
                name="procedure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "lifts",
            sa.Enum(
                "lifting",
                "bending_twisting",
                "driving",
                "work",
                "brace",
                "sitting",
                "sport",
                name="restrictionkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "owner",
            sa.Enum("patient", "clinic", name="owner", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "grade",
            sa.Enum("A", "B", "C", "D", "E", name="grade", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("text", sa.JSON(), nullable=True),
        sa.Column(
            "past_policy",
            sa.Enum(
                "skip",
                "not_applicable",
                "catch_up",
                "digest",
                "ask_coordinator",
                name="pastpolicy",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancel_reason",
            sa.Enum(
                "patient_declined",
                "not_applicable",
                "died",
                "surgery_cancelled",
                "transferred",
                "other",
                name="skipreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_milestone_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_milestone_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgery_id"],
            ["surgery.practice_id", "surgery.id"],
            name=op.f("fk_milestone_practice_id_surgery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_milestone_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_milestone")),
        sa.UniqueConstraint(
            "practice_id",
            "episode_id",
            "key",
            "occurrence",
            name=op.f("uq_milestone_practice_id_episode_id_key_occurrence"),
        ),
    )
    op.create_index(
        "ix_milestone_practice_id_patient_id_rev_id",
        "milestone",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index("ix_milestone_practice_id_rev_id", "milestone", ["practice_id", "rev", "id"], unique=False)
    op.create_index("ix_milestone_practice_id_surgery_id", "milestone", ["practice_id", "surgery_id"], unique=False)

    op.create_table(
        "restriction",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("surgery_id", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "lifting",
                "bending_twisting",
                "driving",
                "work",
                "brace",
                "sitting",
                "sport",
                name="restrictionkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("from_days", sa.Integer(), nullable=False),
        sa.Column("through_days", sa.Integer(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("through_on", sa.Date(), nullable=True),
        sa.Column("eligible_days", sa.Integer(), nullable=True),
        sa.Column("eligible_on", sa.Date(), nullable=True),
        sa.Column("lifted_by", sa.String(length=40), nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("limit_lb", sa.Integer(), nullable=True),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column(
            "binding_procedure",
            sa.Enum(
                "lumbar_microdiscectomy",
                "lumbar_laminectomy",
                "tlif",
                "alif",
                "llif",
                "intracept",
                "kyphoplasty",
                "acdf",
                "posterior_cervical_foraminotomy",
                name="procedure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "grade",
            sa.Enum("A", "B", "C", "D", "E", name="grade", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancel_reason",
            sa.Enum(
                "patient_declined",
                "not_applicable",
                "died",
                "surgery_cancelled",
                "transferred",
                "other",
                name="skipreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("limit_lb >= 0", name=op.f("ck_restriction_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_restriction_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_restriction_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgery_id"],
            ["surgery.practice_id", "surgery.id"],
            name=op.f("fk_restriction_practice_id_surgery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_restriction_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_restriction")),
        sa.UniqueConstraint(
            "practice_id",
            "episode_id",
            "kind",
            "occurrence",
            "sequence",
            name=op.f("uq_restriction_practice_id_episode_id_kind_occurrence_sequence"),
        ),
    )
    op.create_index(
        "ix_restriction_practice_id_patient_id_rev_id",
        "restriction",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index("ix_restriction_practice_id_rev_id", "restriction", ["practice_id", "rev", "id"], unique=False)
    op.create_index("ix_restriction_practice_id_surgery_id", "restriction", ["practice_id", "surgery_id"], unique=False)

    op.create_table(
        "task",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("surgery_id", sa.String(length=64), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "confirm_surgery",
                "past_items",
                "fill_slot",
                "arrival_time",
                name="taskkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "open", "done", "withdrawn", name="taskstate", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "done_by"],
            ["staff.practice_id", "staff.id"],
            name=op.f("fk_task_practice_id_done_by"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_task_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_task_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "surgery_id"],
            ["surgery.practice_id", "surgery.id"],
            name=op.f("fk_task_practice_id_surgery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_task_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_task")),
    )
    op.create_index(
        "ix_task_practice_id_patient_id_rev_id", "task", ["practice_id", "patient_id", "rev", "id"], unique=False
    )
    op.create_index("ix_task_practice_id_rev_id", "task", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "milestone_progress",
        sa.Column("achieved_on", sa.Date(), nullable=True),
        sa.Column(
            "skip_reason",
            sa.Enum(
                "patient_declined",
                "not_applicable",
                "died",
                "surgery_cancelled",
                "transferred",
                "other",
                name="skipreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "reported_by",
            sa.Enum("patient", "staff", name="reporter", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "achieved_on IS NULL OR skip_reason IS NULL", name=op.f("ck_milestone_progress_achieved_or_skipped")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "id"],
            ["milestone.practice_id", "milestone.id"],
            name=op.f("fk_milestone_progress_practice_id_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_milestone_progress_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_milestone_progress_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_milestone_progress")),
    )
    op.create_index(
        "ix_milestone_progress_practice_id_patient_id_rev_id",
        "milestone_progress",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index(
        "ix_milestone_progress_practice_id_rev_id", "milestone_progress", ["practice_id", "rev", "id"], unique=False
    )

    op.create_table(
        "reminder",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("milestone_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "preparation",
                "questionnaire",
                "safety",
                "activity",
                "work",
                "visit",
                "wound",
                "medication",
                "clearance",
                "check_in",
                name="remindercategory",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "phase",
            sa.Enum(
                "before_surgery", "after_surgery", name="phase", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("scheduled_on", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("useful_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "sent",
                "suppressed",
                "expired",
                "cancelled",
                "failed",
                name="reminderstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_reminder_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "milestone_id"],
            ["milestone.practice_id", "milestone.id"],
            name=op.f("fk_reminder_practice_id_milestone_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_reminder_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_reminder_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_reminder")),
        sa.UniqueConstraint(
            "practice_id", "milestone_id", "key", "repeat", name=op.f("uq_reminder_practice_id_milestone_id_key_repeat")
        ),
    )
    op.create_index(
        "ix_reminder_practice_id_episode_id_due_at", "reminder", ["practice_id", "episode_id", "due_at"], unique=False
    )
    op.create_index(
        "ix_reminder_practice_id_patient_id_rev_id",
        "reminder",
        ["practice_id", "patient_id", "rev", "id"],
        unique=False,
    )
    op.create_index("ix_reminder_practice_id_rev_id", "reminder", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "visit",
        sa.Column("episode_id", sa.String(length=64), nullable=False),
        sa.Column("milestone_id", sa.String(length=64), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "wound_check",
                "follow_up",
                "imaging",
                "physical_therapy",
                "call",
                name="visitkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "booked",
                "done",
                "no_show",
                "cancelled",
                name="visitstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("booked_for", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "episode_id"],
            ["episode.practice_id", "episode.id"],
            name=op.f("fk_visit_practice_id_episode_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "milestone_id"],
            ["milestone.practice_id", "milestone.id"],
            name=op.f("fk_visit_practice_id_milestone_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "patient_id"],
            ["patient.practice_id", "patient.id"],
            name=op.f("fk_visit_practice_id_patient_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_visit_practice_id"), initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_visit")),
    )
    op.create_index(
        "ix_visit_practice_id_patient_id_rev_id", "visit", ["practice_id", "patient_id", "rev", "id"], unique=False
    )
    op.create_index("ix_visit_practice_id_rev_id", "visit", ["practice_id", "rev", "id"], unique=False)

    op.create_table(
        "decision",
        sa.Column("reminder_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "planned",
                "not_planned",
                "held",
                "passed_over",
                "sending",
                "sent",
                "retrying",
                "suppressed",
                "expired",
                "cancelled",
                "failed",
                "quarantined",
                name="decisionkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column(
            "channel",
            sa.Enum("push", "email", "sms", name="channel", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "reminder_id"],
            ["reminder.practice_id", "reminder.id"],
            name=op.f("fk_decision_practice_id_reminder_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_decision_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_decision")),
    )
    op.create_index(
        "ix_decision_practice_id_reminder_id_id", "decision", ["practice_id", "reminder_id", "id"], unique=False
    )

    op.create_table(
        "delivery",
        sa.Column("patient_id", sa.String(length=64), nullable=False),
        sa.Column("reminder_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "leased",
                "sending",
                "sent",
                "failed",
                "cancelled",
                "expired",
                "suppressed",
                "quarantined",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column(
            "channel",
            sa.Enum("push", "email", "sms", name="channel", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("target", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("useful_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("solo", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("lease_boot", sa.String(length=64), nullable=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("fence >= 0", name=op.f("ck_delivery_fence_from_0")),
        sa.CheckConstraint("step >= 0", name=op.f("ck_delivery_step_from_0")),
        sa.ForeignKeyConstraint(
            ["practice_id", "reminder_id"],
            ["reminder.practice_id", "reminder.id"],
            name=op.f("fk_delivery_practice_id_reminder_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_delivery_practice_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "practice_id",
            "reminder_id",
            "generation",
            "channel",
            "target",
            name=op.f("uq_delivery_practice_id_reminder_id_generation_channel_target"),
        ),
        sa.UniqueConstraint(
            "practice_id",
            "reminder_id",
            "generation",
            "step",
            name=op.f("uq_delivery_practice_id_reminder_id_generation_step"),
        ),
    )
    op.create_index(
        "ix_delivery_claim",
        "delivery",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'leased', 'sending')"),
        postgresql_where=sa.text("state IN ('pending', 'leased', 'sending')"),
    )
    op.create_index(
        "ix_delivery_practice_id_patient_id_state", "delivery", ["practice_id", "patient_id", "state"], unique=False
    )
    op.create_index(
        "ix_delivery_unpublished",
        "delivery",
        ["practice_id", "id"],
        unique=False,
        sqlite_where=sa.text("published = 0 AND state NOT IN ('pending', 'leased', 'sending')"),
        postgresql_where=sa.text("NOT published AND state NOT IN ('pending', 'leased', 'sending')"),
    )

    op.create_table(
        "delivery_attempt",
        sa.Column("practice_id", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("push", "email", "sms", name="channel", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "accepted",
                "refused",
                "unknown",
                "abandoned",
                name="attemptoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("provider_code", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["practice_id", "delivery_id"],
            ["delivery.practice_id", "delivery.id"],
            name=op.f("fk_delivery_attempt_practice_id_delivery_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("practice_id", "delivery_id", "fence", name=op.f("pk_delivery_attempt")),
    )
    op.create_index(
        "ix_delivery_attempt_practice_id_delivery_id",
        "delivery_attempt",
        ["practice_id", "delivery_id"],
        unique=False,
        postgresql_where=sa.text("outcome IS NULL"),
        sqlite_where=sa.text("outcome IS NULL"),
    )
    for table in GUARDED:
        create_triggers(op.get_bind(), table)


def downgrade() -> None:
    for table in TABLES_LAST_FIRST:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in ("refuse_unstamped", "refuse_change"):
            op.execute(f"DROP FUNCTION {function}()")
