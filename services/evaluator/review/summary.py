"""Scores as people read them."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.evaluator.review.agreement import Agreement, Share
from services.evaluator.review.rejection import Rejection
from services.evaluator.review.scores import GROUPS, QUESTIONS, BetweenReaders, ReaderScores
from services.evaluator.review.study import Kind


def print_scores(
    console: Console,
    readers: Sequence[ReaderScores],
    between: Sequence[BetweenReaders],
    rejections: Sequence[Rejection],
    *,
    vetoed: Sequence[int],
    standing: int,
) -> None:
    """Print what readers said, how they agree, and what is vetoed.

    Args:
        console: that is printed to.
        readers: scores of each.
        between: of each two.
        rejections: films that any called not usable.
        vetoed: pairs that this study vetoes.
        standing: vetoes of the run, those of others included.

    """
    for scores in readers:
        console.print(_reader_table(scores))
    if between:
        console.print(_between_table(between))
    for one in rejections:
        name = f"pair {one.film.name}" if one.film.kind is Kind.ACCEPTED else f"{one.film.kind} film {one.film.name}"
        mark = "vetoed" if one.film.kind is Kind.ACCEPTED and int(one.film.name) in vetoed else "not vetoed"
        console.print(Text(f"{name}: {one.reason} ({mark})"), soft_wrap=True)
    console.print(Text(f"{len(vetoed)} films vetoed by this study, {standing} vetoed in the run"))


def _reader_table(scores: ReaderScores) -> Table:
    """One row a question, one column a group."""
    table = Table(
        title=Text(f"Reader {scores.reader}: {scores.answered} of {scores.items} answered in full; 95 % intervals"),
        title_justify="left",
    )
    for name in ("called", *GROUPS, "right", "agrees with oneself"):
        table.add_column(name)
    for called, groups, right, question in (
        ("synthetic", scores.called_synthetic, scores.origin_accuracy, "origin"),
        ("malignant", scores.called_malignant, scores.finding_accuracy, "finding"),
        ("usable", scores.called_usable, None, "usable"),
    ):
        cells = [_share(groups[name]) for name in GROUPS]
        table.add_row(called, *cells, _share(right), _agreement(scores.with_oneself[question]))
    return table


def _between_table(between: Sequence[BetweenReaders]) -> Table:
    table = Table(title="Between readers", title_justify="left")
    for name in ("readers", *QUESTIONS):
        table.add_column(name)
    for one in between:
        table.add_row(" and ".join(one.readers), *(_agreement(one.agreements[name]) for name in QUESTIONS))
    return table


def _share(share: Share | None) -> str:
    if share is None:
        return "-"
    return f"{share.count}/{share.of} {share.share:.0%} ({share.low:.0%} to {share.high:.0%})"


def _agreement(found: Agreement | None) -> str:
    if found is None:
        return "-"
    kappa = "-" if found.kappa is None else f"{found.kappa:.2f}"
    return f"{found.agreed.count}/{found.films}, kappa {kappa}"
