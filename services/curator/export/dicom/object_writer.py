"""Makes the objects of a run's films, and says beforehand whether they can be valid."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydicom.filebase import DicomBytesIO

from services.curator.export.configuration import DicomExportConfiguration
from services.curator.export.dicom.film_object import FilmDescription, make_object
from services.curator.export.dicom.grid import (
    PixelBox,
    PlacedFilm,
    back_in_its_file,
    box_on_original_grid,
    box_on_prepared_grid,
    on_original_grid,
    on_prepared_grid,
)
from services.curator.export.dicom.provenance import add_provenance, describe_pair
from services.curator.export.dicom.sources import Sources
from services.curator.export.dicom.uids import make_uid
from services.curator.export.dicom.views import SIDES, VIEW_CODES, patient_orientation
from services.curator.export.harvest import Harvest
from services.curator.export.training_set import describe
from services.curator.framing import points_left
from shared.crops import Window
from shared.dataset import Film, Origin
from shared.errors import DatasetError
from shared.record import PairRecord

_GRIDS = {"prepared": on_prepared_grid, "original": on_original_grid}
_DERIVATION = (
    "SYNTHETIC FILM, not acquired from a patient, not for diagnosis. mammosynth {version}: a benign film (content) was "
    "given the texture of a malignant film (style) by style transfer (Gatys et al.), {steps} steps at {layer}, content "
    "weight {content_weight:g}, style weight {style_weight:g}, region {region}; accepted by an anomaly detector and a "
    "classifier. {grid}"
)
_GRID_TEXT = {
    "prepared": "Cut to the breast, {mirrored}resized to {size} x {size}, black outside the breast.",
    "original": "Made at {size} x {size} and resized to the content's own rows and columns, black outside the breast.",
}
_OWN_RESOLUTION = "Made at the content's own rows and columns, black outside the breast."
_CHANGED = (
    " Differs from the content within one rectangle alone: {width} x {height} pixels (columns x rows) from column {x}, "
    "row {y}, counted from 1."
)


@dataclass(frozen=True, kw_only=True)
class ObjectWriter:
    """Makes the DICOM objects of a run; the same run and options give the same bytes."""

    harvest: Harvest
    sources: Sources
    options: DicomExportConfiguration
    version: str
    """Of mammosynth."""

    @classmethod
    def prepare(cls, harvest: Harvest, options: DicomExportConfiguration) -> "ObjectWriter":
        """Make ready for the films of a run."""
        sources = Sources(dataset=harvest.dataset, uid_root=options.uid_root, originals=options.originals)
        return cls(harvest=harvest, sources=sources, options=options, version=version("mammosynth"))

    def check(self) -> None:
        """Check that every film can be a valid object.

        Raises:
            DatasetError: naming what is not known, of how many films, and what helps.

        """
        if self.options.sop_class != "for-presentation":
            return
        contents = [self._content(record) for record in self.harvest.accepted]
        lacking = {
            "laterality": sum(film.laterality not in SIDES for film in contents),
            "view": sum(patient_orientation("L", film.view, points_left=False) is None for film in contents),
            "pixel spacing (--pixel-spacing)": sum(self._spacing(film.origin) is None for film in contents),
        }
        found = [f"{count} without a known {what}" for what, count in lacking.items() if count]
        if found:
            raise DatasetError(
                f"{self.harvest.dataset.path}: of {len(contents)} films found {'; '.join(found)}: a mammogram for "
                "presentation needs them; --sop-class secondary-capture does not"
            )

    def encode(self, record: PairRecord) -> bytes:
        """Make the file of an accepted film.

        Raises:
            DatasetError: if its film, or its content's mask, is missing or broken.

        """
        content = self._content(record)
        placed = self._placed(record, content)
        description = self._describe(record, content, placed)
        dataset = make_object(placed, description)
        named = {"content": description.content, "style": description.style}
        told = describe_pair(
            record, self.harvest.run.pins, content, named, grid=self.options.grid, changed=self._changed(record)
        )
        add_provenance(dataset, run_id=self._run_id, pair=record.pair, told=told)
        buffer = DicomBytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        return bytes(buffer.getvalue())

    def _placed(self, record: PairRecord, content: Film) -> PlacedFilm:
        """The film on the grid asked for: from its own resolution, where a lesion was changed there."""
        run, dataset, spacing = self.harvest.run, self.harvest.dataset, self._spacing(content.origin)
        _, film = run.accepted_png(record)
        if record.lesion is not None and self.options.grid == "original":
            mask = dataset.original_mask(content.image_id)
            return back_in_its_file(run.original(record), mask, content.origin, spacing)
        return _GRIDS[self.options.grid](film, dataset.mask(content.image_id), content.origin, spacing)

    def _changed(self, record: PairRecord) -> PixelBox | None:
        """The only part of the object that differs from the content, where a lesion was changed."""
        if record.lesion is None:
            return None
        place, content = record.lesion.content, self._content(record)
        shape = self.harvest.dataset.original_mask(content.image_id).shape
        window = Window(place.top, place.left, place.side)
        if self.options.grid == "original":
            return box_on_original_grid(window, shape, content.origin)
        return box_on_prepared_grid(window, shape, content.origin, self.harvest.dataset.size)

    def row(self, record: PairRecord) -> dict[str, Any]:
        """What the table says of a film."""
        content = self._content(record)
        return {
            "pair": record.pair,
            "sop_uid": self._uid("instance", record),
            "patient_id": f"SYNTHETIC-{self.sources.name(content.image_id).patient}",
            "laterality": str(content.laterality),
            "view": content.view if content.view in VIEW_CODES else "",
            "label": "malignant",
            "kind": "synthetic",
        }

    def contents(self) -> dict[str, Any]:
        """What decides the bytes of the export."""
        named = {"sop_class", "uid_root", "transfer_syntax", "grid", "pixel_spacing"}
        return {
            "kind": "dicom",
            "options": {
                **self.options.model_dump(mode="json", include=named),
                "sources_named": self.options.originals is not None,
            },
            "films": [f"{record.pair:06d}.dcm {record.sha256}" for record in self.harvest.accepted],
            **describe(self.harvest),
        }

    def _describe(self, record: PairRecord, content: Film, placed: PlacedFilm) -> FilmDescription:
        named = self.sources.name(content.image_id)
        lossy = any(self.sources.was_lossy(source.image_id) for source in (record.content, record.style))
        return FilmDescription(
            sop_class=self.options.sop_class,
            transfer_syntax=self.options.transfer_syntax,
            study_uid=self._uid("study", record),
            series_uid=self._uid("series", record),
            sop_uid=self._uid("instance", record),
            patient=named.patient,
            pair=record.pair,
            laterality=content.laterality,
            view=content.view,
            points_left=points_left(placed.mask),
            content=named,
            style=self.sources.name(record.style.image_id),
            same_grid=self.options.grid == "original",
            lossy_sources=lossy,
            derivation=self._derivation(record, content),
            version=self.version,
        )

    def _derivation(self, record: PairRecord, content: Film) -> str:
        trial = record.trial(record.accepted_trial)
        if trial is None:
            raise DatasetError(f"pair {record.pair}: found no accepted trial in its record")
        recipe = trial.recipe
        grid = _GRID_TEXT[self.options.grid].format(
            size=self.harvest.dataset.size, mirrored="mirrored, " if content.origin.mirrored else ""
        )
        changed = self._changed(record)
        if changed is not None:
            x, y, width, height = changed
            own = _OWN_RESOLUTION if self.options.grid == "original" else grid
            grid = own + _CHANGED.format(width=width, height=height, x=x + 1, y=y + 1)
        return _DERIVATION.format(
            version=self.version,
            steps=recipe.steps,
            layer=recipe.content_layer,
            content_weight=recipe.content_weight,
            style_weight=recipe.style_weight,
            region=recipe.region,
            grid=grid,
        )

    def _content(self, record: PairRecord) -> Film:
        return self.harvest.dataset.film(record.content.image_id)

    def _spacing(self, origin: Origin) -> tuple[float, float] | None:
        given = self.options.pixel_spacing
        return origin.pixel_spacing or ((given[0], given[-1]) if given else None)

    @property
    def _run_id(self) -> str:
        """Hash of what the run pins: the same whether it is complete or not."""
        return hashlib.sha256(json.dumps(self.harvest.run.pins, sort_keys=True).encode()).hexdigest()

    def _uid(self, what: str, record: PairRecord) -> str:
        """UID of a film's study, series or instance; other pixels, or another kind of object, have another UID."""
        parts = [self._run_id, str(record.pair), what]
        if what != "study":
            parts += [record.sha256, self.options.sop_class, self.options.grid]
        return make_uid(self.options.uid_root, *parts)
