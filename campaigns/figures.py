"""Figures as they are written in Vietnamese: dots between thousands, a comma before decimals."""

from __future__ import annotations

_VIETNAMESE = str.maketrans(",.", ".,")


def number(value: float, places: int = 0) -> str:
    """`1234.5` as `1.234,5`, with so many decimals at most."""
    written = f"{value:,.{places}f}"
    return (written.rstrip("0").rstrip(".") if places else written).translate(_VIETNAMESE)


def dong(amount: float) -> str:
    """An amount of money, whole: `1.200.000 đồng`."""
    return f"{number(amount)} đồng"
