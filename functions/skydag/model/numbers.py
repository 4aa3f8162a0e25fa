"""Numbers as text, the way Java and JavaScript write them; Python's own text is a third way (L-171)."""

from __future__ import annotations

import math

EXACT_MAX = 1 << 53


def _digits_and_point(value: float) -> tuple[str, int]:
    """The shortest digits of a positive float and where its decimal point stands: 12.5 -> ("125", 2)."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    both = whole + ("" if fraction == "0" else fraction)
    digits = both.lstrip("0")
    return digits.rstrip("0"), len(whole) + int(exponent or 0) - (len(both) - len(digits))


def java_double(value: float) -> str:
    """Double.toString: 1.5, 100.0, 1.0E10, 1.0E-5, NaN, Infinity."""
    if math.isnan(value):
        return "NaN"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if math.isinf(value):
        return f"{sign}Infinity"
    if value == 0:
        return f"{sign}0.0"
    digits, point = _digits_and_point(abs(value))
    if not 1e-3 <= abs(value) < 1e7:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{point - 1}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
    return f"{sign}{whole}.{fraction or '0'}"


def javascript_number(value: int | float) -> str:
    """JSON.stringify of a number: 7, 1 for 1.0, 1e+21, null for NaN; integers past 2**53 are rounded (L-96)."""
    if isinstance(value, int):
        if -EXACT_MAX <= value <= EXACT_MAX:
            return str(value)
        try:
            value = float(value)
        except OverflowError:
            return "null"
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "null"
    sign = "-" if value < 0 else ""
    digits, point = _digits_and_point(abs(value))
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
