from services.evaluator.films import OriginalFilms
from services.evaluator.report.panels import Panel, PanelMaker
from services.evaluator.run_directory import RunDirectory
from services.evaluator.selection import choose_accepted, choose_rejected
from shared.images import encode_png16
from tests.services.evaluator.report.test_pictures import opened
from tests.services.evaluator.run_writer import RunWriter


def panels(run: RunWriter, *, picture_size: int = 256, films: bool = True) -> dict[str, list[Panel]]:
    directory = RunDirectory.open(run.store)
    originals = OriginalFilms.open(run.dataset.path, {}, run.dataset.sha256) if films else OriginalFilms(None, "gone")
    rejected = choose_rejected(directory.records, directory.kept_rejected(), 4)
    groups = {"accepted": choose_accepted(directory.records, 10), **rejected}
    return PanelMaker(directory, originals, picture_size=picture_size).make(groups)


def test_a_panel_shows_content_style_output_and_difference(mixed_run: RunWriter) -> None:
    panel = panels(mixed_run)["accepted"][1]

    assert [picture.name for picture in panel.pictures] == ["Content", "Style", "Output", "Difference"]
    assert [opened(picture.uri).size for picture in panel.pictures] == [(32, 32)] * 4
    content, style, output, difference = (picture.alt for picture in panel.pictures)
    assert content == "Content film of pair 1: benign-1, benign, phantom, left, CC, BENIGN"
    assert "malignant-4, malignant" in style
    assert output == "Synthetic film of pair 1, trial 2, accepted"
    assert "0.0123" in difference
    assert panel.warning == ""
    assert panel.record_name == "000001"
    assert [bool(picture.film) for picture in panel.pictures] == [True, True, True, False]
    assert panel.pictures[2].window == panel.pictures[0].window


def test_a_rejected_panel_tells_why(mixed_run: RunWriter) -> None:
    panel = panels(mixed_run)["low_confidence"][0]

    assert panel.pictures[2].alt == "Synthetic film of pair 2, trial 2, rejected as low confidence"
    assert panel.pictures[2].uri


def test_pictures_are_no_larger_than_asked_for(mixed_run: RunWriter) -> None:
    panel = panels(mixed_run, picture_size=16)["accepted"][0]

    assert [opened(picture.uri).size for picture in panel.pictures] == [(16, 16)] * 4


def test_without_the_data_set_the_output_is_still_shown(mixed_run: RunWriter) -> None:
    panel = panels(mixed_run, films=False)["accepted"][0]

    assert [bool(picture.uri) for picture in panel.pictures] == [False, False, True, False]


def test_a_film_that_is_gone_is_told(mixed_run: RunWriter) -> None:
    (mixed_run.path / "accepted/000000.png").unlink()

    panel = panels(mixed_run)["accepted"][0]

    assert "missing or broken" in panel.warning
    assert [bool(picture.uri) for picture in panel.pictures] == [True, True, False, False]


def test_a_film_that_is_not_the_recorded_one_is_told(mixed_run: RunWriter) -> None:
    (mixed_run.path / "accepted/000000.png").write_bytes(encode_png16(mixed_run.output(4, 1)))

    assert "not those that its record tells of" in panels(mixed_run)["accepted"][0].warning
