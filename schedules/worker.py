"""The worker: `python -m schedules.worker`. Makes what is due happen on time, and never sends by itself.

One process of its own: APScheduler ticks here, the parent claims and hands out, its sender children send. Any number of
workers may run, and any of them may die: what is due stands in the database, not in a job store.
"""

import logging
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType

from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_SUBMITTED
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from config import ConfigError, Settings
from models import journal, private
from models.engine import begin_reads, make_engine, make_session_factory
from models.ids import new_id
from schedules import jobs
from schedules.children import Child
from schedules.clock import Clock, SystemClock
from schedules.delivery.broker import make_broker
from schedules.delivery.crew import Crew, Hands
from schedules.delivery.deliver import DEFAULT_STEPS, Steps
from schedules.delivery.leases import Lease
from schedules.delivery.push_senders import make_push_senders
from schedules.delivery.remote_crew import RemoteCrew
from schedules.pages.keeper import PageKeeper
from schedules.plan.library import load_library
from schedules.watch.judgement import Rhythm

TEND_SECONDS = 0.5
SEAL_SECONDS = 5
SEAL_MISSED_SECONDS = 3600
ANCHOR_SECONDS = 60  # looks whether it is time to, and tries again what failed
ASK_SECONDS = 900
CARD_SECONDS = 900
CLEAR_SECONDS = 10
REMOVE_SECONDS = 3600
TALLY_SECONDS = 30
REPLAN_SECONDS = 10
MINUTE_SECONDS = 60
RETENTION_HOUR = 2  # UTC: before the audit, which counts what is left
SELF_AUDIT_HOUR = 3  # UTC: night in America and Europe, and before a European clinic's first messages
logger = logging.getLogger("schedules.worker")  # also when it runs as the main module


class _Worker:
    """One running worker: its clock, its database and its crew."""

    def __init__(self, settings: Settings, clock: Clock, steps: Steps, engine: Engine) -> None:
        self.is_stopping = False
        self._is_more_due = False  # than the last tick had time for
        self._top_up = _guarded("top_up", self._hand_out_more)
        self._rules_round = jobs.Round()
        self._zone_round = jobs.ZoneRound()
        self._alert_round = jobs.AlertRound()
        self._settings = settings
        self._clock = clock
        self._steps = steps
        self._built = frozenset(steps.senders(settings))
        self._make_session: sessionmaker[Session] = make_session_factory(engine)
        lease = Lease(new_id(clock.now()), timedelta(seconds=settings.lease_seconds), clock)
        # A connection that two processes share breaks both, and on SQLite the file's locks as well.
        self._crew = self._make_crew(lease, before_fork=engine.dispose)
        self._anchor_sign = jobs.AnchorSign(clock) if settings.anchors_audit else None
        self._pages = PageKeeper(settings, clock, steps.now, engine.dispose, self._anchor_sign)
        self._auditor = Child("self-audit", jobs.audit_night, (settings, clock, steps.now), before_fork=engine.dispose)
        self._keeper = Child("retention", jobs.keep_night, (settings, clock, steps.now), before_fork=engine.dispose)
        anchoring = (settings, clock, steps.now, self._anchor_sign)
        self._anchorer = Child("anchors", jobs.anchor_apart, anchoring, before_fork=engine.dispose)
        self._asker = Child("push-receipts", jobs.ask_expo, (settings, clock, steps.now), before_fork=engine.dispose)
        self._waker = jobs.Waker(settings, clock, steps, before_fork=engine.dispose)
        self._dispatch = jobs.Dispatch(
            make_session=self._make_session,
            lease=lease,
            steps=steps,
            crew=self._crew,
            longest=timedelta(seconds=settings.poll_seconds),
            is_stopping=lambda: self.is_stopping,
        )

    def _make_crew(self, lease: Lease, before_fork: Callable[[], None]) -> Hands:
        """Return this worker's own senders, or with a broker those of other machines."""
        if self._settings.broker_url is None:
            return Crew(self._settings, lease, self._steps, before_fork)
        return RemoteCrew(self._settings, lease, self._make_session, make_broker(self._settings))

    def run(self) -> None:
        """Tick until told to stop, then let the crew finish."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        scheduler = self._scheduler()
        logger.info("worker %s starts with %d senders", self._dispatch.lease.owner, self._settings.sender_processes)
        try:
            scheduler.start()
        finally:
            self._waker.tell_to_end()
            self._crew.stop()
            for child in (self._auditor, self._keeper, self._anchorer, self._asker):
                child.kill()
            self._waker.stop()
            self._pages.stop()
        _guarded("sign_off", self._sign_off)()

    def _scheduler(self) -> BlockingScheduler:
        # Jobs take turns in the main thread: the crew forks there, which other threads would make unsafe.
        scheduler = BlockingScheduler(
            executors={"default": DebugExecutor()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        rhythm = Rhythm.of_seconds(poll=self._settings.poll_seconds, lease=self._settings.lease_seconds)
        every = {
            self._tend: TEND_SECONDS,
            self._beat: rhythm.beat.total_seconds(),
            **dict.fromkeys((self._tend_alerts, self._tick, self._publish, self._follow), self._settings.poll_seconds),
            self._seal: SEAL_SECONDS,
            self._seal_missed: SEAL_MISSED_SECONDS,
            self._anchor: ANCHOR_SECONDS,
            self._ask: ASK_SECONDS,
            self._clear: CLEAR_SECONDS,
            self._tally: TALLY_SECONDS,
            self._write_cards: CARD_SECONDS,
            self._remove_replies: REMOVE_SECONDS,
            self._remove_settled: REMOVE_SECONDS,
            **dict.fromkeys((self._replan, self._follow_rhythm), REPLAN_SECONDS),
            **dict.fromkeys((self._end_proxies, self._write_exercises), MINUTE_SECONDS),
        }
        if self._settings.expo_url is not None and not self._settings.send_to_log:
            every[self._fetch_push_receipts] = ASK_SECONDS
        if self._settings.wakes_devices:
            every[self._wake] = self._settings.poll_seconds
        # APScheduler counts by the machine's clock, whatever clock due times are judged by.
        at_once = SystemClock().now()
        for job, seconds in every.items():
            name = job.__name__.removeprefix("_")
            run = _guarded(name, job, then=self._top_up)
            scheduler.add_job(run, "interval", seconds=seconds, id=name, next_run_time=at_once)
        self._add_nightly(scheduler)
        scheduler.add_listener(lambda _event: self._pages.pulse.beat(), EVENT_JOB_EXECUTED)
        # A signal's handler may do no more than set a flag; between two rounds of jobs it is safe to end.
        scheduler.add_listener(lambda _event: self._end_if_told(scheduler), EVENT_JOB_SUBMITTED)
        return scheduler

    def _add_nightly(self, scheduler: BlockingScheduler) -> None:
        # Minutes of work, which nothing due can wait for: in processes of their own.
        nightly = {"keep_to_terms": (self._keeper, RETENTION_HOUR), "self_audit": (self._auditor, SELF_AUDIT_HOUR)}
        for name, (child, hour) in nightly.items():
            scheduler.add_job(_guarded(name, child.start), "cron", hour=hour, id=name)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.is_stopping = True

    def _end_if_told(self, scheduler: BlockingScheduler) -> None:
        if self.is_stopping and scheduler.running:
            scheduler.shutdown(wait=False)

    def _tend(self) -> None:
        if not self.is_stopping:
            self._pages.tend()
            for child in (self._auditor, self._keeper, self._anchorer, self._asker):
                child.is_running()  # which clears it away once it has ended
            self._crew.tend()

    def _beat(self) -> None:
        jobs.beat(self._make_session, self._dispatch.lease.owner, self._now())

    def _sign_off(self) -> None:
        jobs.sign_off(self._make_session, self._dispatch.lease.owner, self._now())

    def _tend_alerts(self) -> None:
        jobs.tend_alerts(self._make_session, self._now(), self._alert_round, self._top_up)

    def _tick(self) -> None:
        self._is_more_due = jobs.tick(self._dispatch)

    def _hand_out_more(self) -> None:
        if self._is_more_due and not self.is_stopping:
            self._is_more_due = jobs.top_up(self._dispatch)

    def _publish(self) -> None:
        jobs.publish(self._make_session, self._top_up)

    def _follow(self) -> None:
        jobs.follow_receipts(self._make_session, self._built, self._now())

    def _seal(self) -> None:
        jobs.seal_audit(self._make_session, self._now())

    def _seal_missed(self) -> None:
        jobs.seal_missed(self._make_session, self._now())

    def _anchor(self) -> None:
        # A file on another machine may hang.
        if self._anchor_sign is not None and self._anchor_sign.is_due:
            self._anchorer.start()

    def _ask(self) -> None:
        jobs.ask_about_passed_surgeries(self._make_session, self._now())

    def _clear(self) -> None:
        jobs.clear_by_signed_rules(self._make_session, self._now(), self._rules_round)

    def _tally(self) -> None:
        jobs.tally(self._make_session, self._now())

    def _write_cards(self) -> None:
        jobs.write_safety_cards(self._make_session)

    def _write_exercises(self) -> None:
        jobs.write_exercises_of_old(self._make_session, self._now())

    def _remove_replies(self) -> None:
        jobs.remove_old_replies(self._make_session, self._now())

    def _remove_settled(self) -> None:
        kept_for = timedelta(days=self._settings.settled_kept_days)
        jobs.remove_settled(self._make_session, self._now(), kept_for)

    def _replan(self) -> None:
        jobs.replan_by_zone_rules(self._make_session, self._now(), self._zone_round)

    def _follow_rhythm(self) -> None:
        jobs.replan_by_rhythm(self._make_session, self._now())

    def _end_proxies(self) -> None:
        jobs.end_lapsed_proxies(self._make_session, self._now())

    def _fetch_push_receipts(self) -> None:
        # Nothing due can wait for a provider's answers, and the parent may start no threads.
        self._asker.start()

    def _wake(self) -> None:
        # Nothing due can wait for a provider's answers, and what signs in there must live longer than a turn.
        if not self.is_stopping:
            self._waker.tend()

    def _now(self) -> datetime:
        with self._make_session() as session:
            begin_reads(session)
            return self._steps.now(session, self._clock)


def main(settings: Settings, clock: Clock | None = None, steps: Steps = DEFAULT_STEPS) -> int:
    """Run a worker until SIGTERM or SIGINT and return the exit code: 0, or 1 if the database or a key is not fit."""
    private.set_key(settings.seal_key, former=settings.seal_former_keys)
    journal.set_key(settings.audit_key, former=settings.audit_former_keys)
    load_library()
    try:
        make_push_senders(settings)
    except ValueError as error:
        logger.error("%s", error)
        return 1
    engine = make_engine(settings.database_url)
    try:
        obstacle = jobs.find_obstacle(make_session_factory(engine), settings)
        if obstacle is not None:
            logger.error(obstacle)
            return 1
        _Worker(settings, clock or SystemClock(), steps, engine).run()
    finally:
        engine.dispose()
    logger.info("worker stopped")
    return 0


def _guarded(name: str, job: Callable[[], None], then: Callable[[], None] = lambda: None) -> Callable[[], None]:
    """Return the job, with `then` after it: a failure is one line in the log, no trace, which could show a row."""

    def run() -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the worker's loop: the next round tries again
            logger.error("job %s raised %s", name, type(error).__name__)
        then()

    return run


def start(clock: Clock | None = None, steps: Steps = DEFAULT_STEPS) -> int:
    """Run a worker by the settings of the environment, as `main` does. Return 2 if these do not fit together."""
    try:
        settings = Settings.from_env()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # What libraries tell of their work holds addresses and secrets: of theirs, warnings only.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("schedules").setLevel(settings.log_level)
    return main(settings, clock, steps)


if __name__ == "__main__":
    raise SystemExit(start())
