"""One message: its type, its times, what it says at a path; and what is told of one that cannot be used."""

import pytest

from app.events.message import MessageDecoder, MessageError, instant_ms, times_of

TIMES = (
    ("2016-08-01T07:05:21.239Z", 1_470_035_121_239),
    ("2016-08-01T07:59:59.999Z", 1_470_038_399_999),
    ("2016-08-01T07:05:21Z", 1_470_035_121_000),
    ("2016-08-01T07:05:21.2394Z", 1_470_035_121_239),
    ("2016-08-01T09:05:21.239+02:00", 1_470_035_121_239),
    ("2016-08-01T07:05:21.239", 1_470_035_121_239),
    ("2016-08-01 07:05:21.239Z", 1_470_035_121_239),
    ("2016-08-01", 1_470_009_600_000),
)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b'{"type":"dance","userId":"ann"}', "unknown type 'dance'"),
        (b'{"type":"' + b"x" * 50 + b'"}', "unknown type 'xxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (b'{"type":5}', "type is 5; it must be a text"),
        (b'{"type":null}', "`type`"),
        (b'{"userId":"ann"}', "`type`"),
    ],
)
def test_a_message_of_no_type_says_so(value: bytes, detail: str) -> None:
    with pytest.raises(MessageError) as told:
        MessageDecoder().decode(value)
    assert told.value.reason == "invalid-message"
    assert detail in str(told.value)


@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp", "sentAt", "receivedAt"])
@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("1700000000", "is 1700000000, a number of seconds; a time is a text: '2023-11-14T22:13:20Z'"),
        (
            "1700000000500",
            "is 1700000000500, a number of milliseconds; a time is a text: '2023-11-14T22:13:20.500000Z'",
        ),
        ("1e300", "is 1e+300; a time is a text: '2026-01-05T10:00:00Z'"),
        ("-5", "is -5; a time is a text: '2026-01-05T10:00:00Z'"),
        ("true", "is true; a time is a text: '2026-01-05T10:00:00Z'"),
        ("[]", "is a list; a time is a text: '2026-01-05T10:00:00Z'"),
    ],
)
def test_a_time_that_is_no_text_is_shown_with_the_text_that_it_should_be(name: str, value: str, detail: str) -> None:
    with pytest.raises(MessageError) as told:
        MessageDecoder().decode(b'{"type":"track","userId":"u","%s":%s}' % (name.encode(), value.encode()))
    assert str(told.value) == f"{name} {detail}"


@pytest.mark.parametrize(
    ("field", "detail"),
    [
        ('"event":5', "event is 5; it must be a text"),
        ('"messageId":true', "messageId is true; an id is a text or a whole number"),
        ('"messageId":1.5', "messageId is 1.5; an id is a text or a whole number"),
        ('"messageId":[1]', "messageId is a list; an id is a text or a whole number"),
    ],
)
def test_a_field_of_the_wrong_kind_is_told_in_words_of_the_specification(field: str, detail: str) -> None:
    with pytest.raises(MessageError) as told:
        MessageDecoder().decode(b'{"type":"track",%s}' % field.encode())
    assert str(told.value) == detail


@pytest.mark.parametrize(("text", "instant"), TIMES)
def test_times_are_read_in_all_their_forms(text: str, instant: int) -> None:
    assert instant_ms(text) == instant
    assert instant_ms(text) == instant  # also when its hour is known


@pytest.mark.parametrize(
    "text",
    ["2016-08-01T07:60:21.239Z", "2016-08-01T07:05:60.239Z", "2016-08-01T24:05:21.239Z", "2016-08-01T07:", "", "now"],
)
def test_what_is_no_time_is_none_also_in_a_known_hour(text: str) -> None:
    instant_ms("2016-08-01T07:05:21.239Z")
    with pytest.raises(ValueError, match=r"."):
        instant_ms(text)


def test_an_offset_is_no_part_of_a_known_hour() -> None:
    assert instant_ms("2016-08-01T07:05:21.239+01:00") == 1_470_035_121_239 - 3_600_000
    assert instant_ms("2016-08-01T07:05:21.239Z") == 1_470_035_121_239


def test_what_stands_at_a_path_of_the_context() -> None:
    decoder = MessageDecoder([("campaign", "source"), ("page", "path")])
    read = decoder.context_tree.reader(("campaign", "source"))

    def said(context: bytes) -> object:
        return read(decoder.decode(b'{"type":"page","context":' + context + b"}").context)

    assert said(b'{"campaign":{"source":"google"}}') == "google"
    assert said(b'{"campaign":{"source":["a","b"]}}') == ["a", "b"]
    assert said(b'{"campaign":{"source":null}}') is None
    assert said(b'{"campaign":null}') is None
    nothing = said(b"{}")
    assert nothing is not None
    assert said(b'{"campaign":{}}') is nothing
    assert said(b'{"campaign":{"source":{"a":1}}}') is nothing
    assert said(b'{"campaign":5}') is nothing
    assert said(b'{"campaign":5,"page":{"path":"/"}}') is nothing
    assert said(b"null") is nothing


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_time_outside_the_years_that_count_is_not_called_malformed(text: str) -> None:
    message = MessageDecoder().decode(b'{"type":"track","event":"A","userId":"u","timestamp":"%s"}' % text.encode())
    with pytest.raises(MessageError) as told:
        times_of(message, 0)
    assert str(told.value) == f"timestamp is before 1970 or after 9000: {text!r}"
