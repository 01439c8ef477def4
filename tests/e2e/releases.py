"""The release after this one: the same tree with one more migration, which widens what there is and takes nothing away.

What runs from this tree is then the release before. That is the one of which is promised that it goes on working: an
older one, taken from the history, would bring a check of its own that refuses.
"""

import shutil
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.e2e.clinic_at import ROOT

LINKED = ("service", "schedules", "tests", "wsgi.py", "gunicorn.conf.py", "pyproject.toml")
NEXT = "9999"
_MIGRATION = '''
"""A table of a practice, columns with and without a default on tables that everybody writes, and an index."""

import sqlalchemy as sa
from alembic import op

from models.row_security import secure_tables

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("check_in", "delivery"):
        op.add_column(table, sa.Column("said_later", sa.String(64), nullable=True))
        op.add_column(table, sa.Column("counted_later", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_delivery_counted_later", "delivery", ["practice_id", "counted_later"])
    op.create_table(
        "later_note",
        sa.Column("practice_id", sa.String(64), sa.ForeignKey("practice.id"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
    )
    secure_tables(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError
'''


def head() -> str:
    """Return this release's newest revision."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "models" / "migrations"))
    revision = ScriptDirectory.from_config(config).get_current_head()
    assert revision is not None
    return revision


def next_release(folder: Path, *, serves_this: bool = True) -> Path:
    """Make the next release in a new folder, and return it."""
    folder.mkdir()
    for name in (*LINKED, *(each.name for each in ROOT.glob("config*.py"))):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "models", folder / "models", ignore=shutil.ignore_patterns("__pycache__"))
    revision = f"{NEXT}_serves_{head()[:4]}" if serves_this else NEXT
    migration = _MIGRATION.format(revision=revision, before=head())
    (folder / "models" / "migrations" / "versions" / f"{NEXT}_next.py").write_text(migration.lstrip(), "utf-8")
    return folder
