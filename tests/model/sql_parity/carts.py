"""The cart in SQL, for a file that is in the order of time: what each product's moves come to since the last emptying.

Points of a product are (u, v, instant, phase, line, n), as of `flips`: v the product, n its quantity or its value.
"""

from collections.abc import Sequence

LINES = """
    select u, t, line, p->>'product_id' as product, name = 'Product Removed' as goes,
        coalesce((p->>'quantity')::double, if(name = 'Product Added', 1, null)) as quantity,
        if(name = 'Product Added', (p->>'price')::double, null) as price
    from event
    where name in ('Product Added', 'Product Removed') and product is not null
"""
ALL_GO = "select u, null as product, t, line from event where name = 'Order Completed'"
"""An order empties the cart, whatever it lists."""
LISTED_GO = """
    select u, item->>'product_id' as product, t, line
    from (select u, t, line, unnest(cast(p->'products' as json[])) as item from event where name = 'Order Completed')
    group by all
"""
"""An order takes what it lists."""


def moves(taken: str) -> str:
    """Each move of a product, with the quantity before and after it, and the price then.

    What is taken never goes below nothing: the sum of the moves, less the lowest that it has been below 0.
    """
    return f"""
        select u, product, t, line, goes, price, after, takes_all,
            lag(after, 1, 0) over (partition by u, product order by t, line) as before
        from (
            select *, if(takes_all, 0, total - least(0, min(total) over stretch)) as after
            from (
                select *, sum(moved) over stretch as total
                from (
                    select *, sum(takes_all::int) over same_product as stretch_number,
                        if(takes_all, 0, if(goes, -quantity, quantity)) as moved
                    from (
                        select u, product, t, line, goes, price, quantity, quantity is null as takes_all from ({LINES})
                        union all
                        select known.u, known.product, gone.t, gone.line, true, null, null, true
                        from (select distinct u, product from ({LINES})) as known
                        join ({taken}) as gone
                            on gone.u = known.u and coalesce(gone.product, known.product) = known.product
                    )
                    window same_product as (partition by u, product order by t, line)
                )
                window stretch as (partition by u, product, stretch_number order by t, line)
            )
            window stretch as (partition by u, product, stretch_number order by t, line)
        )
    """


def quantities(taken: str) -> str:
    return f"select u, product as v, t as instant, 1 as phase, line, after as n from ({moves(taken)})"


def values(taken: str) -> str:
    """Quantity times the price that came last since the product came in."""
    return f"""
        select u, product as v, t as instant, 1 as phase, line, after * coalesce(
            last_value(price ignore nulls) over (partition by u, product, stay order by t, line), 0
        ) as n
        from (
            select *, sum((before = 0)::int) over (partition by u, product order by t, line) as stay
            from ({moves(taken)})
        )
    """


def total(points: str) -> str:
    """The sum of n over all products, as points of the one value null."""
    return f"""
        select u, null as v, instant, phase, line, round(
            sum(sum(n - before)) over (partition by u order by instant, phase, line), 6
        ) as n
        from (select *, lag(n, 1, 0) over (partition by u, v order by instant, phase, line) as before from ({points}))
        group by u, instant, phase, line
    """


def still(taken: str, least_ms: int, below_ms: int) -> str:
    """True of a cart that was not changed for at least one duration, and for less than another."""
    changed = f"""
        select *, lead(t) over (partition by u order by t, line) as next_ms,
            lead(line) over (partition by u order by t, line) as next_line
        from (
            select u, t, line from ({moves(taken)}) where not goes or after <> before
            union
            select u, t, line from ({taken}) where product is null
        )
    """
    return f"""
        select u, t + {least_ms} as instant, 0 as phase, 0 as line, 1 as d
        from ({changed}) where next_ms is null or next_ms >= t + {least_ms}
        union all
        select u, t + {below_ms}, 0, 0, -1 from ({changed}) where next_ms is null or next_ms >= t + {below_ms}
        union all
        select u, next_ms, 1, next_line, -1
        from ({changed}) where next_ms >= t + {least_ms} and next_ms < t + {below_ms}
    """


def silent_after(name: str, no: Sequence[str], over_ms: int, condition: str = "true") -> str:
    """The source of `sequence(A then no R for D)`: the instants at which it occurs."""
    others = ", ".join(f"'{other}'" for other in no)
    return f"""
        select u, null as v, t + {over_ms} as t, 0 as line
        from (
            select *, lead(t) over later as next_ms, lead(is_a) over later as next_is_a
            from (
                select u, t, line, name = '{name}' and {condition} as is_a
                from event where (name = '{name}' and {condition}) or name in ({others})
            )
            window later as (partition by u order by t, line)
        )
        where is_a and (next_ms is null or next_ms >= t + {over_ms})
    """
