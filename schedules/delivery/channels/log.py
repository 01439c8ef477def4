"""The log in the place of every provider, for trying out: ids only, and every message counts as accepted."""

import logging
from datetime import timedelta

from models.reminder import AttemptOutcome
from schedules.delivery.channels import Message, Result
from schedules.plan.vocabulary import Provider

CODE = "logged"
logger = logging.getLogger(__name__)


class LogSender:
    """Stands in for one provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def send(self, message: Message, deadline: timedelta) -> Result:
        """Log which message would go, and accept it. The name that receipts would give it is its own key."""
        logger.info("logged instead of sent to %s: %s", self._provider, message.key)
        return Result(AttemptOutcome.accepted, CODE, message_id=message.key)
