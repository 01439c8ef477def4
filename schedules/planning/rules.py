"""What a practice sets for all its plans, from its row. Holds no rule."""

from models.practice import Practice
from schedules.plan.check_ins import read_history
from schedules.plan.items import ClinicRules
from schedules.plan.work_table import read_work_table


def clinic_rules(practice: Practice) -> ClinicRules:
    """Return the practice's settings for its plans. Raises ProtocolError for a stored work table that cannot be."""
    work = None if practice.work_table is None else read_work_table(practice.work_table)
    return ClinicRules(
        work=work,
        workers_comp_percent=practice.workers_comp_percent,
        check_ins=read_history(practice.check_in_rhythms),
    )
