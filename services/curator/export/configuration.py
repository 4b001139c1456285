"""What the exports are started with."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from shared.configuration import Configuration, Positional


class ExportConfiguration(Configuration):
    """What every export takes."""

    run: Annotated[str, Positional()]
    """Run directory: a folder, or a URL such as s3://bucket/run."""

    output: Annotated[str, Positional()]
    """Folder, or URL, that is written; empty, new, or one of the same export that was interrupted."""

    dataset: Path | None = None
    """Folder of the prepared data set; the one that the run was started with if not given."""

    partial: bool = False
    """Export what is recorded of a run that is not complete."""


class DicomExportConfiguration(ExportConfiguration, env_prefix="MAMMOSYNTH_EXPORT_DICOM_"):
    """Options of `mammosynth export dicom`."""

    sop_class: Literal["for-presentation", "secondary-capture"] = "for-presentation"
    """Digital Mammography X-Ray Image - For Presentation, or Secondary Capture Image."""

    uid_root: str | None = Field(default=None, pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$", max_length=38)
    """Root of UIDs that your organisation owns, such as 1.2.3.4; 2.25 and a UUID if not given."""

    transfer_syntax: Literal["explicit", "rle", "jpeg-ls"] = "explicit"
    """Uncompressed (Explicit VR Little Endian), RLE Lossless, or JPEG-LS Lossless."""

    grid: Literal["prepared", "original"] = "prepared"
    """The film as it was made, or brought back to the rows and columns of the content's original: unmirrored, at its
    place, black around it."""

    pixel_spacing: tuple[float, ...] | None = None
    """Millimetres between rows and between columns of the originals, such as 0.05 or 0.05,0.06, for films whose data
    set does not know it."""

    originals: Path | None = None
    """Folder that the data set was prepared from. With it the objects name their sources: SOP UIDs, image and patient
    ids of the data set; without it they hold stand-ins that lead to nobody."""

    @field_validator("pixel_spacing")
    @classmethod
    def _check_spacing(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and (len(value) not in (1, 2) or not all(0 < number <= 10 for number in value)):
            raise ValueError("needed one or two numbers above 0 and up to 10")
        return value


class TrainingSetConfiguration(ExportConfiguration):
    """What the exports for training code take."""

    real: bool = False
    """Export real films too, all of them."""

    balance: bool = False
    """Export real films too, and only as many accepted ones as the malignant class lacks."""

    ratio: float | None = Field(default=None, gt=0.0, le=100.0)
    """With --balance: malignant films wanted for each benign one; 1 if not given."""

    splits: tuple[Literal["train", "generation"], ...] = ("train",)
    """Splits whose films are exported as real ones."""

    format: Literal["png", "jpeg"] = "png"
    """16-bit grey PNG, or 8-bit grey JPEG, which is lossy."""

    @model_validator(mode="after")
    def _check_ratio(self) -> "TrainingSetConfiguration":
        if self.ratio is not None and not self.balance:
            raise ValueError("--ratio: says nothing without --balance")
        return self


class FolderExportConfiguration(TrainingSetConfiguration, env_prefix="MAMMOSYNTH_EXPORT_FOLDER_"):
    """Options of `mammosynth export folder`."""


class ParquetExportConfiguration(TrainingSetConfiguration, env_prefix="MAMMOSYNTH_EXPORT_PARQUET_"):
    """Options of `mammosynth export parquet`."""
