"""What a category of products brought in over all shops: `py>: tasks.categories.total`, once for each."""

from __future__ import annotations

import digdag

from tasks.tables import SHOPS, database


def total(category: str) -> None:
    """Stores categories.<category> = cents."""
    (cents,) = database(*SHOPS).execute(
        "select coalesce(sum(quantity * cents), 0) from sales join products using (product) where category = ?",
        [category],
    ).fetchone()
    print(f"{category}: {cents} cents")
    digdag.env.store(categories={category: cents})
