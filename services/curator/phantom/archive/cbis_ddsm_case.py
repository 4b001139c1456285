"""A full view of the phantom CBIS-DDSM, and what is done to it."""

from dataclasses import dataclass

from services.curator.phantom.archive.plan import Drawing, make_uid

_ROOT = "1.3.6.1.4.1.9590.100.1.2"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A full view in one of the two sets."""

    patient: int
    kind: str
    """"mass" or "calc"."""
    part: str
    """"train" or "test"."""
    drawing: Drawing
    findings: tuple[str, ...]
    """Pathologies."""
    trap: str = ""
    becomes: str = "film"
    worst: str = ""
    """Pathology that the film must get; the worst of the findings where it is empty."""
    on_both_sides: bool = False

    @property
    def patient_id(self) -> str:
        """In the tables."""
        return f"P_{self.patient:05d}"

    @property
    def name(self) -> str:
        """Of the film, which its file gives for its patient."""
        part = "Training" if self.part == "train" else "Test"
        return f"{self.kind.title()}-{part}_{self.patient_id}_{self.drawing.laterality}_{self.drawing.view}"

    @property
    def image_path(self) -> str:
        """What the tables call the full view's file."""
        return f"{self.name}/{self.uid('study')}/{self.uid('series')}/000000.dcm"

    def uid(self, *parts: object) -> str:
        """A UID that follows from the film's name and the parts."""
        return make_uid(_ROOT, self.name, *parts)
