"""One shop's sales: `py>: tasks.load.shop`, `shop: north`."""

from __future__ import annotations

import digdag

from tasks.tables import database


def shop(shop: str) -> None:
    """Stores sales.<shop> = {rows, units, cents}; what the other shops stored stays beside it."""
    rows, units, cents = database(shop).execute(
        "select count(*), sum(quantity), sum(quantity * cents) from sales join products using (product)"
    ).fetchone()
    print(f"{shop}: {rows} rows, {units} units, {cents} cents")
    digdag.env.store(sales={shop: {"rows": rows, "units": units, "cents": cents}})
