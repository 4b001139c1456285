"""Files of answers that are not what they should be."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.evaluator.review.answers import check_answers, read_answers
from services.evaluator.review.study import Study
from shared.errors import DatasetError
from tests.services.evaluator.review.made import answer_file

GOOD: dict[str, Any] = {"schema_version": 1, "study": "0123456789ab", "reader": "AB", "answers": [{"item": 1}]}

BROKEN: dict[str, tuple[Any, str]] = {
    "empty": (b"", "is no file of answers"),
    "no JSON": (b"\xff\xfe{", "is no file of answers"),
    "cut off": (json.dumps(GOOD).encode()[:-3], "is no file of answers"),
    "nested too deep": (b"[" * 200_000, "is no file of answers"),
    "a list": ([], "the file: Input should be"),
    "another schema": (GOOD | {"schema_version": 2}, "schema_version: Input should be less than or equal to 1"),
    "no reader": ({key: value for key, value in GOOD.items() if key != "reader"}, "reader: Field required"),
    "a reader who is a path": (GOOD | {"reader": "../../x"}, "reader: String should match"),
    "a study who is a path": (GOOD | {"study": "../run"}, "study: String should match"),
    "an answer that nobody can give": (GOOD | {"answers": [{"item": 1, "origin": "maybe"}]}, "answers.0.origin"),
    "usable in words": (GOOD | {"answers": [{"item": 1, "usable": "yes"}]}, "answers.0.usable"),
    "film 0": (GOOD | {"answers": [{"item": 0}]}, "answers.0.item"),
    "a question that nobody asked": (GOOD | {"answers": [{"item": 1, "density": 3}]}, "answers.0.density"),
    "a comment without end": (GOOD | {"answers": [{"item": 1, "comment": "x" * 2001}]}, "answers.0.comment"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "answers.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    with pytest.raises(DatasetError) as raised:
        read_answers([path])

    assert str(path) in raised.value.message
    assert message in raised.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.json: cannot be read: No such file"):
        read_answers([tmp_path / "gone.json"])


def test_files_of_two_studies_are_not_mixed(tmp_path: Path) -> None:
    for name, study in (("a", "0123456789ab"), ("b", "ba9876543210")):
        (tmp_path / f"{name}.json").write_text(json.dumps(GOOD | {"study": study, "reader": name}))

    with pytest.raises(DatasetError, match=r"b\.json: found answers to study ba9876543210, needed 0123456789ab"):
        read_answers([tmp_path / "a.json", tmp_path / "b.json"])


def test_a_reader_has_one_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(GOOD))

    with pytest.raises(DatasetError, match=r"b\.json: found answers of reader AB, whose file is .*a\.json"):
        read_answers([tmp_path / "a.json", tmp_path / "b.json"])


def test_an_answer_must_have_its_film(study: Study, tmp_path: Path) -> None:
    number = len(study.items) + 1
    (answers,) = read_answers([answer_file(study, tmp_path / "a.json", "AB", origin={number: "real"})])

    with pytest.raises(DatasetError, match=f"reader AB: found an answer to film {number}, needed 1 to {number - 1}"):
        check_answers(answers, study)


def test_a_film_has_one_answer(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(GOOD | {"study": study.study, "answers": [{"item": 2}, {"item": 2}]}))
    (answers,) = read_answers([path])

    with pytest.raises(DatasetError, match="reader AB: found two answers to film 2, needed one"):
        check_answers(answers, study)
