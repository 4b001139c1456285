"""Writes a planned archive, as one of the downloads, and what is expected of its reader."""

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from services.curator.phantom.archive.download import place_object
from services.curator.phantom.archive.plan import Expectation, Plan, PlannedObject
from services.curator.workers import map_in_processes
from shared.progress import progress

# What can happen to a file.
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    "truncated": lambda content: content[: len(content) * 3 // 4],
    "empty": lambda _: b"",
    "text": lambda _: b"<html>404 not found</html>",
    "zip": lambda content: _zip({"film.dcm": content}),
    "link": lambda content: content,
}


def write_archive(
    plan: Plan, output: Path, *, name: str, download: str, shape: tuple[int, int], workers: int | None = 1
) -> None:
    """Draw and write all files, the tables, and `expected.csv`: what must become of each film, one a row.

    Args:
        plan: of the archive.
        output: folder of the archive.
        name: that readers give the archive; the paths in `expected.csv` begin with it.
        download: see `place_object`.
        shape: rows and columns of the films.
        workers: processes; None means one a core.

    """
    output.mkdir(parents=True, exist_ok=True)
    for table, content in plan.tables.items():
        (output / table).write_bytes(content)
    places: dict[str, str] = {}
    zips: dict[PurePosixPath, dict[str, bytes]] = {}
    linked: set[PurePosixPath] = set()
    with progress("drawing phantoms", total=len(plan.objects)) as shown:
        for planned, content in map_in_processes(partial(_render, shape), plan.objects, workers=workers):
            path, member = place_object(planned, collection=plan.collection, download=download)
            link = planned.damage == "link"
            if member:
                zips.setdefault(path, {})[member] = content
                linked |= {path} if link else set()
            else:
                path = _write(output, path, content, linked=link)
            places[planned.key] = f"{name}/{path}/{member}" if member and not link else f"{name}/{path}"
            if planned.copied:
                _write(output, PurePosixPath("copies", f"{planned.sop_uid}.dcm"), content, linked=False)
            shown.advance(note=str(path))
    for path, members in zips.items():
        _write(output, path, _zip(members), linked=path in linked)
    _write_expected(output / "expected.csv", _settle([_locate(expected, places) for expected in plan.expectations]))


def _locate(expected: Expectation, places: dict[str, str]) -> Expectation:
    return replace(expected, place=places.get(expected.place, expected.place))


def _settle(expectations: Sequence[Expectation]) -> list[Expectation]:
    first: dict[str, str] = {}
    for expected in expectations:
        if expected.twin:
            first[expected.twin] = min(first.get(expected.twin, expected.place), expected.place)
    return [
        replace(expected, becomes="film" if first[expected.twin] == expected.place else "merged")
        if expected.twin
        else expected
        for expected in expectations
    ]


def _write(output: Path, path: PurePosixPath, content: bytes, *, linked: bool) -> PurePosixPath:
    number = 1
    while (output / path).exists():
        number += 1
        path = path.with_name(f"{path.stem}-{number}{path.suffix}")
    (output / path).parent.mkdir(parents=True, exist_ok=True)
    if linked:
        outside = output.with_name(f"{output.name}-outside-{path.name}")
        outside.write_bytes(content)
        (output / path).symlink_to(outside)
    else:
        (output / path).write_bytes(content)
    return path


def _render(shape: tuple[int, int], planned: PlannedObject) -> tuple[PlannedObject, bytes]:
    pixels = planned.render(planned.drawing.draw(*shape))
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = planned.sop_uid, planned.series_uid
    dataset.StudyInstanceUID, dataset.PatientID = planned.study_uid, planned.patient_id
    dataset.PatientName = planned.patient_id
    dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber = "20160720", "120000", ""
    dataset.Modality, dataset.BodyPartExamined = "MG", "BREAST"
    dataset.InstanceNumber = planned.number
    if planned.description:
        dataset.SeriesDescription = planned.description
    bits = 8 * pixels.dtype.itemsize
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.PixelData = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in planned.elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return planned, DAMAGES[planned.damage](buffer.getvalue())


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _write_expected(path: Path, expectations: Sequence[Expectation]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Expectation)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(expected) for expected in expectations)
