"""A run to make a study of, and what readers might answer."""

import json
from pathlib import Path
from typing import Any

from services.evaluator.configuration import ReviewMakeConfiguration
from services.evaluator.review import make
from services.evaluator.review.study import Study
from tests.services.evaluator.run_writer import RunWriter, write_dataset


def write_run(folder: Path, *, accepted: int = 6, twins: int = 3, contents: int = 24, styles: int = 12) -> RunWriter:
    """A run of accepted pairs, each of another content, and as many passed twins of later contents."""
    dataset = write_dataset(folder / "dataset", contents=contents, styles=styles, size=64)
    run = RunWriter(folder / "run", dataset, pairs=accepted + twins)
    for pair in range(accepted):
        run.add_accepted(pair)
    for pair in range(accepted, accepted + twins):
        run.add_rejected(pair, "still_benign")
        run.add_twin(pair, accepted=True)
    return run


def make_study(run: RunWriter, output: Path, **options: Any) -> Study:
    """Make a study, and read its key."""
    before = set((run.path / "reviews").glob("*.json"))
    assert make.run(ReviewMakeConfiguration(run=run.address, output=output, **options)) == 0
    (key,) = set((run.path / "reviews").glob("*.json")) - before
    return Study.read(run.store, key.stem)


def answer_file(study: Study, path: Path, reader: str, **answers: dict[int, Any]) -> Path:
    """Write a reader's file.

    Args:
        study: that is answered.
        path: of the file.
        reader: who.
        answers: by question (origin, finding, usable, comment): what is said of which number.

    """
    numbers = sorted({number for given in answers.values() for number in given})
    entries = [
        {"item": number} | {question: given[number] for question, given in answers.items() if number in given}
        for number in numbers
    ]
    values = {"schema_version": 1, "study": study.study, "reader": reader, "saved_at": "", "answers": entries}
    path.write_text(json.dumps(values))
    return path
