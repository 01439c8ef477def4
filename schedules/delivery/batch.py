"""Delivers a batch of claims from gate to result, and returns when all are done."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from schedules.delivery.book import Claim, by_practice
from schedules.delivery.deliver import Desk, pass_all, record_all
from schedules.delivery.gate import Permit
from schedules.delivery.parcels import parcels, send_parcel


def deliver_all(desk: Desk, claims: Iterable[Claim]) -> None:
    """Take the claims through the gate, send what may leave, each parcel in a thread, and record what becomes of it.

    A result is recorded as soon as it is there, with those that came meanwhile.
    """
    for of_practice in by_practice(claims).values():
        permits = pass_all(desk, of_practice)
        if permits:
            _send_all(desk, parcels(desk, permits))


def _send_all(desk: Desk, several: Sequence[Sequence[Permit]]) -> None:
    with ThreadPoolExecutor(len(several), thread_name_prefix="send") as threads:
        on_their_way = {threads.submit(send_parcel, desk, parcel) for parcel in several}
        while on_their_way:
            done, on_their_way = wait(on_their_way, return_when=FIRST_COMPLETED)
            sent = [each for future in done for each in future.result()]
            if sent:
                record_all(desk, sent)
