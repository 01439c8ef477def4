"""Delivers a batch of claims from gate to result, and returns when all are done."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from schedules.delivery.book import Claim, by_practice
from schedules.delivery.channels import Result
from schedules.delivery.deliver import Desk, Sent, pass_all, put_back, record_all, send
from schedules.delivery.gate import Permit


def deliver_all(desk: Desk, claims: Iterable[Claim]) -> None:
    """Take the claims through the gate, send what may leave, each message in a thread, and record what becomes of it.

    A result is recorded as soon as it is there, with those that came meanwhile.
    """
    for of_practice in by_practice(claims).values():
        permits = pass_all(desk, of_practice)
        if permits:
            _send_all(desk, permits)


def _send_all(desk: Desk, permits: Sequence[Permit]) -> None:
    with ThreadPoolExecutor(len(permits), thread_name_prefix="send") as threads:
        on_their_way = {threads.submit(send, desk, permit): permit for permit in permits}
        while on_their_way:
            done, _ = wait(on_their_way, return_when=FIRST_COMPLETED)
            _record(desk, [(each, on_their_way.pop(each)) for each in done])


def _record(desk: Desk, done: Iterable[tuple[Future[Result], Permit]]) -> None:
    sent = []
    for future, permit in done:
        error = future.exception()
        if isinstance(error, Exception):
            put_back(desk, permit.claims, error)
        else:
            sent.append(Sent(permit, future.result()))
    if sent:
        record_all(desk, sent)
