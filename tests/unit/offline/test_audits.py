"""Samples of a segment: members at random, the nearest near-members; files that come back; tests of wrong cases."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.offline.audits.audit_file import WAITS, Marked, audit_lines, read_audit
from app.offline.audits.regression import EVENTS_MAX, PersonEvents, collect, regression_of
from app.offline.audits.sampling import Auditor, Sample
from app.offline.backtest import FileRecord
from app.offline.spreadsheets import kept_cell_of, text_of
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.scenario import run_test

RULES = TimeRules()
AT_MS = 1_767_610_800_000
KEEN = "segment: keen\nwhen: count('Viewed' within 7d) >= 10 and (exists('Added') or traits.vip = true)\n"


def catalog_of(text: str, **others: str) -> Catalog:
    return load_catalog({"keen.yaml": text, **{f"{name}.yaml": each for name, each in others.items()}})


def event(user: str, name: str, at_s: int, **more: Any) -> bytes:
    at = f"2026-01-05T10:{at_s // 60:02d}:{at_s % 60:02d}.000Z"
    return json.dumps({"type": "track", "event": name, "userId": user, "timestamp": at} | more).encode()


def views(user: str, count: int) -> list[bytes]:
    return [event(user, "Viewed", second) for second in range(count)]


def sampled(catalog: Catalog, messages: list[bytes], **given: int) -> Sample:
    auditor = Auditor(catalog, "keen", RULES)
    auditor.run.process(0, [FileRecord(place, -1, None, each) for place, each in enumerate(messages)])
    summary = auditor.run.finish(AT_MS)
    return auditor.draw(summary.end_ms, **{"members": 5, "near": 5, "seed": 0} | given)


def test_near_members_are_the_nearest_of_whom_one_part_keeps_out() -> None:
    messages = [event(f"u{count}", "Added", 0) for count in range(12)]
    messages += [each for count in range(12) for each in views(f"u{count}", count)]
    messages += views("no-cart", 30)
    messages += [event("nobody", "Other", 0)]
    messages.sort(key=lambda each: json.loads(each)["timestamp"])
    sample = sampled(catalog_of(KEEN), messages)
    assert (sample.members, sample.near) == (2, 11)
    assert {case.user for case in sample.cases if case.drawn == "member"} == {"u10", "u11"}
    near = {case.user: case for case in sample.cases if case.drawn == "near"}
    assert set(near) == {"u9", "u8", "u7", "u6", "u5"}
    assert near["u7"].missing == ("count('Viewed' within 7d) >= 10",)
    assert near["u7"].distance == pytest.approx(0.3)
    assert [(atom.text, atom.holds, atom.value) for atom in near["u7"].atoms] == [
        ("count('Viewed' within 7d) >= 10", False, 7),
        ("exists('Added')", True, True),
        ("traits.vip = true", False, None),
    ]
    everybody = sampled(catalog_of(KEEN), messages, near=50)
    (no_cart,) = [case for case in everybody.cases if case.user == "no-cart"]
    assert (len(no_cart.missing), no_cart.distance) == (1, None)
    assert "nobody" not in {case.user for case in everybody.cases}


def test_of_an_and_all_missing_parts_count_and_of_an_or_the_fewest() -> None:
    when = "segment: keen\nwhen: (exists('A') and exists('B') or exists('C')) and not (exists('D') or exists('E'))\n"
    users = {"c": "C", "b": "B", "none": "X", "d": "CD", "de": "CDE", "a": "A"}
    messages = [event(user, name, 0) for user, names in users.items() for name in names]
    sample = sampled(catalog_of(when), messages, near=9)
    found = {case.user: case.missing for case in sample.cases if case.drawn == "near"}
    assert found == {"b": ("exists('A')",), "d": ("exists('D')",), "a": ("exists('B')",)}
    assert [case.user for case in sample.cases if case.drawn == "member"] == ["c"]


def test_a_duration_has_a_distance_too() -> None:
    when = "segment: keen\nwhen: user.idle >= 30m\n"
    users = {"a": 10, "b": 20}
    messages = [event(user, "Viewed", 60 * minute) for user, minute in users.items()]
    auditor = Auditor(catalog_of(when), "keen", RULES)
    auditor.run.process(0, [FileRecord(place, -1, None, each) for place, each in enumerate(messages)])
    summary = auditor.run.finish(AT_MS - 21 * 60_000)
    found = {case.user: case.distance for case in auditor.draw(summary.end_ms, members=5, near=5, seed=0).cases}
    assert found == {"a": pytest.approx(1 / 30), "b": pytest.approx(11 / 30)}


def test_who_waits_is_nearest() -> None:
    sample = sampled(catalog_of("segment: keen\nwhen: exists('Viewed')\nfor: 1d\n"), views("a", 1))
    (case,) = sample.cases
    assert (case.drawn, case.missing, case.distance) == ("near", (), 0.0)
    assert WAITS in b"\n".join(audit_lines(Path("a.csv"), sample)).decode()


def test_with_enter_and_exit_both_count() -> None:
    text = "segment: keen\nenter: exists('A')\nexit: exists('B')\n"
    messages = [event("in", "A", 0), event("both", "B", 0), event("both", "A", 1), event("other", "X", 0)]
    found = {case.user: (case.drawn, case.missing) for case in sampled(catalog_of(text), messages).cases}
    assert found == {
        "in": ("member", ()),
        "both": ("near", ("exists('B')",)),
        "other": ("near", ("exists('A')",)),
    }


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    messages = [each for number in range(60) for each in [*views(f"u{number}", 10), event(f"u{number}", "Added", 10)]]
    messages += [each for number in range(60) for each in views(f"n{number}", 9)]
    messages += [event(f"n{number}", "Added", 10) for number in range(60)]
    messages.sort(key=lambda each: json.loads(each)["timestamp"])
    catalog = catalog_of(KEEN)
    first = sampled(catalog, messages, seed=1)
    assert sampled(catalog, messages, seed=1) == first
    other = sampled(catalog, messages, seed=2)
    for drawn in ("member", "near"):
        one, two = ({case.user for case in each.cases if case.drawn == drawn} for each in (first, other))
        assert len(one) == len(two) == 5
        assert one != two


def test_members_are_members_of_the_same_backtest() -> None:
    chance = random.Random(4)
    names = ("Viewed", "Added", "Other")
    lines = [event(f"u{chance.randrange(40)}", chance.choice(names), second) for second in range(600) for _ in range(2)]
    sample = sampled(catalog_of(KEEN), lines, members=99, near=99)
    counts = {f"u{user}": [0, 0] for user in range(40)}
    for line in lines:
        said = json.loads(line)
        if said["event"] != "Other":
            counts[said["userId"]][names.index(said["event"])] += 1
    members = {user for user, (viewed, added) in counts.items() if viewed >= 10 and added}
    assert {case.user for case in sample.cases if case.drawn == "member"} == members
    assert sample.members == len(members)


# ---- files

HOSTILE = ["=1+1", "0042", "'0042", "''=x", "a|b\\|c", "x;y", 'say "no"', "1e5", "a,b"]


@pytest.mark.parametrize("name", ["a.csv", "a.md"])
def test_a_file_comes_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    messages = [each for user in HOSTILE for each in views(user, 9)]
    messages += [event(user, "Added", 20) for user in HOSTILE]
    messages.sort(key=lambda each: json.loads(each)["timestamp"])
    sample = sampled(catalog_of(KEEN), messages, near=20)
    file = tmp_path / name
    file.write_bytes(b"\n".join(audit_lines(file, sample)) + b"\n")
    marked = read_audit(file)
    assert [each.user for each in marked] == [case.user for case in sample.cases]
    assert {each.user for each in marked} == set(HOSTILE)
    assert {(each.segment, each.at_ms, each.of, each.is_right, each.drawn) for each in marked} == {
        ("keen", sample.at_ms, len(HOSTILE), None, "near")
    }


def test_a_spreadsheet_may_write_semicolons_and_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    header = "at;of;right;remark;user;mine;drawn;why;segment;version"
    rows = ("2026-01-05T10:00:00.000Z;1,234;YES;;ann;1;member;✓ a; b;".replace("; b", ""), "")
    file.write_text(f"\ufeff{header}\n{rows[0]}keen;v\n2026-01-05T10:00:00.000Z;9;n;odd;'07;;near;;keen;v\n")
    first, second = read_audit(file)
    assert (first.user, first.is_right, first.of, first.drawn) == ("ann", True, 1_234, "member")
    assert (second.user, second.is_right, second.remark) == ("07", False, "odd")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has not the columns"),
        ("right,user\n", "has not the columns"),
        ("{}\n", "has no case"),
        ("{}\nperhaps,,u,member,,keen,v,2026-01-05T10:00:00Z,1\n", "a.csv:2: right is 'perhaps'"),
        ("{}\nyes,,u,other,,keen,v,2026-01-05T10:00:00Z,1\n", "drawn is 'other'"),
        ("{}\nyes,,u,member,,keen,v,then,1\n", "at and of cannot be read"),
        ("{}\nyes,,u,member\n", "has 4 columns, not 9"),
        (
            "{}\nyes,,u,member,,keen,v,2026-01-05T10:00:00Z,1\nyes,,u,member,,keen,w,2026-01-05T10:00:00Z,1\n",
            "cases of several audits",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text.replace("{}", "right,remark,user,drawn,why,segment,version,at,of"))
    with pytest.raises(UserError, match=message):
        read_audit(file)


def test_any_cell_comes_back() -> None:
    chance = random.Random(5)
    for _ in range(2_000):
        text = "".join(chance.choices("'=+-@0123456789.eEa\t", k=chance.randrange(6)))
        assert text_of(kept_cell_of(text)) == text


# ---- tests of wrong cases


def wrong(user: str, *, drawn: Any = "member", at_ms: int = AT_MS) -> Marked:
    return Marked(user=user, drawn=drawn, segment="keen", version="v", at_ms=at_ms, of=1, is_right=False, remark="")


def made(catalog: Catalog, messages: list[bytes], case: Marked, *keys: str) -> tuple[str | None, str]:
    person = PersonEvents(frozenset({case.user, *keys}))
    collect(messages, [person], case.at_ms, RULES)
    found = regression_of(case, person, catalog, RULES, number=1)
    return found.text, found.why_not


def loads(text: str, definition: str) -> list[str]:
    """The failures of a definition with this test."""
    catalog = catalog_of(f"{definition}tests:\n{text}\n")
    (test,) = catalog.segment("keen").tests
    return [str(each) for each in run_test(catalog, catalog.segment("keen"), test, RULES)]


def test_a_wrong_member_becomes_a_test_that_fails_until_the_definition_is_right() -> None:
    loose = "segment: keen\nwhen: count('Viewed' within 7d) >= 2\n"
    mail = {"mail": "ann@shop.example"}
    messages = [
        event("ann", "Viewed", 0, messageId="m-1", properties=mail, context={"ip": "10.0.0.7"}),
        event("ann", "Viewed", 0, messageId="m-1", properties=mail),
        event("bob", "Viewed", 1),
        event("ann", "Viewed", 90, traits=mail),
    ]
    text, why_not = made(catalog_of(loose), messages, wrong("ann"))
    assert text is not None, why_not
    assert "ann" not in text
    assert "10.0.0.7" not in text
    assert text.count("event: Viewed") == 2
    (failure,) = loads(text, loose)
    assert "expected not in, got in" in failure
    assert loads(text, "segment: keen\nwhen: count('Viewed' within 7d) >= 3\n") == []


def test_what_the_definition_reads_stays_in_the_test() -> None:
    spent = "segment: keen\nwhen: sum(price of 'Bought') >= 50 and context.country = 'DE' and traits.plan is known\n"
    messages = [
        event("ann", "Bought", 0, properties={"price": 30, "name": "1984"}, context={"country": "DE", "city": "X"}),
        json.dumps(
            {"type": "identify", "userId": "ann", "timestamp": "2026-01-05T10:00:05Z", "traits": {"plan": "on"}}
        ).encode(),
        json.dumps({"type": "page", "name": "Home", "userId": "ann", "timestamp": "2026-01-05T10:00:06Z"}).encode(),
        event("ann", "Bought", 9, properties={"price": 40}),
    ]
    text, why_not = made(catalog_of(spent), messages, wrong("ann"))
    assert text is not None, why_not
    assert "1984" not in text
    assert "city" not in text
    assert len(loads(text, spent)) == 1


def test_a_late_event_keeps_its_own_time() -> None:
    when = "segment: keen\nwhen: count('Viewed' within 10m) >= 2\n"
    late = {"receivedAt": "2026-01-05T10:11:00Z", "originalTimestamp": "2026-01-05T10:05:00Z"}
    late |= {"sentAt": "2026-01-05T10:11:00Z"}
    messages = [event("ann", "Viewed", 540), event("ann", "Viewed", 300, **late)]
    at_ms = AT_MS - 48 * 60_000
    text, why_not = made(catalog_of(when), messages, wrong("ann", at_ms=at_ms))
    assert text is not None, why_not
    assert "time: " in text
    assert len(loads(text, when)) == 1


def test_a_person_with_several_keys_becomes_one_with_other_ids() -> None:
    definition = "segment: keen\nwhen: count('Viewed') >= 2\n"
    catalog = load_catalog({"keen.yaml": definition, "identity.yaml": "{}\n"})
    messages = [
        json.dumps({"type": "track", "event": "Viewed", "anonymousId": "a-1", "timestamp": "2026-01-05T10:00:00Z"}),
        json.dumps({"type": "identify", "userId": "ann", "anonymousId": "a-1", "timestamp": "2026-01-05T10:00:01Z"}),
        json.dumps({"type": "track", "event": "Viewed", "userId": "ann", "timestamp": "2026-01-05T10:00:02Z"}),
    ]
    text, why_not = made(catalog, [each.encode() for each in messages], wrong("ann"), "a-1")
    assert text is not None, why_not
    assert "a-1" not in text
    assert "ann" not in text


def test_where_a_test_would_not_show_it_there_is_none() -> None:
    catalog = catalog_of(KEEN)
    assert made(catalog, [], wrong("ann")) == (None, "the files have no event of this user")
    assert "too many" in made(catalog, views("ann", EVENTS_MAX + 1), wrong("ann"))[1]
    assert "do not give what the files gave" in made(catalog, views("ann", 3), wrong("ann"))[1]
    text, _ = made(catalog, views("ann", 3), wrong("ann", drawn="near"))
    assert text is not None
    (failure,) = loads(text, KEEN)
    assert "expected in, got not in" in failure
