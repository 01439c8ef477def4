// How a plan stands on a day, by the rules of README.md in this folder. No dependencies; any JavaScript engine with Intl.
// A date is "2026-03-02" or null: such texts sort as their days do.

const FINISHED = new Set(["achieved", "cleared", "skipped", "cancelled"]);
const LEFT_OUT = new Set(["skip", "not_applicable"]);
const NOTHING = { achieved_on: null, clearances: [], skipped_on: null, skip_reason: null, cancelled_on: null };
const DAY_MS = 86_400_000;

const reached = (day, on) => day !== null && day <= on;
const later = (one, other) => (one > other ? one : other);
const ordinal = (day) => Math.round(dateOf(day) / DAY_MS);
const dayOf = (number) => new Date(number * DAY_MS).toISOString().slice(0, 10);

function dateOf(day) {
  const [year, month, date] = day.split("-").map(Number);
  const instant = new Date(0);
  instant.setUTCFullYear(year, month - 1, date); // Date.UTC would read the year 26 as 1926
  return instant.getTime();
}

export function dueOn(milestone) {
  return milestone.target_on === null ? milestone.latest_on : milestone.eligible_on;
}

export function closesOn(milestone) {
  const due = dueOn(milestone);
  return milestone.latest_on === null || due === null ? null : later(milestone.latest_on, due);
}

export function milestoneState(milestone, facts, on) {
  const held = facts.clearances.some((each) => each.cleared_on <= on && !reached(each.revoked_on, on));
  if (held) return "cleared";
  if (reached(facts.achieved_on, on)) return "achieved";
  if (reached(facts.cancelled_on, on)) return "cancelled";
  if (reached(facts.skipped_on, on)) return "skipped";
  if (LEFT_OUT.has(milestone.past_policy)) return "skipped";
  if (reached(milestone.superseded_on, on)) return "cancelled";
  if (milestone.earliest_on === null) return "unscheduled";
  if (on < milestone.earliest_on) return "upcoming";
  const before = milestone.phase === "before_surgery";
  if (before && milestone.latest_on !== null && on > milestone.latest_on) return "skipped";
  if (!reached(dueOn(milestone), on)) return "open";
  if (milestone.lifts !== null) return "eligible";
  const closes = closesOn(milestone);
  const late = closes !== null && on > closes;
  return late && milestone.owner === "patient" && milestone.past_policy === null ? "overdue" : "due";
}

export function courseOn(milestones, facts, on) {
  const items = milestones.map((milestone) => {
    const reported = facts.find((each) => each.key === milestone.key && each.occurrence === milestone.occurrence);
    const own = { ...NOTHING, ...reported };
    return { id: `${milestone.key}/${milestone.occurrence}`, milestone, facts: own, state: milestoneState(milestone, own, on) };
  });
  return {
    on,
    states: items.map((item) => item.state),
    adherence: adherence(items, on),
    behind: items.filter((item) => item.state === "overdue").map((item) => behind(item, on)),
    waiting_for_clinic: items.map((item) => waiting(item, on)).filter((each) => each !== null),
    next: next(items, on),
  };
}

function adherence(items, on) {
  let counted = 0, inTime = 0, late = 0;
  for (const item of items) {
    const closes = closesOn(item.milestone);
    if (closes === null || !counts(item, closes, on)) continue;
    counted += 1;
    if (!reached(item.facts.achieved_on, on)) continue;
    if (item.facts.achieved_on <= closes) inTime += 1;
    else late += 1;
  }
  return {
    counted,
    done_in_time: inTime,
    done_late: late,
    not_done: counted - inTime - late,
    done_percent: percent(inTime + late, counted),
    in_time_percent: percent(inTime, counted),
  };
}

function counts({ milestone, facts }, closes, on) {
  const own = milestone.owner === "patient" && milestone.lifts === null && milestone.past_policy === null;
  const gone = reached(facts.cancelled_on, on) || reached(milestone.superseded_on, closes);
  const excused = reached(facts.skipped_on, on) && facts.skip_reason !== "patient_declined";
  return own && closes < on && !gone && !excused;
}

function behind(item, on) {
  const closed = closesOn(item.milestone);
  return {
    id: item.id,
    closed_on: closed,
    since_on: dayOf(ordinal(closed) + 1),
    days: ordinal(on) - ordinal(closed),
    rule: closed === item.milestone.latest_on ? "after_latest_day" : "after_eligible_day",
  };
}

function waiting(item, on) {
  const { milestone, facts, state } = item;
  if (state === "eligible") {
    const revoked = facts.clearances.map((each) => each.revoked_on).filter((day) => reached(day, on));
    return { id: item.id, reason: "to_clear", since_on: revoked.reduce(later, dueOn(milestone)) };
  }
  const open = milestone.slot === "blank" || milestone.slot === "unsigned";
  const late = milestone.slot_until_on !== null && on > milestone.slot_until_on;
  if (FINISHED.has(state) || !open || late) return null;
  return { id: item.id, reason: milestone.slot === "unsigned" ? "to_sign" : "to_fill", since_on: null };
}

function next(items, on) {
  return items
    .filter(({ milestone, state }) => {
      const { eligible_on: due, latest_on: latest } = milestone;
      return due !== null && !FINISHED.has(state) && later(due, latest ?? due) >= on;
    })
    .sort((one, other) => (one.milestone.eligible_on < other.milestone.eligible_on ? -1 : Number(one.milestone.eligible_on > other.milestone.eligible_on)))
    .slice(0, 3)
    .map((item) => item.id);
}

function percent(part, whole) {
  return whole === 0 ? null : Math.floor((200 * part + whole) / (2 * whole));
}

export function clinicDay(instant, zone) {
  const parts = new Intl.DateTimeFormat("en-CA-u-ca-iso8601", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
  }).formatToParts(new Date(instant));
  const of = (type) => parts.find((part) => part.type === type).value;
  return `${of("year").padStart(4, "0")}-${of("month")}-${of("day")}`;
}

export function postoperativeDay(instant, zone, day0) {
  return ordinal(clinicDay(instant, zone)) - ordinal(day0);
}
