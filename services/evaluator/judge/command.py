"""`mammosynth judge`: ask a second classifier about the films that a run made, and say whether it follows the gate."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from services.evaluator.configuration import JudgeConfiguration
from services.evaluator.films import OriginalFilms
from services.evaluator.judge.agreement import Agreement, Estimate, GroupShift, Judged, agreement, excess, shifts
from services.evaluator.judge.films import Group, Made, made_films
from services.evaluator.run_directory import RunDirectory
from shared.errors import ConfigurationError, DatasetError, MammosynthError
from shared.images import Film, Mask
from shared.log import get_logger
from shared.models import ModelArtefact, read_model
from shared.progress import progress
from shared.record import Source
from shared.scoring.preparation import prepare
from shared.scoring.provider import Provider
from shared.scoring.session import ScoringSession
from shared.store import Store, place_of

SCHEMA_VERSION = 1


def run(configuration: JudgeConfiguration) -> int:
    """Judge a run's films, print the table and write `judge-<name>.json`; returns the exit code, 0.

    Films that people vetoed have no part in it.

    Raises:
        NotFoundError: if there is no run.
        DatasetError: if the run's data set or a film is not there, or nothing was made.
        ModelError: if the judge cannot be read.
        ConfigurationError: if the judge is the run's own classifier.
        UnavailableError: if the file cannot be written, or object storage does not answer.

    """
    directory = RunDirectory.open(Store(configuration.run))
    for problem in directory.unreadable:
        get_logger("judge").warning(problem)
    artefact = read_model(configuration.model, "classifier")
    if artefact.sha256 == directory.pins["models"]["classifier"]["sha256"]:
        raise ConfigurationError("--model: found the run's own classifier, needed another one: it would judge itself")
    originals = OriginalFilms.open(configuration.dataset, directory.options, directory.pins["dataset_sha256"])
    if originals.dataset is None or originals.problem:
        raise DatasetError(originals.problem)
    independence = _independence(artefact, directory)
    if independence:
        get_logger("judge").warning(independence)
    films = judge_films(artefact, directory, originals, threads=configuration.threads)
    groups, agreed = shifts(films), agreement(films)
    differences = {
        figure: excess(films, figure, group=Group.ACCEPTED, placebo=Group.PLACEBO_ACCEPTED)
        for figure in ("judge_logit_shift", "judge_probability_shift", "gate_logit_shift")
    }
    name = artefact.metadata.name
    result = {
        "schema_version": SCHEMA_VERSION,
        "judge": {"name": name, "sha256": artefact.sha256, "metrics": artefact.metadata.metrics},
        "independence": independence,
        "vetoed": len(directory.vetoes),
        "groups": {group.value: asdict(shift) for group, shift in groups.items()},
        "accepted_less_placebo_accepted": {
            figure: asdict(estimate) if estimate else None for figure, estimate in differences.items()
        },
        "agreement": asdict(agreed),
        "films": [asdict(film) for film in films],
    }
    given = configuration.output
    store, file = (directory.store, f"judge-{name}.json") if given is None else place_of(given)
    store.write(file, (json.dumps(_without_nan(result), indent=1) + "\n").encode())
    _print(artefact, groups, differences, agreed)
    if directory.vetoes:
        Console().print(
            f"left out, as people vetoed them: {len(directory.vetoes)} of {len(directory.accepted)} accepted films"
        )
    Console().print(f"written {store.address.rstrip('/')}/{file}", soft_wrap=True, highlight=False, markup=False)
    return 0


def judge_films(
    artefact: ModelArtefact, directory: RunDirectory, originals: OriginalFilms, *, threads: int
) -> list[Judged]:
    """Ask the judge about every film kept, and about the film that it was made from."""
    session = ScoringSession(artefact, provider=Provider.CPU, batch=None, threads=threads)
    region = session.description.region

    def ask(film: Film, mask: Mask) -> tuple[float, float]:
        answer = session.run([prepare(film, mask, size=session.size, region=region)])
        return float(answer["logit"][0]), float(answer["probability"][0])

    @cache
    def original(source: Source) -> tuple[Mask, float, float]:
        found = originals.film(source)
        if found is None:
            raise DatasetError(f"{source.image_id}: not in the run's data set, or another film, needed to judge by")
        return found[1], *ask(*found)

    made = list(made_films(directory))
    if not made:
        raise DatasetError(f"{directory.store.address}: found no film that the run made and kept, needed one or more")
    with progress("judging films", total=len(made)) as reporter:
        judged = []
        for one in made:
            mask, logit_before, probability_before = original(one.content)
            judged.append(_judged(one, *ask(one.film(), mask), logit_before, probability_before))
            reporter.advance()
    return judged


def _judged(made: Made, logit: float, probability: float, logit_before: float, probability_before: float) -> Judged:
    if made.content.scores is None:
        raise AssertionError("films of contents without scores are left out")
    return Judged(
        group=made.group,
        pair=made.pair,
        trial=made.trial,
        content=made.content.image_id,
        gate_probability=made.scores.probability,
        gate_logit_shift=made.scores.logit - made.content.scores.logit,
        judge_probability=probability,
        judge_probability_shift=probability - probability_before,
        judge_logit_shift=logit - logit_before,
    )


def _independence(judge: ModelArtefact, directory: RunDirectory) -> str:
    """Say what speaks against the judge's independence; empty where it was trained on other patients than the gate."""
    path = Path(str(directory.options.get("models", ""))) / "classifier.onnx"
    try:
        gate = read_model(path, "classifier", expected_sha256=directory.pins["models"]["classifier"]["sha256"])
    except MammosynthError as error:
        return f"whether the judge was trained on other patients than the gate is not known: {error.message}"
    parts, seeds = ([model.metadata.options.get(name) for model in (judge, gate)] for name in ("part", "seed"))
    if judge.metadata.training_set_sha256 != gate.metadata.training_set_sha256:
        return "judge and gate were trained on different data sets; whether they share patients is not known"
    if None in parts or seeds[0] != seeds[1] or not _separate(str(parts[0]), str(parts[1])):
        return "judge and gate share training patients: train each on a --part of its own, with the same --seed"
    return ""


def _separate(one: str, other: str) -> bool:
    (index, count), (other_index, other_count) = one.split("/"), other.split("/")
    return count == other_count and index != other_index


def _without_nan(value: Any) -> Any:
    """Put None for NaN, which JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _print(
    judge: ModelArtefact,
    groups: Mapping[Group, GroupShift],
    differences: Mapping[str, Estimate | None],
    agreed: Agreement,
) -> None:
    table = Table(title=f"judge {judge.metadata.name}: mean change from the content (95 % interval over contents)")
    for heading in ("films made", "films", "contents", "gate's logit", "judge's logit", "judge's probability"):
        table.add_column(heading, justify="left" if heading == "films made" else "right")
    for group, shift in groups.items():
        figures = (shift.gate_logit, shift.judge_logit, shift.judge_probability)
        table.add_row(group.replace("_", ", "), str(shift.films), str(shift.contents), *map(_written, figures))
    table.add_row(
        "accepted less placebo",
        "",
        "",
        *(_written(differences[f"{name}_shift"]) for name in ("gate_logit", "judge_logit", "judge_probability")),
    )
    console = Console()
    console.print(table)
    console.print(
        f"judge and gate make the same call on {_written(agreed.same_call, sign=False)} of {agreed.films} films, "
        f"kappa {_written(agreed.kappa)}, rank correlation of their logit's changes {_written(agreed.rank_correlation)}"
    )


def _written(estimate: Estimate | None, *, sign: bool = True) -> str:
    if estimate is None or math.isnan(estimate.value):
        return "-"
    form: Sequence[float] = [estimate.value]
    if estimate.low is not None and estimate.high is not None:
        form = [estimate.value, estimate.low, estimate.high]
    texts = [f"{value:+.3f}" if sign else f"{value:.3f}" for value in form]
    return texts[0] if len(texts) == 1 else f"{texts[0]} ({texts[1]} to {texts[2]})"
