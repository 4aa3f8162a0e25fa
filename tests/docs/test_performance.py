"""docs/performance.md shows the rows that `make bench` prints."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def shown() -> list[list[str]]:
    """name, goal, figure, Digdag's figure, of each line of the table."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_table_has_the_rows_of_the_benchmark_with_their_goals_in_order() -> None:
    assert [(name, goal, digdag) for name, goal, _, digdag in shown()] == [
        (row.name, row.goal, row.digdag) for row in ROWS]


def test_each_row_has_a_figure_in_its_unit() -> None:
    for (name, _, figure, _), row in zip(shown(), ROWS, strict=True):
        assert figure.removesuffix(" !").endswith(row.unit), name
        float(figure.split(" ")[0])
