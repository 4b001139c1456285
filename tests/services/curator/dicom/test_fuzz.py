"""Damaged films are read or refused, and nothing else; `fuzz.py` tries as many as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.curator.film_file import read_film_file

sys.path.insert(0, str(Path(__file__).parent))

from fuzz import make_case
from seed_corpus import SHAPE, make_corpus

CORPUS = make_corpus()


@pytest.mark.parametrize("name", CORPUS)
def test_every_file_of_the_corpus_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(CORPUS[name])
    film = read_film_file(tmp_path / "film").film
    assert film.shape == SHAPE
    assert film.min() < 0.5 < film.max()


def test_some_of_the_damaged_files_are_read_and_some_refused_and_nothing_else_happens() -> None:
    script = Path(__file__).with_name("fuzz.py")
    done = subprocess.run(
        [sys.executable, str(script), "--cases", "600"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary, total = done.stdout.strip().splitlines()[-2:]
    assert total == "600 cases, 0 failures"
    read, refused = (int(part.split()[1]) for part in summary.split(", ")[:2])
    assert read + refused == 600
    assert min(read, refused) > 50


def test_a_case_follows_from_its_number() -> None:
    corpus = list(CORPUS.values())
    assert make_case(17, corpus) == make_case(17, corpus)
    assert make_case(17, corpus) != make_case(17 + len(corpus), corpus)
