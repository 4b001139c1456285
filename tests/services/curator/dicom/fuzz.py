"""Damages films at random and reads them: each must be read or refused, within five seconds and one GiB.

    python tests/services/curator/dicom/fuzz.py --cases 50000

A case is a pure function of its number, so one that failed is run again by `--first NUMBER --cases 1`. Cases run in a
child process, so that one that kills it is found too. Ends with 1 if any case failed.
"""

import argparse
import faulthandler
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

REPOSITORY = Path(__file__).parents[4]
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent)]

from seed_corpus import make_corpus  # noqa: E402  the path comes first

from services.curator.film_file import read_film_file  # noqa: E402
from shared.errors import InvalidImageError  # noqa: E402

LONGEST_S = 5.0
MOST_MIB = 1024
# Numbers that break readers: lengths, sizes, signs.
_WORDS = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFE,
    0xFFFF,
    100_000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
_REPRESENTATIONS = [b"OB", b"OW", b"UN", b"SQ", b"US", b"SS", b"UI", b"DS", b"IS", b"LO", b"UT", b"FD", b"AT", b"??"]


def _cut(data: bytearray, place: int, _: Random) -> None:
    del data[place:]


def _flip(data: bytearray, place: int, random: Random) -> None:
    data[place] ^= 1 << random.randrange(8)


def _write_word(data: bytearray, place: int, random: Random) -> None:
    size, order = random.choice((2, 4)), random.choice(("little", "big"))
    word = random.choice(_WORDS) & (1 << 8 * size) - 1
    data[place : place + size] = word.to_bytes(size, order)  # type: ignore[arg-type]


def _drop(data: bytearray, place: int, random: Random) -> None:
    del data[place : place + random.randint(1, 64)]


def _insert(data: bytearray, place: int, random: Random) -> None:
    data[place:place] = random.randbytes(random.randint(1, 64))


def _represent(data: bytearray, place: int, random: Random) -> None:
    at = data.find(random.choice(_REPRESENTATIONS[:-1]), place)
    if at >= 0:
        data[at : at + 2] = random.choice(_REPRESENTATIONS)


_DAMAGES = (_cut, _flip, _write_word, _write_word, _drop, _insert, _represent)


def damage(content: bytes, others: list[bytes], random: Random) -> bytes:
    """One to four damages to a file."""
    data = bytearray(content)
    for _ in range(random.randint(1, 4)):
        if not data:
            break
        # Most of what can go wrong stands in the header.
        place = random.randrange(len(data)) if random.random() < 0.5 else random.randrange(min(len(data), 1200))
        kind = random.randrange(len(_DAMAGES) + 1)
        if kind < len(_DAMAGES):
            _DAMAGES[kind](data, place, random)
        else:
            other = random.choice(others)
            start = random.randrange(len(other))
            data[place : place + 200] = other[start : start + random.randint(1, 400)]
    return bytes(data)


def make_case(number: int, corpus: list[bytes]) -> bytes:
    """The file of a case."""
    random = Random(number)
    return damage(corpus[number % len(corpus)], corpus, random)


def say(text: str) -> None:
    """Print a line at once: whoever comes next may die."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_cases(first: int, cases: int, progress: Path) -> None:
    """Read cases in this process; prints those that fail, and writes the number of each before it is read."""
    corpus = list(make_corpus().values())
    read = refused = 0
    with tempfile.TemporaryDirectory() as folder, progress.open("w") as place:
        path = Path(folder, "film")
        for number in range(first, first + cases):
            place.seek(0)
            place.write(f"{number:12d}")
            place.flush()
            path.write_bytes(make_case(number, corpus))
            faulthandler.dump_traceback_later(LONGEST_S, exit=True)
            try:
                read_film_file(path)
                read += 1
            except InvalidImageError:
                refused += 1
            except BaseException as error:
                say(f"case {number}: {type(error).__name__}: {error}")
            faulthandler.cancel_dump_traceback_later()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            if peak > MOST_MIB:
                say(f"case {number}: {peak} MiB")
                sys.exit(3)
    say(f"read {read}, refused {refused}, peak {peak} MiB")


def main() -> int:
    """Run all cases, however often the child dies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--child", type=Path, default=None)
    given = parser.parse_args()
    if given.child:
        run_cases(given.first, given.cases, given.child)
        return 0
    failures, last = 0, given.first + given.cases
    with tempfile.TemporaryDirectory() as folder:
        progress, first = Path(folder, "case"), given.first
        while first < last:
            command = [sys.executable, __file__, "--first", str(first), "--cases", str(last - first)]
            child = subprocess.run([*command, "--child", str(progress)], capture_output=True, text=True, check=False)
            failures += sum(line.startswith("case") for line in child.stdout.splitlines())
            say(child.stdout.rstrip())
            if child.returncode == 0:
                break
            number = int(progress.read_text())
            if child.returncode != 3:
                failures += 1
                say(f"case {number}: the reader died with {child.returncode}: {child.stderr[-2000:]}")
            first = number + 1
    say(f"{given.cases} cases, {failures} failures")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
