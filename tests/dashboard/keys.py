"""Goes through a page by the Tab key alone, and says what it could not reach, could not leave, or could not see."""

from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

_CHUNK: Final = 25
_MOST: Final = 1200  # presses: a date is several stops

# Which elements Tab should reach, and a note of each as it is reached. Of a group of radio buttons one is.
_WATCH: Final = """() => {
    document.querySelectorAll("details").forEach((each) => { each.open = true; });
    const asked = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    const groups = new Set();
    const wanted = [...document.querySelectorAll(asked)].filter((each) => {
        if (each.disabled || !each.getClientRects().length) return false;
        if (each.type !== "radio") return true;
        return !groups.has(each.name) && groups.add(each.name);
    });
    const walk = window.walk = {wanted, reached: new Set(), unseen: new Set(), laps: 0};
    addEventListener("focusin", ({target}) => {
        const look = getComputedStyle(target), place = target.getBoundingClientRect();
        const shown = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
        if (!shown || place.width < 2 || place.height < 2) walk.unseen.add(target);
        if (target === wanted[0]) walk.laps += 1;
        walk.reached.add(target.type === "radio" ? wanted.find((each) => each.name === target.name) : target);
    });
    document.activeElement?.blur();
    return wanted.length;
}"""
_TELL: Final = """() => {
    const said = (each) => each.outerHTML.replace(/\\s+/g, " ").slice(0, 120);
    const {wanted, reached, unseen, laps} = window.walk;
    return {
        missed: wanted.filter((each) => !reached.has(each)).map(said).slice(0, 3),
        unseen: [...unseen].map(said).slice(0, 3),
        laps,
    };
}"""


@dataclass(frozen=True)
class Walk:
    """A walk over a page: what Tab never reached, what showed no focus, and whether it came round to the beginning."""

    missed: tuple[str, ...]
    unseen: tuple[str, ...]
    came_round: bool

    @property
    def trouble(self) -> bool:
        """Return whether somebody without a mouse is stuck somewhere."""
        return bool(self.missed or self.unseen) or not self.came_round


def walk_by_tab(page: Page) -> Walk:
    """Press Tab until the focus has come round."""
    page.evaluate(_WATCH)
    for _ in range(_MOST // _CHUNK):
        for _ in range(_CHUNK):
            page.keyboard.press("Tab")
        if page.evaluate("window.walk.laps") > 1:
            break
    told = page.evaluate(_TELL)
    return Walk(tuple(told["missed"]), tuple(told["unseen"]), told["laps"] > 1)
