import pytest

from services.evaluator.films import OriginalFilms
from services.evaluator.report.gallery import Gallery, choose_gallery
from services.evaluator.run_directory import RunDirectory
from tests.services.evaluator.run_writer import RunWriter


@pytest.fixture
def run(mixed_run: RunWriter) -> RunWriter:
    mixed_run.add_twin(0, accepted=True)
    return mixed_run


def chosen(run: RunWriter, *, budget: int = 10**7, picture_size: int = 256, accepted: int = 10) -> Gallery:
    originals = OriginalFilms.open(run.dataset.path, {}, run.dataset.sha256)
    return choose_gallery(
        RunDirectory.open(run.store),
        originals,
        accepted=accepted,
        rejected=4,
        picture_size=picture_size,
        budget=budget,
    )


def used(gallery: Gallery) -> int:
    panels = (*gallery.accepted, *gallery.placebo, *(panel for group in gallery.rejected.values() for panel in group))
    return sum(map(len, gallery.films.values())) + sum(panel.bytes for panel in panels)


def test_accepted_placebo_and_rejected_films_are_shown(run: RunWriter) -> None:
    gallery = chosen(run)
    assert [panel.record_name for panel in gallery.accepted] == ["000000", "000001", "000004"]
    assert [panel.record_name for panel in gallery.placebo] == ["000000-placebo"]
    assert set(gallery.rejected) == {"anomalous", "low_confidence"}
    assert (gallery.cut, gallery.resized) == (False, False)
    shown = {picture.film for panel in gallery.accepted for picture in panel.pictures if picture.film}
    assert shown <= set(gallery.films)


def test_fewer_are_shown_until_they_fit(run: RunWriter) -> None:
    whole = used(chosen(run))
    gallery = chosen(run, budget=whole // 2)
    assert gallery.cut
    assert 0 < used(gallery) <= whole // 2
    assert len(gallery.accepted) < 3


def test_without_room_nothing_is_shown(run: RunWriter) -> None:
    gallery = chosen(run, budget=10)
    assert (gallery.accepted, gallery.placebo, gallery.rejected, gallery.films) == ([], [], {}, {})
    assert gallery.cut


def test_larger_films_are_brought_to_the_size_asked_for_and_that_is_told(run: RunWriter) -> None:
    assert chosen(run, picture_size=16).resized
    assert used(chosen(run, picture_size=16)) < used(chosen(run))
