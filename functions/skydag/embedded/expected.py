"""What examples/daily_sales must come to, counted from its CSV files without skydag."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skydag.model.records import dataclass

SHOPS: Final = ("north", "south", "harbour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """shops: shop -> rows, units, cents. ranking: best first."""

    shops: Mapping[str, Mapping[str, int]]

    @property
    def units(self) -> int:
        return sum(shop["units"] for shop in self.shops.values())

    @property
    def cents(self) -> int:
        return sum(shop["cents"] for shop in self.shops.values())

    @property
    def ranking(self) -> list[str]:
        return sorted(self.shops, key=lambda shop: (-self.shops[shop]["cents"], shop))

    @property
    def forecast(self) -> int:
        return self.units + self.units // 20


def sales(project: Path) -> Sales:
    """Read from the project's data folder."""
    prices = {row["product"]: int(row["cents"]) for row in _rows(project, "products")}
    shops = {}
    for shop in SHOPS:
        rows = _rows(project, shop)
        shops[shop] = {
            "rows": len(rows), "units": sum(int(row["quantity"]) for row in rows),
            "cents": sum(int(row["quantity"]) * prices[row["product"]] for row in rows)}
    return Sales(shops=shops)


def _rows(project: Path, name: str) -> list[dict[str, str]]:
    with (project / "data" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
