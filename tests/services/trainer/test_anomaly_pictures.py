import numpy as np
import pytest

from services.trainer.anomaly_pictures import draw_battery, draw_films, draw_scores
from services.trainer.battery_figures import KindFigures
from services.trainer.export import GraphScorer
from services.trainer.films import FilmSet
from tests import tiny_models
from tests.services.trainer.made_films import SIZE

TRAINING = np.linspace(0.2, 0.4, 101)
UNSEEN = np.linspace(0.3, 0.5, 21)


def test_scores_are_drawn_with_their_95_percent_lines_and_the_threshold():
    figure = draw_scores(
        TRAINING, UNSEEN, thresholds={"training_p95": 0.39, "validation_p95": 0.49}, default="validation_p95"
    )
    (axes,) = figure.axes
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([0.39, 0.49, 0.49])
    areas = [sum(bar.get_height() * bar.get_width() for bar in container) for container in axes.containers]
    assert areas == pytest.approx([1, 1])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "95 % of training films: 0.39" in texts
    assert "101 training films" in texts
    assert "threshold: 0.49" in texts


def test_films_stand_beside_what_was_made_of_them_and_the_difference(validation: FilmSet):
    scorer = GraphScorer(tiny_models.anomaly_graph(SIZE).SerializeToString())
    scores = scorer.score(validation, "score")
    figure = draw_films(scorer, validation, scores, seed=0, made="reconstruction")
    rows = np.array(figure.axes).reshape(-1, 3)
    labels = [row[0].get_ylabel().split("\n")[0] for row in rows]
    assert labels == ["typical", "at 95 %", "worst", "typical, blur", "typical, patch"]
    worst = int(scores.argmax())
    film, made, difference = (axes.images[0].get_array() for axes in rows[2])
    np.testing.assert_array_equal(film, validation.film(worst))
    output = scorer.run(validation.film(worst), validation.masks[worst])["reconstruction"][0, 0]
    np.testing.assert_array_equal(made, output.clip(0, 1))
    np.testing.assert_allclose(difference, np.abs(film - made) * validation.masks[worst])
    titles = [axes.get_title() for axes in rows[0]]
    assert titles[:2] == ["film", "reconstruction"]
    assert titles[2].startswith("difference, white: 0.")


def test_a_battery_is_drawn_kind_by_kind_under_the_real_films():
    kinds = [
        KindFigures(kind=kind, area=area, low=area - 0.1, high=area, caught=0.5, scores=np.full(4, 0.6))
        for kind, area in (("blur", 0.3), ("noise", 0.9))
    ]
    left, right = draw_battery(kinds, UNSEEN, threshold=0.45).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["real, unseen", "blur", "noise"]
    assert len(left.collections) == 3
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in right.lines if line.get_marker() == "o"]
    assert dots == [(0.3, 1), (0.9, 2)]
    assert sorted(text.get_text() for text in right.texts) == ["50% caught", "50% caught"]
