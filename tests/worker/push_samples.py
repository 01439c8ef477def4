"""A message by push, and addresses as providers give them."""

from datetime import timedelta

from schedules.delivery.channels import Message, Wake
from schedules.plan.vocabulary import Language
from tests.clock import MONDAY_AFTERNOON

KEY = "0123456789abcdef0123456789abcdef"
DEADLINE = timedelta(seconds=10)
FCM_ADDRESS = "dG9rZW4tb2YtYS1waG9uZQ:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"
APNS_ADDRESS = "a1" * 32
EXPO_ADDRESS = "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]"
SUBJECT = "A message from your care team"
NOTICE = "Your care team has a message for you. Ref 01234567"


def message_to(address: str, useful_for: timedelta = timedelta(minutes=90)) -> Message:
    """Return a message that says more in its body than a lock screen may show."""
    return Message(
        key=KEY,
        address=address,
        subject=SUBJECT,
        body="Build up your walking after the microdiscectomy.\n",
        language=Language.en,
        written_at=MONDAY_AFTERNOON,
        notice=NOTICE,
        useful_until=MONDAY_AFTERNOON + useful_for,
    )


def wake_of(address: str) -> Wake:
    """Return a wake-up that is of use for a day."""
    return Wake(address, MONDAY_AFTERNOON, MONDAY_AFTERNOON + timedelta(days=1))
