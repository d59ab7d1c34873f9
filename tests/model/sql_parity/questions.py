"""Segments, and the same in SQL. Those of the shipped catalog by name, with others whose values this shop has."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.model.sql_parity.flips import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    all_time,
    exists_within,
    flips,
    over_values,
    windowed,
)

GAP_MS = 30 * MINUTE_MS


def events(name: str, condition: str = "true") -> str:
    """The events of a name for which a condition on `p` holds."""
    return f"select u, null as v, t, line from event where name = '{name}' and {condition}"


PAGES = "select u, null as v, t, line from event where kind = 'page'"
PAGES_BY_DAY = "select u, cast(epoch_ms(t) as date) as v, t, line from event where kind = 'page'"
PAGES_BY_WEEK = "select u, date_trunc('week', epoch_ms(t)) as v, t, line from event where kind = 'page'"
PAGES_BY_FIRST_OF_DAY = """
    select u, day, min(t) as t, min(line) as line, lag(day) over (partition by u order by day) as day_before
    from (
        select u, t // 86400000 as day, t, line, min(t) over (partition by u, t // 86400000) as first_ms
        from event where kind = 'page'
    )
    where t = first_ms
    group by u, day
"""
TWO_DAYS_IN_A_ROW = f"""
    select u, day as v, t as instant, 1 as phase, line, 1 as d
    from ({PAGES_BY_FIRST_OF_DAY}) where day_before = day - 1
    union all
    select u, day, (day + 2) * 86400000, 0, 0, -1
    from ({PAGES_BY_FIRST_OF_DAY}) where day_before = day - 1
"""
LAST_THREE_ORDERS = """
    select u, null as v, t as instant, 1 as phase, line, avg((p->>'revenue')::double) over (
        partition by u order by t, line rows between 2 preceding and current row
    ) as n
    from event where name = 'Order Completed'
"""
MEDIAN_OF_THREE_ORDERS = """
    select u, null as v, t as instant, 1 as phase, line, quantile_disc((p->>'revenue')::double, 0.5) over (
        partition by u order by t, line rows between 2 preceding and current row
    ) as n
    from event where name = 'Order Completed'
"""
VIEWS = events("Product Viewed")
ADDS = events("Product Added")
ORDERS = events("Order Completed")
ORDER_IDS = "select u, p->>'order_id' as v, t, line from event where name = 'Order Completed' and v is not null"
VIEWED_PRODUCTS = "select u, p->>'product_id' as v, t, line from event where name = 'Product Viewed' and v is not null"
VIEWED_CATEGORIES = "select u, p->>'category' as v, t, line from event where name = 'Product Viewed' and v is not null"
DEAR_VIEWS = f"{VIEWS} and (p->>'price')::double >= 100"


VISITS = f"""
    select *, min(t) over visit as first_ms, max(t) over visit as last_ms, first(source) over visit as first_source
    from (
        select *, sum(is_first) over (partition by u order by t, line) as number
        from (
            select
                u, t, line, c->'campaign'->>'source' as source,
                if(t - lag(t) over (partition by u order by t, line) < {GAP_MS}, 0, 1) as is_first
            from event
        )
    )
    window visit as (partition by u, number order by t, line rows between unbounded preceding and unbounded following)
"""


def visits_while(condition: str) -> str:
    """True from the first event of a visit for which `condition` holds until the visit is over."""
    return f"""
        select u, t as instant, 1 as phase, line, 1 as d from ({VISITS}) where {condition}
        qualify row_number() over (partition by u, number order by t, line) = 1
        union all
        select u, max(last_ms) + {GAP_MS}, 0, 0, -1 from ({VISITS}) where {condition} group by u, number
    """


def idle_longer_than(limit_ms: int) -> str:
    """True by time alone, false again with the next event."""
    silences = f"""
        select u, t, lead(t) over same_user as next_ms, lead(line) over same_user as next_row from event
        window same_user as (partition by u order by t, line)
        qualify next_ms is null or next_ms > t + {limit_ms}
    """
    return f"""
        select u, t + {limit_ms} + 1 as instant, 0 as phase, 0 as line, 1 as d from ({silences})
        union all
        select u, next_ms, 1, next_row, -1 from ({silences}) where next_ms is not null
    """


def latest_is(path: str, value: str) -> str:
    """True while the latest known value at a path of the context is this one."""
    known = f"select u, null as v, t as instant, 1 as phase, line, {path} as n from event where n is not null"
    return flips(known, f"n = '{value}'")


def latest_number(path: str) -> str:
    """The latest known number at a path of the context."""
    return f"select u, null as v, t as instant, 1 as phase, line, ({path})::double as n from event where n is not null"


LONG_VISIT = visits_while(f"t - first_ms > {5 * MINUTE_MS}")
HIGH_VALUE = flips(over_values(exists_within(ORDER_IDS, 30 * DAY_MS)), "n >= 3")
ORDERED_IN_A_MONTH = exists_within(ORDERS, 30 * DAY_MS)
ADDED_IN_A_MONTH = exists_within(ADDS, 30 * DAY_MS)


@dataclass(frozen=True, slots=True)
class Question:
    """`definition` None: that of the shipped catalog. `facts` and `condition` say the same in SQL."""

    name: str
    facts: Mapping[str, str]
    condition: str
    definition: str | None = None


SHIPPED = (
    Question("high-engagement", {"long": LONG_VISIT}, "long"),
    Question("high-value", {"three": HIGH_VALUE}, "three"),
    Question("buyers", {"ordered": ORDERED_IN_A_MONTH}, "ordered"),
    Question("shoppers", {"ordered": ORDERED_IN_A_MONTH, "added": ADDED_IN_A_MONTH}, "added and not ordered"),
    Question(
        "browsers",
        {"ordered": ORDERED_IN_A_MONTH, "added": ADDED_IN_A_MONTH, "page": exists_within(PAGES, 30 * DAY_MS)},
        "page and not added and not ordered",
    ),
    Question(
        "interest-in-category",
        {"one": flips(over_values(flips(windowed(VIEWED_CATEGORIES, 7 * DAY_MS), "n > 3")), "n > 0")},
        "one",
    ),
    Question(
        "discount-offer",
        {
            "product": flips(over_values(flips(windowed(VIEWED_PRODUCTS, DAY_MS), "n > 3")), "n > 0"),
            "three": HIGH_VALUE,
        },
        "product and three",
    ),
    Question(
        "engaged-high-value",
        {"dear": flips(windowed(DEAR_VIEWS, HOUR_MS), "n >= 3"), "long": LONG_VISIT},
        "dear and long",
    ),
    Question(
        "churn-risk",
        {
            "silent": idle_longer_than(30 * DAY_MS),
            "two": flips(over_values(exists_within(ORDER_IDS, 180 * DAY_MS)), "n >= 2"),
        },
        "silent and two",
    ),
    Question("mobile-visitors", {"phone": latest_is("c->'device'->>'type'", "mobile")}, "phone"),
    Question("visitors-from-google", {"google": visits_while("first_source = 'google'")}, "google"),
    Question("visitors-from-germany", {"there": latest_is("c->'location'->>'country'", "DE")}, "there"),
    Question(
        "interested-not-bought",
        {
            "shoes": flips(all_time(f"{VIEWS} and p->>'category' = 'shoes'"), "n > 3"),
            "ordered": flips(all_time(ORDERS), "n > 0"),
        },
        "shoes and not ordered",
    ),
    # This shop has no such events and traits: SQL and the engine both find none.
    Question(
        "cta-clickers",
        {"two": flips(windowed(events("Element Clicked", "p->>'id' = 'cta'"), 7 * DAY_MS), "n >= 2")},
        "two",
    ),
    Question(
        "deep-readers",
        {"deep": exists_within(events("Page Scrolled", "(p->>'percent')::double >= 75"), DAY_MS)},
        "deep",
    ),
    Question("form-submitters", {"sent": exists_within(events("Form Submitted"), 30 * DAY_MS)}, "sent"),
    Question("searchers", {"searched": exists_within(events("Products Searched"), DAY_MS)}, "searched"),
    Question("video-viewers", {"watched": exists_within(events("Video Playback Completed"), 7 * DAY_MS)}, "watched"),
    Question("adults", {"adult": flips(latest_number("c->'traits'->>'age'"), "n >= 18")}, "adult"),
)

OTHERS = (
    Question(
        "two-clicks-on-the-home-page",
        {"two": flips(windowed(events("Element Clicked", "p->>'path' = '/home'"), 7 * DAY_MS), "n >= 2")},
        "two",
        "count('Element Clicked' where path = '/home' within 7d) >= 2",
    ),
    Question(
        "from-the-united-states",
        {"there": latest_is("c->'location'->>'country'", "United States")},
        "there",
        "context.location.country = 'United States'",
    ),
    Question(
        "electronics-not-bought",
        {
            "views": flips(all_time(f"{VIEWS} and p->>'category' = 'Home/Electronics/'"), "n > 3"),
            "ordered": flips(all_time(ORDERS), "n > 0"),
        },
        "views and not ordered",
        "count('Product Viewed' where category = 'Home/Electronics/') > 3 and never('Order Completed')",
    ),
    Question(
        "silent-for-a-week-with-an-order",
        {
            "silent": idle_longer_than(7 * DAY_MS),
            "one": flips(over_values(exists_within(ORDER_IDS, 20 * DAY_MS)), "n >= 1"),
        },
        "silent and one",
        "user.idle > 7d and distinct(order_id of 'Order Completed' within 20d) >= 1",
    ),
    Question(
        "four-pages-in-a-minute",
        {"four": flips(windowed(PAGES, MINUTE_MS), "n >= 4")},
        "four",
        "count(page within 1m) >= 4",
    ),
    Question(
        "many-products",
        {"many": flips(over_values(exists_within(VIEWED_PRODUCTS, HOUR_MS)), "n >= 12")},
        "many",
        "distinct(product_id of 'Product Viewed' within 1h) >= 12",
    ),
    Question(
        "pages-on-three-days",
        {"three": flips(over_values(exists_within(PAGES_BY_DAY, 7 * DAY_MS)), "n >= 3")},
        "three",
        "days(page within 7d) >= 3",
    ),
    Question(
        "pages-in-two-weeks",
        {"two": flips(over_values(exists_within(PAGES_BY_WEEK, 20 * DAY_MS)), "n >= 2")},
        "two",
        "weeks(page within 20d) >= 2",
    ),
    Question(
        "pages-on-two-days-in-a-row",
        {"two": flips(over_values(TWO_DAYS_IN_A_ROW), "n > 0")},
        "two",
        "streak(page) >= 2",
    ),
    Question(
        "last-three-orders-dear",
        {"dear": flips(LAST_THREE_ORDERS, "coalesce(n, 0) > 100")},
        "dear",
        "avg(revenue of last 3 'Order Completed') > 100",
    ),
    Question(
        "median-of-three-orders",
        {"dear": flips(MEDIAN_OF_THREE_ORDERS, "coalesce(n, 0) > 100")},
        "dear",
        "median(revenue of last 3 'Order Completed') > 100",
    ),
    Question(
        "dear-today",
        {"dear": exists_within(DEAR_VIEWS, DAY_MS)},
        "dear",
        "max(price of 'Product Viewed' within 1d) >= 100",
    ),
    Question(
        "promotion-clicked-in-a-long-visit",
        {
            "clicked": exists_within(
                "select u, null as v, t, line from event where name = 'Promotion Clicked' and p->>'path' = '/home'",
                10 * MINUTE_MS,
            ),
            "long": LONG_VISIT,
        },
        "clicked and long",
        "exists('Promotion Clicked' where path = '/home' within 10m) and session.duration > 5m",
    ),
    Question(
        "looked-and-did-not-add",
        {
            "looked": flips(windowed(VIEWS, 2 * HOUR_MS), "n >= 5"),
            "added": exists_within(ADDS, DAY_MS),
        },
        "looked and not added",
        "count('Product Viewed' within 2h) >= 5 and never('Product Added' within 1d)",
    ),
)
