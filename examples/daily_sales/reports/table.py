"""The report people read. It needs only parameters: what the tasks before it stored."""

from __future__ import annotations

from typing import Any

import digdag


def euros(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def show(title: str, sales: dict[str, dict[str, Any]], categories: dict[str, int]) -> None:
    """Prints the table and stores the totals. sales: shop -> units, cents; categories: category -> cents."""
    ranking = sorted(sales, key=lambda shop: (-sales[shop]["cents"], shop))
    units = sum(shop["units"] for shop in sales.values())
    cents = sum(shop["cents"] for shop in sales.values())
    if cents != sum(categories.values()):
        raise ValueError(f"shops say {cents} cents, categories say {sum(categories.values())}")
    print(title)
    for shop in ranking:
        print(f"  {shop:<10}{sales[shop]['units']:>6} units {euros(sales[shop]['cents']):>10} EUR")
    print(f"  {'all':<10}{units:>6} units {euros(cents):>10} EUR")
    digdag.env.store(total={"units": units, "cents": cents, "ranking": ranking, "best_shop": ranking[0]})
