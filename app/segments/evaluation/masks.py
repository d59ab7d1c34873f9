"""Sets of segments as whole numbers: one bit a segment, at its number in the order of settlement."""


def numbers_of(mask: int) -> list[int]:
    """The numbers of the segments in a mask, ascending.

    >>> numbers_of(0b1011), numbers_of(0)
    ([0, 1, 3], [])
    """
    if not mask & (mask - 1):  # none or one, as at nearly every timer
        return [mask.bit_length() - 1] if mask else []
    digits = bin(mask)[:1:-1]
    numbers = []
    at = digits.find("1")
    while at >= 0:
        numbers.append(at)
        at = digits.find("1", at + 1)
    return numbers
