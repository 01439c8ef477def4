"""A real browser for tests: one Chromium a process, a fresh context a test, and what must never happen in it."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from tests.needs import need

AXE = (Path(__file__).parent / "axe/axe.min.js").read_text("utf-8")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Yield Debian's Chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        need("Chromium", package="chromium", why="the dashboard is tried in a real browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass
class Seen:
    """What a browser asked for and complained about. `expected`: statuses whose complaint is no fault."""

    address: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what a page does from now on."""
        page.on("request", self._note_request)
        page.on("console", self._note_complaint)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith(self.address):
            self.foreign.append(request.url)

    def _note_complaint(self, message: ConsoleMessage) -> None:
        # A refusal on purpose is told in the console too.
        is_refusal = "server responded with a status of 4" in message.text
        if message.type in ("error", "warning") and not is_refusal:
            self.complaints.append(message.text)


def open_page(browser: Browser, address: str, seen: Seen, **options: Any) -> tuple[BrowserContext, Page]:
    """Return a new context of the browser and a page in it."""
    context = browser.new_context(base_url=address, locale=options.pop("locale", "en-US"), **options)
    page = context.new_page()
    seen.watch(page)
    return context, page


def violations(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """Return what axe-core finds wrong with a page, by these rules or by all: rule, and where."""
    # The policy lets no page load a script like this one; the driver's own world is not bound by it.
    page.evaluate(AXE)
    wanted = {"type": "tag", "values": _RULES} if rules is None else {"type": "rule", "values": rules}
    found = page.evaluate("wanted => axe.run(document, {runOnly: wanted})", wanted)
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]
