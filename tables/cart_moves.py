"""Additions to the cart and removals from it, of the last while: [[t, key, quantity, before], ...] by (t, arrival).

An event that comes late is put at its own time; what later ones do to its product is done anew. So the order in which
they came does not decide. `quantity` in millionths: above 0 for an addition, below for a removal, None where all of it
goes. `before`: the quantity of the product before this move.
"""

from typing import Any, Final

from tables.values import MICROS, NUMBER_MAX

MOVES_MAX: Final = 100
QUANTITY_MAX: Final = NUMBER_MAX * MICROS


def forget(moves: list[list[Any]], kept_ms: int) -> None:
    """Forgets those before an instant."""
    if moves and moves[0][0] < kept_ms:
        del moves[: next((n for n, move in enumerate(moves) if move[0] >= kept_ms), len(moves))]


def forget_product(moves: list[list[Any]], key: str) -> None:
    """Forgets those of a product."""
    moves[:] = [move for move in moves if move[1] != key]


def put(moves: list[list[Any]], t: int, key: str, quantity: int | None, now_there: int) -> tuple[int, int]:
    """Adds a move of a product. Returns its quantity, and the latest t of what then changed it; -1 if nothing did."""
    at = len(moves)
    before = now_there
    while at and moves[at - 1][0] > t:
        at -= 1
        if moves[at][1] == key:
            before = moves[at][3]
    moves.insert(at, [t, key, quantity, before])
    left, latest_ms = before, -1
    for move in moves[at:]:
        if move[1] == key:
            move[3] = left
            left = _after(left, move[2])
            if left != move[3] or (move[2] or 0) > 0:
                latest_ms = move[0]
    if moves[at][3] == _after(moves[at][3], quantity) and (quantity or 0) <= 0:
        latest_ms = -1
    if len(moves) > MOVES_MAX:
        del moves[0]
    return left, latest_ms


def _after(before: int, quantity: int | None) -> int:
    return 0 if quantity is None else max(0, min(before + quantity, QUANTITY_MAX))
