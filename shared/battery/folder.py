"""The folder of a battery, and its reader.

battery.json            what it is made from and with, its kinds, every film; written last
films/<kind>/<id>.png   spoiled films, 16-bit grey, by the image_id of the film that was spoiled
masks/<id>.png          breast masks of the films that were spoiled, 1 bit
records/<kind>/<id>.json one film's entry, written after it: what a restart goes by
making.json             what an unfinished battery was begun with
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from shared.dataset.schema import check_image_id
from shared.errors import DatasetError, InvalidImageError
from shared.images import Film, Mask, decode_mask_png, decode_png16, sha256_pixels

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One way in which films were spoiled."""

    name: str
    stylised: bool
    """Whether by style transfer."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """The recipe, as a record holds it, or the spoiler's numbers."""


@dataclass(frozen=True, kw_only=True)
class BatteryFilm:
    """One spoiled film."""

    kind: str
    content: str
    """image_id of the film that was spoiled."""
    patient_id: str
    label: str
    """Of the film that was spoiled: "benign" or "malignant"."""
    donor: str
    """image_id of the style film, or of the film that a patch may come from."""
    file: str
    """Path within the folder."""
    sha256: str
    """`shared.images.sha256_pixels` of the spoiled film."""
    mean_absolute_change: float
    """Inside the breast, in units of full scale."""
    trunk_sha256: str = ""
    """Weights that style transfer took; empty where there was none."""
    evaluations: int = 0
    """Of style transfer's objective; 0 where there was none."""
    numerics: dict[str, Any] = field(default_factory=dict)
    """What the film's bits depend on beside that; empty without style transfer."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A film that could not be made: its optimisation left the numbers."""

    kind: str
    content: str
    donor: str
    reason: str


_Entry = TypeVar("_Entry", Kind, BatteryFilm, LeftOut)


def film_file(kind: str, content: str) -> str:
    """Path of a spoiled film within the folder."""
    return f"films/{kind}/{content}.png"


class Battery:
    """A complete battery. Open it with `Battery.open`."""

    def __init__(self, path: Path, info: dict[str, Any]) -> None:
        self.path = path
        self.info = info
        """`battery.json`."""
        self.size: int = info["size"]
        """Rows and columns of each film, in pixels."""
        self.dataset_sha256: str = info["dataset_sha256"]
        """Of the data set whose films were spoiled."""
        self.split: str = info["split"]
        """Split that the films come from."""
        self.seed: int = info["seed"]
        self.kinds: dict[str, Kind] = {item["name"]: _read(Kind, item) for item in info["kinds"]}
        """By name."""
        self.films = tuple(_read(BatteryFilm, item) for item in info["films"])
        """All spoiled films, by kind, then content."""
        self.left_out = tuple(_read(LeftOut, item) for item in info["left_out"])

    @cached_property
    def sha256(self) -> str:
        """Hash over all that `battery.json` says, each film's hash among it: equal hashes mean the same battery."""
        text = json.dumps(self.info, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def open(cls, path: Path) -> "Battery":
        """Open a battery and check that what its table names is there.

        Raises:
            DatasetError: if there is none, it is unfinished, of another schema, or its table does not hold.

        """
        info = _read_info(path)
        where = path / "battery.json"
        try:
            battery = cls(path, info)
            if type(battery.size) is not int or type(battery.seed) is not int:
                raise TypeError(f"size {battery.size!r}, seed {battery.seed!r}: needed whole numbers")
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{where}: is no table of a battery: {error!r}") from error
        if not battery.films:
            raise DatasetError(f"{where}: holds no film")
        battery._check_films(where)
        return battery

    def of_kind(self, kind: str) -> tuple[BatteryFilm, ...]:
        """Films that were spoiled in one way."""
        return tuple(film for film in self.films if film.kind == kind)

    def pixels(self, film: BatteryFilm) -> Film:
        """Read a spoiled film: (size, size) float32 in [0, 1].

        Raises:
            DatasetError: if its file is broken, of another size, or holds other pixels than the table says.

        """
        path = self.path / film.file
        try:
            pixels = decode_png16(path.read_bytes())
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{path}: cannot be read: {error}") from error
        if pixels.shape != (self.size, self.size):
            raise DatasetError(f"{path}: found {pixels.shape} pixels, needed {self.size} x {self.size}")
        if sha256_pixels(pixels) != film.sha256:
            raise DatasetError(
                f"{path}: pixels have changed: found sha256 {sha256_pixels(pixels)}, needed {film.sha256}"
            )
        return pixels

    def mask(self, film: BatteryFilm) -> Mask:
        """Read the breast mask of the film that was spoiled: (size, size) bool.

        Raises:
            DatasetError: if its file is broken or of another size.

        """
        path = self._mask(film)
        try:
            mask = decode_mask_png(path.read_bytes())
        except (OSError, InvalidImageError) as error:
            raise DatasetError(f"{path}: cannot be read: {error}") from error
        if mask.shape != (self.size, self.size):
            raise DatasetError(f"{path}: found {mask.shape} pixels, needed {self.size} x {self.size}")
        return mask

    def _mask(self, film: BatteryFilm) -> Path:
        return self.path / "masks" / f"{film.content}.png"

    def _check_films(self, where: Path) -> None:
        seen = set()
        for film in self.films:
            for name in (film.kind, film.content):
                check_image_id(name)  # a file's name, and no way out of the folder
            if film.kind not in self.kinds:
                raise DatasetError(f"{where}: {film.file}: found kind {film.kind!r}, needed one of {list(self.kinds)}")
            if film.file != film_file(film.kind, film.content) or film.file in seen:
                raise DatasetError(f"{where}: found the file {film.file!r}, needed one by kind and content, each once")
            seen.add(film.file)
            for file in (self.path / film.file, self._mask(film)):
                if not file.is_file():
                    raise DatasetError(f"{file}: is not there; make the battery again into another folder")


def _read(kind: type[_Entry], values: dict[str, Any]) -> _Entry:
    known = {item.name: item.type for item in fields(kind)}
    for name, value in values.items():
        if known.get(name) is str and not isinstance(value, str):
            raise TypeError(f"{name}: found {value!r}, needed text")
    return kind(**values)


def entry_to_json(entry: BatteryFilm | LeftOut) -> bytes:
    """Write one film's entry; the same entry is always the same bytes."""
    return json.dumps(asdict(entry), sort_keys=True, indent=1, allow_nan=False).encode() + b"\n"


def entry_from_json(data: bytes, *, where: str) -> BatteryFilm | LeftOut:
    """Read what `entry_to_json` wrote.

    Raises:
        DatasetError: naming `where` and what is wrong.

    """
    try:
        values = json.loads(data)
        return _read(LeftOut, values) if "reason" in values else _read(BatteryFilm, values)
    except (AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f"{where}: is no entry of a battery: {error}") from error


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder; a battery is needed (mammosynth battery make)")
    file = path / "battery.json"
    if not file.exists():
        state = "its making has not ended" if (path / "making.json").exists() else "no battery.json in it"
        raise DatasetError(f"{path}: no complete battery: {state}")
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file}: cannot be read: {error}") from error
    if not isinstance(info, dict) or info.get("schema_version") != SCHEMA_VERSION:
        found = info.get("schema_version") if isinstance(info, dict) else type(info).__name__
        raise DatasetError(f"{file}: found schema version {found}, needed {SCHEMA_VERSION}")
    return info
