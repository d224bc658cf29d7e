"""The bench that is kept with the program."""

from functools import cache

from app.lab.bench.results import Bench, parse_bench
from app.lab.cost.kept import KEPT


@cache
def kept_bench() -> Bench:
    return parse_bench(KEPT.read_text(encoding="utf-8"))
