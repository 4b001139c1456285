"""What the curator's commands are started with."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.configuration import Configuration


class PhantomConfiguration(Configuration, env_prefix="MAMMOSYNTH_DATASET_PHANTOM_"):
    """Options of `mammosynth dataset phantom`."""

    output: Path
    """Folder for the films, table.csv and lesions.csv."""

    patients: int = Field(default=40, ge=1, le=99_999)
    """Number of patients; each has two breasts in two views, four films."""

    malignant_share: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of breasts with a malignant mass, from 0 to 1; the others have a benign one."""

    rows: int = Field(default=512, ge=32, le=8192)
    """Height of a film in pixels."""

    columns: int = Field(default=384, ge=32, le=8192)
    """Width of a film in pixels."""

    format: Literal["png", "dicom"] = "png"
    """16-bit PNG, or 12-bit DICOM."""

    seed: int = Field(default=0, ge=0)
    """Equal seeds make equal films."""

    workers: int | None = Field(default=None, ge=1)
    """Processes; one a core when not given."""
