"""A picture of plans side by side, as SVG: windows, targets and limits on one axis of days since surgery.

Each plan has a colour, a pattern and a mark of its own, and its figures stand beside it in words, so that nothing is
said by colour alone. Knows no patient and decides nothing.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from schedules.plan.vocabulary import Procedure
from service.care.simulations import NamedSimulation
from service.care.timeline_rows import Lane, Span, TimelineRow, first_day0, lanes_of, timeline_rows

WIDTH = 1200
_LEFT, _RIGHT = 262, 900  # between them the days
_TOP, _LANE, _GAP = 64, 17, 7
_BAR = 11
_FONT = "font-family:'DejaVu Sans','Segoe UI',Arial,sans-serif"
_INK, _PALE, _GRID = "#1a1a1a", "#555555", "#d9d9d9"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GRADES = "Grades: A trials, B cohorts, C surveys and guidelines, D one institution, E extrapolation."


@dataclass(frozen=True, slots=True)
class _Look:
    """How a lane is drawn: dark enough on white, apart for the colour-blind (Okabe and Ito), apart without colour."""

    colour: str
    pattern: str
    mark: str


_LOOKS = (
    _Look("#0072b2", "solid", "circle"),
    _Look("#b34700", "stripes", "diamond"),
    _Look("#007a5a", "dots", "square"),
    _Look("#7a3b69", "cross", "triangle"),
)


@dataclass(frozen=True, slots=True)
class Axis:
    """The days shown, counted from surgery, and the date of day 0 where it is known."""

    first: int
    last: int
    day0: date | None

    def x(self, day: float) -> float:
        """Return the place of a day, kept within the picture."""
        share = (min(max(day, self.first), self.last + 1) - self.first) / (self.last + 1 - self.first)
        return round(_LEFT + share * (_RIGHT - _LEFT), 1)

    def shows(self, span: Span) -> bool:
        """Return whether any of a bar lies within the days shown."""
        return span.begins <= self.last and (span.through is None or span.through >= self.first)


def draw_simulations(simulations: Sequence[NamedSimulation]) -> str:
    """Return one picture of the days that the simulations tell: a lane for each, or for each stage of a single one."""
    lanes = lanes_of(simulations)
    day0 = first_day0(lane.plan for lane in lanes)
    days = simulations[0].simulation.days
    first = 0 if day0 is None else (days[0].on - day0).days
    procedures = dict.fromkeys(_in_words(each.procedure) for one in simulations for each in one.protocols)
    beside = " beside ".join(lane.short for lane in lanes) if len(simulations) > 1 else ""
    title = ", then ".join(procedures) + (f", {beside}" if beside else "")
    return draw_timeline(title, lanes, timeline_rows(lanes, day0), Axis(first, first + len(days) - 1, day0))


def _in_words(procedure: Procedure) -> str:
    words = procedure.replace("_", " ")
    return words.upper() if len(words) == 4 else words.capitalize()


def draw_timeline(title: str, lanes: Sequence[Lane], rows: Sequence[TimelineRow], axis: Axis) -> str:
    """Return the picture as an SVG document, 1200 wide. Rows that lie outside of `axis` are named below it."""
    shown = [row for row in rows if any(span is not None and axis.shows(span) for span in row.spans)]
    tops = _row_tops(shown, len(lanes))
    bottom = (tops[-1] if tops else _TOP) + 34
    root = ET.Element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {bottom + 110}", "width": str(WIDTH),
        "height": str(bottom + 110), "role": "img", "aria-labelledby": "timeline-title timeline-desc", "style": _FONT,
    })  # fmt: skip
    ET.SubElement(root, "title", {"id": "timeline-title"}).text = title
    ET.SubElement(root, "desc", {"id": "timeline-desc"}).text = _describe(lanes, shown)
    _define_patterns(root)
    ET.SubElement(root, "rect", {"width": str(WIDTH), "height": str(bottom + 110), "fill": "#ffffff"})
    _draw_head(root, title, lanes)
    _draw_axis(root, lanes, axis, top=_TOP, bottom=bottom - 28)
    for row, top in zip(shown, tops, strict=False):
        _draw_row(root, row, lanes, axis, top)
    _draw_foot(root, [row.name for row in rows if row not in shown], bottom)
    ET.indent(root)
    return _NOT_IN_XML.sub("", ET.tostring(root, encoding="unicode")) + "\n"


def _row_tops(rows: Sequence[TimelineRow], lanes: int) -> list[int]:
    """Return the top of each row, and then the bottom of the last."""
    tops = [_TOP + 28]
    for row, following in zip(rows, (*rows[1:], None), strict=True):
        section = 14 if following is not None and following.is_limit and not row.is_limit else 0
        tops.append(tops[-1] + lanes * _LANE + _GAP + section)
    return tops


def _describe(lanes: Sequence[Lane], rows: Iterable[TimelineRow]) -> str:
    """Return the picture in words: what each lane says of each row."""
    lines = []
    for row in rows:
        said = [f"{lane.short} {_words(span)}" for lane, span in zip(lanes, row.spans, strict=True)]
        lines.append(f"{row.name}: {'; '.join(said)}.")
    return "Days since surgery: target (window), or how long a limit holds. " + " ".join(lines)


def _words(span: Span | None) -> str:
    return "none" if span is None else f"{span.words}, grade {span.grade or 'none'}"


def _define_patterns(root: ET.Element) -> None:
    defs = ET.SubElement(root, "defs")
    shapes = {
        "stripes": ("M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2", "none"),
        "dots": ("M2,2 h2 v2 h-2 z", "#ffffff"),
        "cross": ("M0,3 h6 M3,0 v6", "none"),
    }
    for look in _LOOKS[1:]:
        pattern = ET.SubElement(defs, "pattern", {
            "id": look.pattern, "width": "6", "height": "6", "patternUnits": "userSpaceOnUse",
        })  # fmt: skip
        ET.SubElement(pattern, "rect", {"width": "6", "height": "6", "fill": look.colour})
        path, fill = shapes[look.pattern]
        ET.SubElement(pattern, "path", {"d": path, "stroke": "#ffffff", "stroke-width": "1.2", "fill": fill})


def _draw_head(root: ET.Element, title: str, lanes: Sequence[Lane]) -> None:
    _text(root, 16, 24, title, size=17, weight="bold")
    at = 16
    for lane, look in zip(lanes, _LOOKS, strict=False):
        _bar(root, at, 38, 34, look)
        _mark(root, at + 17, 38 + _BAR / 2, look)
        _text(root, at + 42, 48, f"{lane.short}: {lane.name}", size=13)
        at += 60 + int(7.6 * len(f"{lane.short}: {lane.name}"))


def _draw_axis(root: ET.Element, lanes: Sequence[Lane], axis: Axis, *, top: int, bottom: int) -> None:
    step = next(step for step in (7, 14, 28, 56, 91, 182, 364) if (axis.last - axis.first) / step <= 16)
    first = -(-axis.first // step) * step
    for day in range(first, axis.last + 1, step):
        x = str(axis.x(day))
        ET.SubElement(root, "line", {
            "x1": x, "x2": x, "y1": str(top + 24), "y2": str(bottom), "stroke": _INK if day == 0 else _GRID,
            "stroke-width": "1.5" if day == 0 else "1",
        })  # fmt: skip
        _text(root, float(x), top + 8, str(day), size=12, anchor="middle", weight="bold" if day == 0 else "normal")
        if axis.day0 is not None:
            on = axis.day0 + timedelta(days=day)
            _text(root, float(x), top + 20, f"{on:%b} {on.day}", size=10, anchor="middle", colour=_PALE)
    _text(
        root,
        16,
        top + 8,
        "Day since surgery (POD)" if len(lanes) == 1 or lanes[0].stage is None else "Day since the first surgery",
        size=12,
    )
    if axis.day0 is not None:
        _text(root, 16, top + 20, f"Day 0 is {axis.day0.isoformat()}", size=10, colour=_PALE)
    _text(root, _RIGHT + 14, top + 8, "Target (window), or limit", size=12)
    _text(root, WIDTH - 16, top + 8, "Grade", size=12, anchor="end")


def _draw_row(root: ET.Element, row: TimelineRow, lanes: Sequence[Lane], axis: Axis, top: int) -> None:
    group = ET.SubElement(root, "g")
    ET.SubElement(group, "line", {
        "x1": "16", "x2": str(WIDTH - 16), "y1": str(top - 3), "y2": str(top - 3), "stroke": "#eeeeee",
    })  # fmt: skip
    star = " *" if row.differs and all(lane.stage is None for lane in lanes) else ""
    _text(group, 16, top + 11, row.name + star, size=13, weight="bold" if star else "normal")
    for number, (lane, look, span) in enumerate(zip(lanes, _LOOKS, row.spans, strict=False)):
        y = top + number * _LANE
        _text(group, _LEFT - 14, y + 10, lane.short, size=11, anchor="end", colour=look.colour)
        if span is None:
            _text(group, _RIGHT + 14, y + 10, "none", size=12, colour=_PALE)
            continue
        if axis.shows(span):
            drawn = ET.SubElement(group, "g")
            ET.SubElement(drawn, "title").text = f"{row.name}, {lane.short}: {_words(span)}"
            _draw_span(drawn, span, look, axis, y=y, is_limit=row.is_limit)
        _text(group, _RIGHT + 14, y + 10, span.words, size=12)
        _text(group, WIDTH - 16, y + 10, span.grade or "-", size=12, anchor="end")


def _draw_span(group: ET.Element, span: Span, look: _Look, axis: Axis, *, y: int, is_limit: bool) -> None:
    """Draw a bar; what has no last day goes on dashed to the edge from the day on which it may end."""
    sure = span.through if span.through is not None else (span.may_end if is_limit else span.target)
    start, end = axis.x(span.begins), axis.x((span.begins if sure is None else sure) + 1)
    middle = y + 1 + _BAR / 2
    if span.through is None:
        ET.SubElement(group, "line", {
            "x1": str(start), "x2": str(_RIGHT), "y1": str(middle), "y2": str(middle), "stroke": look.colour,
            "stroke-width": "2", "stroke-dasharray": "5 4",
        })  # fmt: skip
        ET.SubElement(group, "path", {"d": f"M{_RIGHT},{middle} l-7,-4 v8 z", "fill": look.colour})
    _bar(group, start, y + 1, max(end - start, 3), look)
    if span.target is not None and axis.first <= span.target <= axis.last:
        _mark(group, axis.x(span.target + 0.5), middle, look)
    if span.may_end is not None and axis.first <= span.may_end <= axis.last:
        x = axis.x(span.may_end)
        ET.SubElement(group, "path", {"d": f"M{x},{y - 1} v{_BAR + 4}", "stroke": _INK, "stroke-width": "2.5"})
    if sure is not None and sure > axis.last:
        _edge(group, _RIGHT, middle, look)
    if span.begins < axis.first:
        _edge(group, _LEFT, middle, look)
    if span.label:
        _label(group, min(start + 5, _RIGHT - 40), y + 10, span.label)


def _draw_foot(root: ET.Element, left_out: Sequence[str], bottom: int) -> None:
    notes = [
        "Bar: window, or span of a limit. Mark: target, a median that half of all patients pass. * the days differ.",
        "Black tick: a clinician may clear it from that day on; the day itself allows nothing. Dashed: no last day.",
        f"{_GRADES} A draft is the software's default: no clinician of the clinic has signed it.",
    ]
    if left_out:
        notes += textwrap.wrap(f"Outside of these days: {', '.join(left_out)}.", 160)
    for number, note in enumerate(notes):
        _text(root, 16, bottom + 4 + 18 * number, note, size=12, colour=_PALE)


def _bar(root: ET.Element, x: float, y: float, width: float, look: _Look) -> None:
    fill = look.colour if look.pattern == "solid" else f"url(#{look.pattern})"
    ET.SubElement(root, "rect", {
        "x": str(x), "y": str(y), "width": str(round(width, 1)), "height": str(_BAR), "rx": "2", "fill": fill,
        "stroke": look.colour, "stroke-width": "1",
    })  # fmt: skip


def _edge(root: ET.Element, x: float, y: float, look: _Look) -> None:
    """Show that a bar goes on beyond the days of the picture."""
    out = 8 if x == _RIGHT else -8
    ET.SubElement(root, "path", {"d": f"M{x},{y - 6.5} l{out},6.5 l{-out},6.5 z", "fill": look.colour})


def _mark(root: ET.Element, x: float, y: float, look: _Look) -> None:
    paths = {
        "circle": f"M{x - 5},{y} a5,5 0 1,0 10,0 a5,5 0 1,0 -10,0 z",
        "diamond": f"M{x},{y - 7} l6.5,7 l-6.5,7 l-6.5,-7 z",
        "square": f"M{x - 5},{y - 5} h10 v10 h-10 z",
        "triangle": f"M{x},{y - 6} l6.5,11.5 h-13 z",
    }
    ET.SubElement(root, "path", {
        "d": paths[look.mark], "fill": "#ffffff", "stroke": look.colour, "stroke-width": "2.2",
    })  # fmt: skip


def _label(root: ET.Element, x: float, y: float, words: str) -> None:
    box = {"x": str(x - 2), "y": str(y - 8), "width": str(6.4 * len(words) + 4), "height": "9", "fill": "#ffffff"}
    ET.SubElement(root, "rect", box)
    _text(root, x, y, words, size=10)


def _text(
    root: ET.Element,
    x: float,
    y: float,
    words: str,
    *,
    size: int,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = _INK,
) -> None:
    place = {"x": str(x), "y": str(y), "font-size": str(size), "fill": colour}
    if anchor != "start":
        place["text-anchor"] = anchor
    if weight != "normal":
        place["font-weight"] = weight
    ET.SubElement(root, "text", place).text = words
