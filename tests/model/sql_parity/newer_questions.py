"""Questions about carts, dates, clocks, items of lists, users and marks of segments; each also in SQL."""

from tests.model.sql_parity.carts import ALL_GO, LISTED_GO, quantities, silent_after, still, total, values
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
from tests.model.sql_parity.questions import LONG_VISIT, ORDERS, PAGES, PAGES_BY_DAY, VIEWS, Question, events

EVENTS = "select u, null as v, t, line from event"
SALE = "epoch_ms(t) >= timestamp '2016-08-10' and epoch_ms(t) < timestamp '2016-08-20 12:00:00'"
ABANDONED = {
    "something": flips(over_values(flips(quantities(ALL_GO), "n > 0")), "n > 0"),
    "still": still(ALL_GO, 30 * MINUTE_MS, DAY_MS),
}
UNORDERED = silent_after("Product Added", ["Order Completed"], DAY_MS)
UNORDERED_SHOE = silent_after("Product Added", ["Order Completed"], 30 * MINUTE_MS, "p->>'product_id' = 'SHO-101'")
"""This shop has no such shoe: SQL and the engine both find none."""
BOUGHT_AS_SEEN = """
    select u, null as v, t, line
    from (
        select u, t, line, name, lag(name) over before_it as name_before, lag(t) over before_it as t_before
        from event where name in ('Product Viewed', 'Product Added', 'Order Completed')
        window before_it as (partition by u order by t, line)
    )
    where name = 'Order Completed' and name_before = 'Product Viewed' and t - t_before <= 3600000
"""
FIRST_SOURCE = """
    select u, null as v, t as instant, 1 as phase, line, first_value(source) over (partition by u order by t, line) as n
    from (select u, t, line, c->'campaign'->>'source' as source from event where source is not null)
"""
LONG_VISITS_BEGUN = f"select u, null as v, instant as t, line from ({LONG_VISIT}) where d = 1"
LONG_VISITS_OVER = f"select u, null as v, instant as t, line from ({LONG_VISIT}) where d = -1"
PRODUCTS = "unnest(cast(p->'products' as json[]))"
ORDERED_PRODUCTS = f"select u, t, line, {PRODUCTS} as item from event where name = 'Order Completed'"
DEAR_AND_MANY = f"""
    select distinct u, null as v, t, line from ({ORDERED_PRODUCTS})
    where (item->>'price')::double > 10 and (item->>'quantity')::double >= 5
"""
AMOUNTS = f"""
    select u, t, line, sum((item->>'price')::double * (item->>'quantity')::double) as amount
    from ({ORDERED_PRODUCTS}) group by u, t, line having amount is not null
"""
AMOUNT_IN_A_WEEK = f"""
    select u, null as v, instant, phase, line,
        round(sum(sum(d)) over (partition by u order by instant, phase, line), 6) as n
    from (
        select u, t as instant, 1 as phase, line, amount as d from ({AMOUNTS})
        union all
        select u, t + {7 * DAY_MS}, 0, 0, -amount from ({AMOUNTS})
    )
    group by u, instant, phase, line
"""
HIGH_PRICES = """
    select u, null as v, t as instant, 1 as phase, line, quantile_disc((p->>'price')::double, 0.75) over (
        partition by u order by t, line rows between 3 preceding and current row
    ) as n
    from event where name = 'Product Viewed'
"""
EVENING = f"""
    select u, day * {DAY_MS} + {14 * HOUR_MS + 30 * MINUTE_MS} as instant, 0 as phase, 0 as line, 1 as d
    from (select distinct u from ({ORDERS})), (select distinct t // {DAY_MS} - 1 as day from event)
    union all
    select u, day * {DAY_MS} + {18 * HOUR_MS + 30 * MINUTE_MS}, 0, 0, -1
    from (select distinct u from ({ORDERS})), (select distinct t // {DAY_MS} - 1 as day from event)
"""
"""From 20:00 to midnight in India, for those who ever order."""


def views_in(offset_ms: int, hours: str) -> str:
    """Views at these hours of a clock that is so far ahead of UTC; in August no clock is changed."""
    return f"{VIEWS} and (t + {offset_ms}) // {HOUR_MS} % 24 {hours}"


SHIPPED_CARTS = (
    Question("cart-abandoned", ABANDONED, "something and still"),
    Question(
        "abandoned-and-back",
        ABANDONED | {"here": exists_within(EVENTS, 10 * MINUTE_MS)},
        "something and still and here",
    ),
    Question("abandoned-trail-runner", {"unordered": exists_within(UNORDERED_SHOE, DAY_MS)}, "unordered"),
    Question(
        "frequent-abandoner",
        {
            "three": flips(windowed(UNORDERED, 90 * DAY_MS), "n >= 3"),
            "many": flips(windowed(PAGES, 90 * DAY_MS), "n >= 50"),
        },
        "three and many",
    ),
)

NEWER = (
    Question("dear-cart", {"dear": flips(total(values(ALL_GO)), "n >= 100")}, "dear", "cart.value >= 100"),
    Question(
        "many-pieces-of-little",
        {
            "many": flips(total(quantities(ALL_GO)), "n >= 10"),
            "several": flips(over_values(flips(quantities(ALL_GO), "n > 0")), "n > 2"),
        },
        "many and not several",
        "cart.quantity >= 10 and cart.items <= 2",
    ),
    Question(
        "bought-as-seen",
        {"bought": exists_within(BOUGHT_AS_SEEN, 7 * DAY_MS)},
        "bought",
        "exists(sequence('Product Viewed' then no 'Product Added' then 'Order Completed' within 1h) within 7d)",
    ),
    Question(
        "often-unordered",
        {"two": flips(windowed(UNORDERED, 7 * DAY_MS), "n >= 2")},
        "two",
        "count(sequence('Product Added' then no 'Order Completed' for 24h) within 7d) >= 2",
    ),
    Question(
        "views-of-the-sale",
        {"five": flips(all_time(f"{VIEWS} and {SALE}"), "n >= 5")},
        "five",
        "count('Product Viewed' from '2016-08-10' to '2016-08-20T12:00') >= 5",
    ),
    Question(
        "days-of-the-sale",
        {"three": flips(over_values(flips(all_time(f"{PAGES_BY_DAY} and {SALE}"), "n > 0")), "n >= 3")},
        "three",
        "days(page from '2016-08-10' to '2016-08-20T12:00') >= 3",
    ),
    Question(
        "first-from-google",
        {"google": flips(FIRST_SOURCE, "n = 'google'")},
        "google",
        "first(context.campaign.source) = 'google'",
    ),
    Question(
        "three-long-visits",
        {"three": flips(all_time(LONG_VISITS_BEGUN), "n >= 3")},
        "three",
        "times('high-engagement') >= 3",
    ),
    Question(
        "long-visit-lately",
        {"begun": exists_within(LONG_VISITS_BEGUN, DAY_MS), "long": LONG_VISIT},
        "begun and not long",
        "entered('high-engagement' within 1d) and not segment('high-engagement')",
    ),
    Question(
        "long-visit-over",
        {"over": exists_within(LONG_VISITS_OVER, 2 * HOUR_MS)},
        "over",
        "left('high-engagement' within 2h)",
    ),
    Question(
        "views-at-night-in-california",
        {"three": flips(windowed(views_in(17 * HOUR_MS, "< 6"), 7 * DAY_MS), "n >= 3")},
        "three",
        "count('Product Viewed' where hour_of_day('America/Los_Angeles') < 6 within 7d) >= 3",
    ),
    Question(
        "views-at-noon-in-india",
        {"two": flips(windowed(views_in(5 * HOUR_MS + 30 * MINUTE_MS, "= 12"), DAY_MS), "n >= 2")},
        "two",
        "count('Product Viewed' where hour_of_day('Asia/Kolkata') = 12 within 1d) >= 2",
    ),
    Question(
        "evening-after-an-order",
        {"ordered": exists_within(ORDERS, DAY_MS), "evening": EVENING},
        "ordered and evening",
        "exists('Order Completed' within 1d) and hour_of_day('Asia/Kolkata') >= 20",
    ),
    Question(
        "three-products-at-once",
        {"three": exists_within(events("Order Completed", "json_array_length(p->'products') >= 3"), DAY_MS)},
        "three",
        "exists('Order Completed' where count(products) >= 3 within 1d)",
    ),
    Question(
        "five-of-one-dear-product",
        {"five": exists_within(DEAR_AND_MANY, DAY_MS)},
        "five",
        "exists('Order Completed' where any products (price > 10 and quantity >= 5) within 1d)",
    ),
    Question(
        "goods-for-two-hundred",
        {"goods": flips(AMOUNT_IN_A_WEEK, "n >= 200")},
        "goods",
        "sum(products.price * products.quantity of 'Order Completed' within 7d) >= 200",
    ),
    Question(
        "order-without-revenue",
        {"without": exists_within(events("Order Completed", "p->>'revenue' is null"), DAY_MS)},
        "without",
        "exists('Order Completed' where revenue is missing within 1d)",
    ),
    Question(
        "apparel-in-any-letters",
        {"four": flips(windowed(events("Product Viewed", "lower(p->>'category') like '%apparel%'"), DAY_MS), "n >= 4")},
        "four",
        "count('Product Viewed' where lower(category) contains 'apparel' within 1d) >= 4",
    ),
    Question(
        "dear-views-mostly",
        {"dear": flips(HIGH_PRICES, "coalesce(n, 0) > 50")},
        "dear",
        "percentile(75, price of last 4 'Product Viewed') > 50",
    ),
    Question(
        "a-tenth-of-the-buyers",
        {
            "ordered": flips(
                all_time(
                    f"{ORDERS} and ('0x' || substr(sha256('spring' || chr(0) || u), 1, 16))::ubigint % 10000 < 1000"
                ),
                "n > 0",
            )
        },
        "ordered",
        "exists('Order Completed') and bucket('spring') < 10",
    ),
    Question(
        "ids-with-a-beginning",
        {"ordered": exists_within(f"{ORDERS} and u like '1%'", DAY_MS)},
        "ordered",
        "exists('Order Completed' within 1d) and user.id starts with '1'",
    ),
)

LISTED_CARTS = (
    Question(
        "left-behind",
        {
            "something": flips(over_values(flips(quantities(LISTED_GO), "n > 0")), "n > 0"),
            "still": still(LISTED_GO, 30 * MINUTE_MS, DAY_MS),
        },
        "something and still",
        "cart.items > 0 and cart.idle >= 30m and cart.idle < 24h",
    ),
    Question("dear-left-behind", {"dear": flips(total(values(LISTED_GO)), "n >= 100")}, "dear", "cart.value >= 100"),
)
"""With `cart: {order_takes: listed}`."""
