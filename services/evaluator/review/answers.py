"""What readers saved: one JSON file each, written by the page.

{"schema_version": 1, "study": "…", "reader": "AB", "saved_at": "…",
 "answers": [{"item": 1, "origin": "real", "finding": "benign", "usable": true, "comment": ""}]}
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.evaluator.review.study import Study
from shared.errors import DatasetError

_LARGEST = 20_000_000


class Origin(StrEnum):
    """Where a reader thinks that a film comes from."""

    REAL = "real"
    SYNTHETIC = "synthetic"


class Finding(StrEnum):
    """What a reader thinks that a film shows."""

    BENIGN = "benign"
    MALIGNANT = "malignant"


class Answer(BaseModel):
    """What one reader said of one place; None is what was not answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: int = Field(ge=1, strict=True)
    origin: Origin | None = None
    finding: Finding | None = None
    usable: bool | None = Field(default=None, strict=True)
    comment: str = Field(default="", max_length=2000)


class Answers(BaseModel):
    """The file of one reader."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(ge=1, le=1)
    study: str = Field(pattern=r"^[0-9a-f]{12}$")
    reader: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")
    saved_at: str = Field(default="", max_length=40)
    answers: tuple[Answer, ...]

    @property
    def by_item(self) -> dict[int, Answer]:
        """Answers by the number of their place."""
        return {answer.item: answer for answer in self.answers}


def read_answers(paths: Sequence[Path]) -> list[Answers]:
    """Read the files of one study, one of each reader.

    Raises:
        DatasetError: naming the file that is missing, broken, of another study, or of a reader who has one already.

    """
    found: dict[str, tuple[Path, Answers]] = {}
    for path in paths:
        answers = _read(path)
        first = next(iter(found.values()), (path, answers))
        if answers.study != first[1].study:
            raise DatasetError(
                f"{path}: found answers to study {answers.study}, needed {first[1].study} as in {first[0]}; "
                "read one study at a time"
            )
        if answers.reader in found:
            raise DatasetError(
                f"{path}: found answers of reader {answers.reader}, whose file is {found[answers.reader][0]}; "
                "needed one file of each reader"
            )
        found[answers.reader] = (path, answers)
    return [answers for _, answers in found.values()]


def check_answers(answers: Answers, study: Study) -> None:
    """Check that each answer has a place in the study.

    Raises:
        DatasetError: naming the reader and the place.

    """
    known = {item.number for item in study.items}
    seen: set[int] = set()
    for answer in answers.answers:
        if answer.item not in known:
            raise DatasetError(
                f"reader {answers.reader}: found an answer to film {answer.item}, needed 1 to {len(known)}"
            )
        if answer.item in seen:
            raise DatasetError(f"reader {answers.reader}: found two answers to film {answer.item}, needed one")
        seen.add(answer.item)


def _read(path: Path) -> Answers:
    try:
        if path.stat().st_size > _LARGEST:
            raise DatasetError(f"{path}: found more than {_LARGEST // 1_000_000} MB, needed the answers of a reader")
        return Answers.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DatasetError(f"{path}: is no file of answers: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: is no file of answers: {error}") from error
