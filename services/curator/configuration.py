"""What the curator's commands are started with."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from services.curator.traps import TRAPS
from shared.configuration import Configuration, Positional


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
    """16-bit PNG, or 12-bit DICOM; an archive is always DICOM."""

    layout: Literal["plain", "cbis-ddsm", "cmmd"] = "plain"
    """A folder of films with tables, or an archive as it is downloaded, with `expected.csv`: what a reader must make of
    it, film by film."""

    download: Literal["classic", "descriptive", "zip", "flat"] = "classic"
    """How the files of an archive lie: folders named by UIDs, folders named by words, a zip for each series, or all in
    one folder."""

    traps: tuple[str, ...] = ()
    """Traps of the archive's true files to lay: all, or some by name, with commas."""

    seed: int = Field(default=0, ge=0)
    """Equal seeds make equal films."""

    workers: int | None = Field(default=None, ge=1)
    """Processes; one a core when not given."""

    @field_validator("traps")
    @classmethod
    def _check_traps(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = TRAPS.get(info.data.get("layout", "plain"), ())
        if value == ("all",) and known:
            return known
        for trap in value:
            if trap not in known:
                raise ValueError(f"found {trap!r}, needed all, or some of {', '.join(known) or 'no traps'}")
        return value


class PrepareConfiguration(Configuration, env_prefix="MAMMOSYNTH_DATASET_PREPARE_"):
    """Options of `mammosynth dataset prepare`."""

    cbis_ddsm: Path | None = None
    """Folder with what was downloaded of CBIS-DDSM, in any layout, and its tables of case descriptions."""

    cmmd: Path | None = None
    """Folder with what was downloaded of CMMD, in any layout, and its spreadsheet."""

    images: Path | None = None
    """Folder of other films: PNG, JPEG, TIFF or DICOM, grey, 8 to 16 bit."""

    table: Path | None = None
    """CSV of the films in images, with the columns path (below the folder), patient_id and pathology; laterality, view
    and source if known. Patient, laterality and view of DICOM files may be left to their headers; a column sop_uid can
    stand for path."""

    lesions: Path | None = None
    """CSV of lesions on the films in images, one a row: path, x, y, width, height in pixels of the file (x, y of the
    top left corner), and pathology if known."""

    output: Path
    """Folder of the prepared data set; one that was not finished is continued."""

    size: int = Field(default=256, ge=16, le=4096)
    """Side of the square that each film is brought to, in pixels."""

    aspect_ratio: str | None = None
    """Width:height of the films before they were stretched to the rows and columns of the files, such as 4:7; leave it
    out when pixels are square."""

    mirror_right: bool = True
    """Flip breasts that point to the left, as right breasts mostly do, so that all point to the right."""

    keep_original: bool = False
    """Keep each film at its own resolution too, cut to the breast as the prepared one is: what is done to lesions needs
    it. Takes the originals' room on disk."""

    bits: int = Field(default=16, ge=8, le=16)
    """Bits that 16-bit files use: 12 when white is 4095. DICOM files with a window or VOI LUT say it themselves."""

    without_callback: Literal["benign", "drop"] = "benign"
    """What to do with films that are BENIGN_WITHOUT_CALLBACK."""

    source: str = Field(default="folder", min_length=1)
    """Archive or clinic of films whose row names none."""

    test: Literal["official", "share", "none"] = "official"
    """Which patients are kept for evaluation only: the source's official test list where it has one, else a share;
    a share of every source; none gives the paper's own split."""

    test_share: float = Field(default=0.15, gt=0.0, lt=1.0)
    """Share of the patients in the test split."""

    seed: int = Field(default=0, ge=0)
    """Of the split."""

    pseudonymise: Path | None = None
    """File outside the data set with a secret key of 16 bytes or more: patients, paths and UIDs become hashes keyed
    with it, and the table that leads back is written beside it."""

    strict: bool = False
    """End with exit code 3 when files were skipped."""

    workers: int | None = Field(default=None, ge=1)
    """Processes; one a core when not given, fewer where the machine has less than a GiB for each."""

    @field_validator("aspect_ratio")
    @classmethod
    def _check_aspect_ratio(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"0*[1-9]\d{0,4}:0*[1-9]\d{0,4}", value):
            raise ValueError("needed two whole numbers, width:height, such as 4:7")
        return value

    @property
    def width_to_height(self) -> float | None:
        """The aspect ratio as a number."""
        if self.aspect_ratio is None:
            return None
        width, height = self.aspect_ratio.split(":")
        return int(width) / int(height)


class CheckConfiguration(Configuration, env_prefix="MAMMOSYNTH_DATASET_CHECK_"):
    """Options of `mammosynth dataset check`."""

    dataset: Annotated[Path, Positional()]
    """Folder of the prepared data set."""

    workers: int | None = Field(default=None, ge=1)
    """Processes; one a core when not given."""
