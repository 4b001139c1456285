from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from services.curator.check import find_problems
from services.curator.configuration import PhantomConfiguration
from services.curator.identity import find_leaks, hidden_chunks, sum_up_flags
from services.curator.phantom.command import run
from shared.dataset import Dataset, Film, Label, Laterality, Origin, Split


def film(path: str = "a.dcm", **values: object) -> Film:
    origin = Origin(path=path, rows=9, columns=9, crop_box=(0, 0, 9, 9), scale=1, mirrored=False, padding=(0, 0, 0, 0))
    made = Film("film", "P1", "clinic", Laterality.LEFT, "CC", "BENIGN", Label.BENIGN, Split.TRAIN, "", origin=origin)
    return replace(made, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "leaks"),
    [
        ("P1/20200102/film.dcm", ["path seems to hold a date"]),
        ("P1/2020-01-02.dcm", ["path seems to hold a date"]),
        ("P1/02.01.2020.dcm", ["path seems to hold a date"]),
        ("01-02-2020-MG/film.dcm", ["path seems to hold a date"]),
        ("DOE^JANE/film.dcm", ["path seems to hold a person's name"]),
        ("M\u00fcller^Ute_20200102.dcm", ["path seems to hold a person's name", "path seems to hold a date"]),
        ("P1/120200102.dcm", []),
        ("P1/20201302.dcm", []),
        ("P1/2020/film_0102.dcm", []),
        ("films/PH_00001_LEFT_CC.dcm", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_dates_and_names_are_found_in_paths(path: str, leaks: list[str]) -> None:
    assert [what for _, what in find_leaks([film(path)], pseudonymised=False)] == leaks


def test_dates_and_names_are_found_in_patients_and_films() -> None:
    named = film(patient_id="DOE^JANE", image_id="19991231_CC")
    assert list(find_leaks([named], pseudonymised=False)) == [
        ("19991231_CC", "patient_id seems to hold a person's name"),
        ("19991231_CC", "image_id seems to hold a date"),
    ]


def test_paths_and_uids_of_public_archives_are_no_leak() -> None:
    public = film("cmmd/CMMD/D1-0001/07-18-2010-NA-NA-79377/1-1.dcm", source="cmmd")
    public = replace(public, origin=replace(public.origin, sop_uid="1.2.3"))
    assert list(find_leaks([public], pseudonymised=False)) == []


def test_uids_of_a_clinic_lead_back_unless_they_were_replaced() -> None:
    films = [film(), replace(film(), origin=replace(film().origin, sop_uid="1.2.3"))]
    assert list(find_leaks(films, pseudonymised=True)) == []
    ((where, what),) = find_leaks(films, pseudonymised=False)
    assert (where, what[:28]) == ("clinic", "UIDs of 1 files are kept, wh")


def test_what_headers_warned_of_is_summed_up() -> None:
    films = [film(), film(image_id="b", flags=("implant",)), film(image_id="c", flags=("implant", "magnification"))]
    assert list(sum_up_flags(films)) == [
        ("b", "implant: 2 films, of which this is the first, show a breast with an implant"),
        ("c", "magnification: 1 films, of which this is the first, are magnification views"),
    ]


def test_a_png_that_holds_text_is_found(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", "Doe^Jane")
    for name, info in (("plain", None), ("with text", text)):
        Image.new("I;16", (8, 8)).save(tmp_path / f"{name}.png", pnginfo=info)
    assert hidden_chunks(tmp_path / "plain.png") == []
    assert hidden_chunks(tmp_path / "with text.png") == ["tEXt"]


def test_a_check_warns_of_what_leads_to_a_patient(prepared: Path) -> None:
    dataset = Dataset.open(prepared)
    path = prepared / "images" / f"{dataset.films[0].image_id}.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", "Doe^Jane")
    with Image.open(path) as image:
        image.load()
        image.save(path, pnginfo=text)
    (problem,) = find_problems(dataset)
    assert (problem.where, problem.what) == (path.stem, "film's file holds more than pixels: tEXt")


def test_a_check_warns_of_burned_in_text_of_dicom_phantoms(
    prepare_phantoms: Callable[..., Path], tmp_path: Path
) -> None:
    run(PhantomConfiguration(output=tmp_path, patients=12, rows=96, columns=72, seed=11, workers=1, format="dicom"))
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    output = prepare_phantoms(tmp_path / "set", images=tmp_path, table=tmp_path / "table.csv", pseudonymise=key)
    (problem,) = find_problems(Dataset.open(output))
    assert problem.what.startswith("burned-in annotation: 48 films, of which this is the first, files say that text")
