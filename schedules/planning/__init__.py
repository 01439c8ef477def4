"""How a plan becomes rows, in one transaction with what it cancels. Decides nothing clinical: `schedules.plan` does."""

from schedules.planning.dry_run import SurgeryChange, diff_episode
from schedules.planning.episode import plan_episode
from schedules.planning.tasks import ask_whether_it_happened
from schedules.planning.withdrawal import Answer, answers_now, withdraw

__all__ = [
    "Answer",
    "SurgeryChange",
    "answers_now",
    "ask_whether_it_happened",
    "diff_episode",
    "plan_episode",
    "withdraw",
]
