"""What a phantom archive holds, and what a reader must make of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.curator.phantom.film import Phantom, make_phantom

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A phantom film: equal drawings have equal pixels."""

    seed: int
    malignant: bool
    laterality: str
    view: str

    def draw(self, rows: int, columns: int) -> Phantom:
        """Draw the film."""
        return make_phantom(
            seed=self.seed,
            malignant=self.malignant,
            laterality=self.laterality,
            view=self.view,
            rows=rows,
            columns=columns,
        )


@dataclass(frozen=True, kw_only=True)
class PlannedObject:
    """A DICOM file of the archive."""

    patient_id: str
    """PatientID (0010,0020) of the file."""
    study_uid: str
    series_uid: str
    sop_uid: str
    description: str
    """Series Description (0008,103E); without it the file has none."""
    number: int
    """Of the file in its series."""
    drawing: Drawing
    render: Callable[[Phantom], Pixels]
    """Pixels of the file, of the film that it belongs to."""
    elements: dict[str, object] = field(default_factory=dict)
    """More elements, by keyword."""
    damage: str = ""
    """What is done to the file: see `writing.DAMAGES`."""
    copied: bool = False
    """Whether the same file lies in a second folder as well."""

    @property
    def key(self) -> str:
        """What an expectation calls the file before its place is known."""
        return f"{self.sop_uid}#{self.number}"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must become of a film, or of a file."""

    becomes: str
    """"film", "merged" (into its twin), "skipped" or "left out"."""
    patient_id: str = ""
    laterality: str = ""
    view: str = ""
    pathology: str = ""
    subset: str = ""
    official_split: str = ""
    test: bool = False
    """Whether the film must be in the test split."""
    lesions: int = 0
    place: str = ""
    """`PlannedObject.key` of the file, its path once it is written, or a path that the table alone has."""
    twin: str = ""
    """Shared by films with the same pixels: the first of them by its path becomes a film, the others are merged."""
    reason: str = ""
    """How the reason begins, of a film that is skipped."""


@dataclass
class Plan:
    """A phantom archive."""

    collection: str
    """Folder in which an archive's download puts everything."""
    objects: list[PlannedObject] = field(default_factory=list)
    tables: dict[str, bytes] = field(default_factory=dict)
    """Files beside the films, by name."""
    expectations: list[Expectation] = field(default_factory=list)


def make_uid(root: str, *parts: object) -> str:
    """Make a UID that follows from its parts; it has the root's look."""
    digest = hashlib.sha256("/".join(["phantom archive", *(str(part) for part in parts)]).encode()).digest()
    return f"{root}.{1 + int.from_bytes(digest[:15])}"[:64]
