"""Bugs on purpose: each is one change of the pure half that the comparison with the oracle must notice."""

from tests.model.between_mutations import BETWEEN_MUTATIONS
from tests.model.cart_mutations import CART_MUTATIONS
from tests.model.date_mutations import DATE_MUTATIONS
from tests.model.day_mutations import DAY_MUTATIONS
from tests.model.geography_mutations import GEOGRAPHY_MUTATIONS
from tests.model.in_hand_mutations import IN_HAND_MUTATIONS
from tests.model.item_mutations import ITEM_MUTATIONS
from tests.model.list_mutations import LIST_MUTATIONS
from tests.model.merge_mutations import MERGE_MUTATIONS
from tests.model.mutation import Mutation
from tests.model.order_mutations import ORDER_MUTATIONS
from tests.model.term_mutations import TERM_MUTATIONS
from tests.model.value_mutations import VALUE_MUTATIONS

__all__ = ["MUTATIONS", "Mutation"]

MUTATIONS = (
    *IN_HAND_MUTATIONS,
    *VALUE_MUTATIONS,
    *DAY_MUTATIONS,
    *LIST_MUTATIONS,
    *TERM_MUTATIONS,
    *CART_MUTATIONS,
    *ITEM_MUTATIONS,
    *GEOGRAPHY_MUTATIONS,
    *MERGE_MUTATIONS,
    *ORDER_MUTATIONS,
    *DATE_MUTATIONS,
    *BETWEEN_MUTATIONS,
    # ---- edges of windows
    Mutation(
        "an event counts a millisecond too long",
        "tables/windows.py",
        "return -FOREVER if self.within_ms is None else now - self.within_ms",
        "return -FOREVER if self.within_ms is None else now - self.within_ms - 1",
    ),
    Mutation(
        "exists ends a millisecond late",
        "app/segments/compiler/value_code.py",
        'self.code.line(f"if {end} <= now: {state} = None; {end} = {FOREVER}")',
        'self.code.line(f"if {end} < now: {state} = None; {end} = {FOREVER}")',
    ),
    Mutation(
        "a threshold ends a millisecond late",
        "app/segments/compiler/condition_code.py",
        'self.code.line(f"if {until} > now: {truth} = True")',
        'self.code.line(f"if {until} >= now: {truth} = True")',
    ),
    Mutation(
        "a threshold keeps one event too few",
        "app/segments/compiler/aggregates.py",
        'math.floor(bound) + 1 if operator in (">", "<=", "=", "!=")',
        'math.floor(bound) + 1 if operator in (">", "<=", "=")',
    ),
    Mutation(
        "the highest count is thought to last no longer than the first of its values",
        "tables/tallies.py",
        "return most, int(max(ends)) + self.within_ms",
        "return most, int(max(ends)) + self.within_ms + 1",
    ),
    Mutation(
        "a distinct value does not end by time",
        "tables/tallies.py",
        "return min(visible, default=FOREVER - self.within_ms) + self.within_ms",
        "return max(visible, default=FOREVER - self.within_ms) + self.within_ms",
    ),
    # ---- values
    Mutation(
        "the average is cut instead of rounded",
        "tables/windows.py",
        "return quotient + (double > denominator or (double == denominator and quotient % 2 == 1))",
        "return quotient",
    ),
    Mutation(
        "the first event is the one that arrived first",
        "tables/windows.py",
        "if item is None or (state is not None and state[0] <= t):",
        "if item is None or state is not None:",
    ),
    Mutation(
        "of two events at one instant the first is the last",
        "tables/windows.py",
        "if item is None or t <= self.start(now) or (state is not None and state[0] > t):",
        "if item is None or t <= self.start(now) or (state is not None and state[0] >= t):",
    ),
    Mutation(
        "key takes the value that was seen first",
        "tables/tallies.py",
        "return key_value(min(counts, key=lambda key: (-counts[key], -latest[key], key_order(key))))",
        "return key_value(min(counts, key=lambda key: (-counts[key], latest[key], key_order(key))))",
    ),
    Mutation(
        "an older event of a score is added in full",
        "tables/tallies.py",
        "return [value + item * 2.0 ** (-(last - t) / self.half_life_ms), last]",
        "return [value + item, last]",
    ),
    Mutation(
        "points that lift a score over its bound are let pass",
        "app/segments/evaluation/score_margin.py",
        "{state}[0] <= {self.high + points!r}",
        "{state}[0] <= {self.high!r}",
    ),
    Mutation(
        "true is 1",
        "app/segments/evaluation/operators.py",
        "return bool(a == b) and (a.__class__ is bool) == (b.__class__ is bool)",
        "return bool(a == b)",
    ),
    Mutation(
        "an older trait replaces a newer one",
        "app/segments/compiler/event_code.py",
        "if entry is not None and entry[0] > t:",
        "if False:",
    ),
    # ---- since last, once per
    Mutation(
        "what happened at the instant of Q is kept",
        "tables/windows.py",
        "return state[bisect_right(state, t) :] or None",
        "return state[bisect_right(state, t - 1) :] or None",
    ),
    Mutation(
        "an event older than Q counts",
        "app/segments/evaluation/matched_aggregate.py",
        "if payload is None or (last is not None and (t < last or (t == last and is_last))):",
        "if payload is None or (last is not None and t == last and is_last):",
    ),
    Mutation(
        "a value stays known although its event has left the window",
        "app/segments/evaluation/matched_aggregate.py",
        "if all(known.get(key, -FOREVER) > start for key in keys):",
        "if all(key in known for key in keys):",
    ),
    # ---- sequences
    Mutation(
        "an R of the instant of completion comes too early",
        "tables/sequences.py",
        "entry[1][0] <= t < entry[1][0] + self.absent_ms:",
        "entry[1][0] < t < entry[1][0] + self.absent_ms:",
    ),
    Mutation(
        "within W is less than W",
        "tables/sequences.py",
        "if self.within_ms is not None and t - partial[0] > self.within_ms:",
        "if self.within_ms is not None and t - partial[0] >= self.within_ms:",
    ),
    Mutation(
        "a step is after the one before",
        "tables/sequences.py",
        "if partial is None or t < partial[1] or",
        "if partial is None or t <= partial[1] or",
    ),
    Mutation(
        "an earlier start takes the place of a later one",
        "tables/sequences.py",
        "if begun is None or t > begun[0] or",
        "if begun is None or t != begun[0] or",
    ),
    Mutation(
        "a completion leaves partial matches behind",
        "tables/sequences.py",
        "entry[0] = [None] * (self.steps - 1)",
        "pass",
    ),
    Mutation(
        "an R that came before with a later time is forgotten",
        "tables/sequences.py",
        "absents[:] = [absent for absent in absents if absent[0] > oldest]",
        "absents.clear()",
    ),
    Mutation(
        "late events find no partial match",
        "tables/sequences.py",
        "if not self._is_alive(entry, now - self.lateness_ms):\n                del state",
        "if not self._is_alive(entry, now):\n                del state",
    ),
    # ---- cart and visit
    Mutation(
        "an order takes away what was added after it",
        "tables/cart.py",
        "for key in [key for key, item in items.items() if item[2] <= t]:",
        "for key in list(items):",
    ),
    Mutation(
        "the cart is idle since the latest arrival",
        "tables/cart.py",
        "    cart[2] = max(cart[2], latest_ms)\n    if item is not None:",
        "    cart[2] = latest_ms\n    if item is not None:",
    ),
    Mutation(
        "a visit goes on with an event at its end",
        "tables/session.py",
        "if t >= last + gap_ms:",
        "if t > last + gap_ms:",
    ),
    Mutation(
        "an older event does not move a visit's start",
        "tables/session.py",
        "session[START] = t\n",
        "pass\n",
    ),
    # ---- segments
    Mutation(
        "for is over a millisecond late",
        "app/segments/evaluation/settlement.py",
        "ready = member[TRUE_SINCE] + segment.for_ms",
        "ready = member[TRUE_SINCE] + segment.for_ms + (1 if segment.for_ms else 0)",
    ),
    Mutation(
        "a break is no break for `for`",
        "app/segments/compiler/segment_code.py",
        'code.line(f"if m is not None: m[{TRUE_SINCE}] = None")',
        'code.line("pass")',
    ),
    Mutation(
        "hold is forgotten",
        "app/segments/compiler/segment_code.py",
        'code.line(f"if now >= w: return x.leave(p, SEGMENTS[{number}], m, now, w)")',
        'code.line(f"return x.leave(p, SEGMENTS[{number}], m, now, w)")',
    ),
    Mutation(
        "the end of hold is passed over",
        "app/segments/compiler/segment_code.py",
        'code.line(f"if w < m[{SINCE}] + {segment.hold_ms}: w = m[{SINCE}] + {segment.hold_ms}")',
        'code.line(f"if w < m[{SINCE}] + {segment.hold_ms}: w = m[{SINCE}] + {segment.hold_ms + 1}")',
    ),
    Mutation(
        "evidence tells alternatives that did not hold",
        "app/segments/compiler/segment_code.py",
        'code.block(f"if {holds} or {none}")',
        'code.block(f"if {holds} or True or {none}")',
    ),
    Mutation(
        "evidence forgets not",
        "app/segments/compiler/segment_code.py",
        "{canonical.text(branch.condition)!r}",
        "{canonical.text(branch.atom)!r}",
    ),
    Mutation(
        "cooldown begins with the entry",
        "app/segments/evaluation/settlement.py",
        "member[OUT_AT] = now if segment.keeps_exit else None",
        "member[OUT_AT] = member[SINCE] if segment.keeps_exit else None",
    ),
    Mutation(
        "an update is sent only if every named value differs",
        "app/segments/compiler/segment_code.py",
        "if {' or '.join(differs)}: x.update",
        "if {' and '.join(differs)}: x.update",
    ),
    Mutation(
        "segments that depend on a change are not settled",
        "app/segments/evaluation/settlement.py",
        "self.settle(profile, rest | dependents, now)",
        "self.settle(profile, rest, now)",
    ),
    Mutation(
        "a wrong operand decides until when `and` stays",
        "app/segments/compiler/condition_code.py",
        "if {truth} is {stop} or {other} < {until}: {until} = {other}",
        "{until} = {other}",
    ),
    Mutation(
        "clocks are looked at once a day",
        "app/segments/evaluation/clock.py",
        '_HOUR_MS if reading == "hour_of_day" else _DAY_MS',
        "_DAY_MS",
    ),
    Mutation(
        "more than a duration turns at it, not a millisecond later",
        "app/segments/compiler/condition_code.py",
        'turn = ms + 1 if operator in (">", "<=") else ms',
        "turn = ms",
    ),
    # ---- time of a partition
    Mutation(
        "an event exactly as old as allowed is late",
        "app/segments/partition/partition.py",
        "if t < now - self.rules.lateness_ms:",
        "if t <= now - self.rules.lateness_ms:",
    ),
    Mutation(
        "the clock believes the sender",
        "app/segments/partition/partition.py",
        "seen = min(t, received) - self.program.lag_ms",
        "seen = t - self.program.lag_ms",
    ),
    Mutation(
        "a visit that begins is not asked how far it has grown",
        "app/segments/compiler/visit_update.py",
        """                        code.line("e = p.session")
                        _write_growth(code, self.growth)
""",
        "                        pass\n",
    ),
    Mutation(
        "an id that names nobody is a user",
        "app/events/user_ids.py",
        "if not bare or bare in self.blocked or",
        "if not bare or",
    ),
    Mutation(
        "blanks around an id stay",
        "app/events/user_ids.py",
        "text: str = value.strip()",
        "text: str = value",
    ),
    Mutation(
        "a byte order mark condemns the message",
        "app/events/message.py",
        "if value.startswith(codecs.BOM_UTF8):",
        "if False:",
    ),
    Mutation(
        "a time of sending that is none condemns the event",
        "app/events/message.py",
        "            if event_ms is None:\n                raise\n",
        "            raise\n",
    ),
    Mutation(
        "the fast path takes an id that names nobody",
        "app/segments/partition/_fast_path.c",
        "    if (!is_sure_id(self, (const char *)PyUnicode_1BYTE_DATA(user), length)) return NULL;\n",
        "",
    ),
    Mutation(
        "a new user watches nothing",
        "app/segments/partition/user_table.py",
        "profiles.new_profile(t, now, self.program.begin_watched)",
        "profiles.new_profile(t, now)",
    ),
    Mutation(
        "who reads how a visit began hears nothing of a new one",
        "app/segments/compiler/value_code.py",
        'self.features.update(("visit", "beginning"))',
        'self.features.add("visit")',
    ),
    Mutation(
        "what is true of a visit stays true after it",
        "app/segments/compiler/condition_code.py",
        'self.code.line(f"if not {truth}: {until} = {FOREVER}")\n        return until',
        'self.code.line(f"{until} = {FOREVER}")\n        return until',
    ),
    Mutation(
        "now may go back behind the user's highest time",
        "app/segments/partition/partition.py",
        "now = max(now, profile.highest_ms, profile.fired_ms)",
        "now = max(now, profile.fired_ms)",
    ),
    Mutation(
        "a duplicate of exactly a day ago is none",
        "tables/message_ids.py",
        '"big") <= KEPT_MS',
        '"big") < KEPT_MS',
    ),
    Mutation(
        "a timer that is not due yet is lost",
        "tables/timers.py",
        "waiting.append((user, timer))",
        "pass",
    ),
    Mutation(
        "timers that were far come when the clock has left their hours",
        "tables/timers.py",
        "self._far_order[0] <= hours",
        "self._far_order[0] < hours",
    ),
    Mutation(
        "timers are lost when a profile is read again",
        "tables/profile.py",
        "profile = _decode(body)",
        "profile = _decode(body)\n        profile.due = {}",
    ),
    Mutation(
        "records that a profile has seen are taken again after a crash",
        "app/segments/partition/partition.py",
        "if self._reached and self._reached.get(user, 0) > record.offset:",
        "if False:",
    ),
    # ---- the fast path
    Mutation(
        "in the fast path, an event at the edge of lateness is late",
        "app/segments/partition/_fast_path.c",
        "if (event->t < event->now - self->lateness) return LEFT;",
        "if (event->t < event->now - self->lateness - 1) return LEFT;",
    ),
    Mutation(
        "the fast path fires a timer a millisecond late",
        "app/segments/partition/_fast_path.c",
        "self->retention || timer <= event->now;",
        "self->retention || timer < event->now;",
    ),
    Mutation(
        "the fast path takes a duplicate",
        "app/segments/partition/_fast_path.c",
        "if (found == wanted) return 1;",
        "if (found == wanted) return 0;",
    ),
    Mutation(
        "in the fast path a visit goes on at its end",
        "app/segments/partition/_fast_path.c",
        "t >= last + self->gap || now >= last + self->gap",
        "t > last + self->gap || now > last + self->gap",
    ),
    Mutation(
        "in the fast path a visit must grow beyond what is asked",
        "app/segments/partition/_fast_path.c",
        "if (value >= growth->least) return 0;",
        "if (value > growth->least) return 0;",
    ),
    Mutation(
        "the fast path forgets to count a page of a visit",
        "app/segments/partition/_fast_path.c",
        "if (kind == self->page || kind == self->screen) visit[PAGES]++;",
        "",
    ),
    Mutation(
        "the fast path forgets the highest instant",
        "app/segments/partition/_fast_path.c",
        "if (event->t > event->highest) put(",
        "if (0) put(",
    ),
    Mutation(
        "the fast path does not watch",
        "app/segments/partition/_fast_path.c",
        "if (any > 0) {\n        PyObject *known",
        "if (any > 1) {\n        PyObject *known",
    ),
    Mutation(
        "the clock of the fast path goes on by what an event says of its own time",
        "app/segments/partition/_fast_path.c",
        "if (received > event.t) received = event.t;",
        "",
    ),
    Mutation(
        "the fast path takes the time of sending as it stands",
        "app/segments/partition/_fast_path.c",
        "*t = *received - (sent - original);",
        "*t = sent;",
    ),
)
