"""How well and how fast an engine finds: the product's own analysis and query on sets with known answers."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean

from search.answer import answer
from search.documents import CourseDocument
from search.engines.contract import Engine
from search.query import Query

DEPTH = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """One question's figures: reciprocal rank and nDCG among the first ten, recall among 10 and 100, milliseconds."""

    mrr: float
    ndcg: float
    recall_10: float
    recall_100: float
    ms: float


def sets(folder: Path) -> list[str]:
    """Names of the sets in a folder: those with ``NAME.corpus.jsonl``."""
    return sorted(path.name.removesuffix(".corpus.jsonl") for path in folder.glob("*.corpus.jsonl"))


def read(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def evaluate(engine: Engine, folder: Path, name: str) -> dict[str, dict[str, float]]:
    """Figures of one set by kind of question. ``engine`` is a library of its own: it is filled and left filled."""
    keys: list[str] = []
    engine.put(corpus(read(folder / f"{name}.corpus.jsonl"), keys))
    judged = {line["qid"]: line["qrels"] for line in read(folder / f"{name}.qrels.jsonl")}
    measured: dict[str, list[Measured]] = defaultdict(list)
    for line in read(folder / f"{name}.queries.jsonl"):
        begun = time.perf_counter()
        found = answer(engine, Query(text=line["query"], per_page=DEPTH), date.today()).found
        ms = (time.perf_counter() - begun) * 1000
        ranked = [keys[row.id - 1] for row in found.rows]
        measured[line["kind"]].append(measure(ranked, judged.get(line["qid"], {}), ms))
    return {kind: summary(rows) for kind, rows in sorted(measured.items())}


def corpus(lines: Iterable[dict], keys: list[str]) -> Iterator[CourseDocument]:
    """Documents numbered from 1; ``keys`` is filled with their ids in the set."""
    for line in lines:
        keys.append(line["id"])
        yield CourseDocument(
            id=len(keys), slug=line["id"], titles=(line["title"],), version=time.time_ns(), body=line["text"]
        )


def measure(ranked: Sequence[str], relevant: Mapping[str, float], ms: float) -> Measured:
    """``relevant`` by document id a grade above 0."""
    good = {key: grade for key, grade in relevant.items() if grade > 0}
    ranks = [rank for rank, key in enumerate(ranked, 1) if key in good]
    gain = sum(good[ranked[rank - 1]] / math.log2(rank + 1) for rank in ranks if rank <= 10)
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(sorted(good.values(), reverse=True)[:10], 1))
    return Measured(
        mrr=1 / ranks[0] if ranks and ranks[0] <= 10 else 0.0,
        ndcg=gain / ideal if ideal else 0.0,
        recall_10=sum(rank <= 10 for rank in ranks) / len(good) if good else 0.0,
        recall_100=len(ranks) / len(good) if good else 0.0,
        ms=ms,
    )


def summary(rows: Sequence[Measured]) -> dict[str, float]:
    times = sorted(row.ms for row in rows)
    figures = {
        name: round(mean(getattr(row, name) for row in rows), 4) for name in ("mrr", "ndcg", "recall_10", "recall_100")
    }
    return {
        **figures,
        "p50_ms": round(times[len(times) // 2], 2),
        "p95_ms": round(times[min(len(times) - 1, int(len(times) * 0.95))], 2),
        "queries": len(rows),
    }
