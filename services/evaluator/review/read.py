"""`mammosynth review read`: score what readers answered, and veto the films that they reject."""

import json
from dataclasses import asdict
from typing import Any

from rich.console import Console

from services.evaluator.configuration import ReviewReadConfiguration
from services.evaluator.review.answers import check_answers, read_answers
from services.evaluator.review.rejection import find_rejections
from services.evaluator.review.scores import score_between, score_reader
from services.evaluator.review.study import FOLDER, Kind, Study
from services.evaluator.review.summary import print_scores
from services.evaluator.run_directory import RunDirectory
from shared.errors import DatasetError
from shared.store import Store
from shared.vetoes import Veto, replace_vetoes

SCHEMA_VERSION = 1


def run(configuration: ReviewReadConfiguration) -> int:
    """Print the scores, write them and the vetoes into the run; returns the exit code, 0.

    Reading again, with other readers or another rule, replaces what this study came to before.

    Raises:
        NotFoundError: if there is no run, or it has no such study.
        DatasetError: if a file of answers is broken, or of another study, or the run's films are not those reviewed, or
            its vetoes are broken.
        UnavailableError: if something cannot be written, or object storage does not answer.

    """
    everybody = read_answers(configuration.answers)
    store = Store(configuration.run)
    directory = RunDirectory.open(store)
    study = Study.read(store, everybody[0].study)
    for answers in everybody:
        check_answers(answers, study)
    _check_films(study, {str(record.pair): record.sha256 for record in directory.accepted})
    readers = [score_reader(answers, study) for answers in everybody]
    between = score_between(everybody, study)
    rejections = find_rejections(everybody, study)
    vetoes = [
        Veto(pair=int(one.film.name), sha256=one.film.sha256, reason=one.reason, study=study.study)
        for one in rejections
        if one.is_vetoed(configuration.veto)
    ]
    standing = replace_vetoes(store, study.study, vetoes)
    result: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "study": study.study,
        "veto": configuration.veto,
        "vetoed": len(vetoes),
        "readers": [asdict(scores) for scores in readers],
        "between_readers": [asdict(scores) for scores in between],
        "rejected": [asdict(one) | {"film": one.film.model_dump(mode="json")} for one in rejections],
    }
    name = f"{FOLDER}/{study.study}-scores.json"
    store.write(name, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    print_scores(Console(), readers, between, rejections, vetoed=[veto.pair for veto in vetoes], standing=standing)
    Console().print(f"scores {store.address.rstrip('/')}/{name}", soft_wrap=True, highlight=False, markup=False)
    return 0


def _check_films(study: Study, accepted: dict[str, str]) -> None:
    for film in study.films:
        if film.kind is Kind.ACCEPTED and accepted.get(film.name) != film.sha256:
            raise DatasetError(f"pair {film.name}: its film is no longer the one that was reviewed")
