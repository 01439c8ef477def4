"""The message broker by which claims reach senders on other machines: how Celery is set up, at both of its ends.

A queue holds claims, which are ids and numbers, for as long as their lease lasts at the most. The database stays the
only truth: what a broker loses is claimed again when its lease runs out, and what it brings twice passes no gate twice.
"""

from celery import Celery
from kombu.entity import Queue

from config import Settings
from schedules.plan.vocabulary import Channel, Provider

ALONE = "alone"  # for what a worker died with: one at a time, in a process that has nothing else in hand
PARTS = (*(channel.value for channel in Channel), ALONE)
_CHANNEL_OF = {Provider.smtp: Channel.email, Provider.sms: Channel.sms, Provider.webhook: Channel.webhook}
_SECONDS = 2


def make_broker(settings: Settings) -> Celery:
    """Return the Celery application for the broker of `settings`, without its tasks."""
    app = Celery("recovery", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(queue_of(settings, part)) for part in PARTS],
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # A sender that dies leaves its claims to their leases: the broker is not to hand them out again.
        task_acks_late=False,
        task_annotations={task_of(part): {"rate_limit": f"{pace:g}/s"} for part, pace in paces_of(settings).items()},
        worker_pool="prefork",  # the kernel's deadline ends a whole process
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "socket_timeout": _SECONDS,
            "socket_connect_timeout": _SECONDS,
            # The worker that hands out claims does not wait for a broker: it keeps them.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0,
        },
    )
    return app


def queue_of(settings: Settings, part: str) -> str:
    """Return the name of the queue of a channel, or of what goes alone."""
    return f"{settings.broker_queues}.{part}"


def task_of(part: str) -> str:
    """Return the name of the task that delivers what waits in the queue of `part`."""
    return f"deliver.{part}"


def paces_of(settings: Settings) -> dict[str, float]:
    """Return how many messages a second may go on which channel: push is as slow as the slowest of its providers."""
    found: dict[str, float] = {}
    for name, pace in settings.provider_paces:
        part = _CHANNEL_OF.get(Provider(name), Channel.push).value
        found[part] = min(pace, found.get(part, pace))
    return found
