from services.curator.entry import Entry
from services.curator.merging import merge_identical, patients_together
from services.curator.preparation import PreparedFilm
from shared.dataset import Laterality, Origin


def prepared(path: str, pixels: str) -> PreparedFilm:
    origin = Origin(
        path=path, rows=9, columns=9, crop_box=(0, 0, 9, 9), scale=1.0, mirrored=False, padding=(0, 0, 0, 0)
    )
    return PreparedFilm(image_id=path, source_sha256=pixels, sha256=pixels, origin=origin)


def entry(path: str, patient: str, pathology: str) -> Entry:
    return Entry(
        path=path, patient_id=patient, pathology=pathology, laterality=Laterality.LEFT, view="CC", source="A", row=2
    )


ENTRIES = {
    "a": entry("a", "P1", "BENIGN"),
    "b": entry("b", "P2", "MALIGNANT"),
    "c": entry("c", "P1", "BENIGN"),
    "d": entry("d", "P3", "BENIGN"),
}


def test_films_with_the_same_pixels_become_the_first_of_them_with_the_worst_label() -> None:
    merged = merge_identical([prepared("b", "x"), prepared("d", "y"), prepared("c", "x"), prepared("a", "x")], ENTRIES)
    assert [(film.prepared.image_id, film.entry.pathology) for film in merged] == [("a", "MALIGNANT"), ("d", "BENIGN")]
    assert [other.path for other in merged[0].others] == ["b", "c"]


def test_patients_who_share_a_film_are_told() -> None:
    merged = merge_identical([prepared("a", "x"), prepared("b", "x"), prepared("c", "x"), prepared("d", "y")], ENTRIES)
    assert patients_together(merged) == [("P1", "P2")]
