"""A film as its source tells of it, before its pixels are read: what every source yields, table or archive."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.curator.readable_file import ReadableFile
from shared.dataset import Label, Laterality

# From least to worst; CBIS-DDSM's vocabulary.
PATHOLOGIES = ("BENIGN_WITHOUT_CALLBACK", "BENIGN", "MALIGNANT")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in pixels of a film."""

    x: float
    """Left edge."""
    y: float
    """Top edge."""
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something found on a film: its place is known, or can be read from one of some files."""

    label: str
    """"benign", "malignant", or empty where it is not known."""
    box: Box | None = None
    """In pixels of the film's file."""
    masks: tuple[tuple[str, ReadableFile], ...] = ()
    """Files, each with its name in the data set, one of which may be the finding's mask: the pixels decide which."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A film of a source; its pathology is the worst of its findings."""

    path: str
    """What the data set calls the file, for a folder its path below it; empty while only `sop_uid` is known."""
    patient_id: str
    """Empty while only the file's header knows it."""
    pathology: str
    laterality: Laterality
    view: str
    source: str
    row: int
    """First row of the film; the header is row 1."""
    sop_uid: str = ""
    """SOP Instance UID (0008,0018) of the file, where the table has no path."""
    name: str = ""
    """A short name for the film, where the source has one."""
    subset: str = ""
    """Part of the source, such as "mass" or "D2"."""
    official_split: str = ""
    """Part of the source's own split: "train", "test", "train, test" of a patient on both sides, or empty."""
    findings: tuple[Finding, ...] = ()

    @property
    def label(self) -> Label:
        """Class of the film: benign without callback counts as benign."""
        return label_of(self.pathology)


@dataclass(frozen=True, kw_only=True)
class SkippedFilm:
    """A film, or a file that might be one, that cannot be used."""

    path: str
    reason: str


def label_of(pathology: str) -> Label:
    """Class of a pathology of `PATHOLOGIES`."""
    return Label.MALIGNANT if pathology == "MALIGNANT" else Label.BENIGN


def worst(pathologies: Sequence[str]) -> str:
    """The worst of some pathologies of `PATHOLOGIES`."""
    return max(pathologies, key=PATHOLOGIES.index)
