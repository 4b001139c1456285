"""What a prepared data set must not give away, and what its films' headers warned of."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.dataset import Film

# Their codes, paths and UIDs are public, and so are the dates in them, which the archives have shifted.
PUBLIC_SOURCES = ("cbis-ddsm", "cmmd")

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = re.compile(
    rf"(?<!\d)(?:{_YEAR}([-_.]?){_MONTH}\1{_DAY}|(?:{_MONTH}([-_.]){_DAY}|{_DAY}([-_.]){_MONTH})[-_.]{_YEAR})(?!\d)"
)
# Family name and given name, as DICOM writes them.
_NAME = re.compile(r"[^\W\d_]{2,}\^[^\W\d_]+")
_PLAIN_CHUNKS = (b"IHDR", b"IDAT", b"IEND")
_FLAGS = {
    "burned-in annotation": "files say that text is burned into the pixels: look whether any is within a breast",
    "implant": "show a breast with an implant",
    "magnification": "are magnification views",
    "spot compression": "are spot compression views",
    "synthetic": "are synthetic, as their headers say, and must not pass for real ones",
    "partial view": "show a part of the breast",
}


def find_leaks(films: Sequence[Film], *, pseudonymised: bool) -> Iterator[tuple[str, str]]:
    """What of a clinic's films may lead to a patient: where, and what it is.

    Args:
        films: of a data set; those of public archives are passed over.
        pseudonymised: whether UIDs were replaced when it was prepared.

    """
    own = [film for film in films if film.source not in PUBLIC_SOURCES]
    for film in own:
        for column, text in (("path", film.origin.path), ("patient_id", film.patient_id), ("image_id", film.image_id)):
            if _NAME.search(text):
                yield film.image_id, f"{column} seems to hold a person's name"
            if _DATE.search(text):
                yield film.image_id, f"{column} seems to hold a date"
    with_uids: dict[str, int] = defaultdict(int)
    for film in own:
        with_uids[film.source] += bool(film.origin.sop_uid)
    for source, count in sorted(with_uids.items()):
        if count and not pseudonymised:
            yield source, f"UIDs of {count} files are kept, which lead to a patient; --pseudonymise replaces them"


def sum_up_flags(films: Sequence[Film]) -> Iterator[tuple[str, str]]:
    """What the headers warned of: the first film that it holds for, and of how many."""
    counts = Counter(flag for film in films for flag in film.flags)
    for flag, count in sorted(counts.items()):
        first = next(film.image_id for film in films if flag in film.flags)
        yield first, f"{flag}: {count} films, of which this is the first, {_FLAGS.get(flag, 'are marked so')}"


def hidden_chunks(png: Path) -> list[str]:
    """Names of the parts of a PNG that hold something else than pixels, such as text or a time."""
    found = []
    with png.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            kind = head[4:]
            if kind not in _PLAIN_CHUNKS:
                found.append(kind.decode("latin-1"))
            file.seek(int.from_bytes(head[:4]) + 4, 1)
    return found
