"""Which films a battery holds: fixed by data set, seed and options."""

from dataclasses import replace

import pytest

from services.orchestrator.battery import plan as planning
from services.orchestrator.battery.plan import STYLISED, Plan, make_plan
from shared.battery import SPOILERS
from shared.dataset import Film, Label
from shared.errors import DatasetError
from shared.recipe import Optimizer, Recipe
from tests.services.orchestrator.made import cohort, film

FILMS = cohort(6, 5)


def made(films: list[Film] = FILMS, *, stylised: int = 4, most_steps: int | None = None, seed: int = 1) -> Plan:
    return make_plan(films, count=7, stylised=stylised, most_steps=most_steps, seed=seed, where="here")


def test_each_kind_spoils_the_same_films_of_both_labels() -> None:
    plan = made()
    contents = [[item.content for item in plan.spoilt if item.kind == kind] for kind in SPOILERS]
    assert all(each == contents[0] for each in contents)
    assert len({film.image_id for film in contents[0]}) == 7
    assert {film.label for film in contents[0]} == set(Label)
    assert [item.content for item in plan.stylised[:: len(STYLISED)]] == contents[0][:4]


def test_styles_are_malignant_and_of_another_patient_and_donors_of_another_patient() -> None:
    films = [replace(film, patient_id=f"p{number // 2}") for number, film in enumerate(FILMS)]
    plan = made(films, stylised=9)
    assert {item.style.label for item in plan.stylised} == {Label.MALIGNANT}
    assert all(item.style.patient_id != item.content.patient_id for item in plan.stylised)
    assert all(item.donor.patient_id != item.content.patient_id for item in plan.spoilt)


def test_a_style_is_of_the_contents_source_and_view_where_there_is_one() -> None:
    films = [film("b1", Label.BENIGN, view="MLO"), film("b2", Label.BENIGN, view="XCCL")]
    films += [film(f"m{i}", Label.MALIGNANT, view="CC") for i in range(5)] + [film("m9", Label.MALIGNANT, view="MLO")]
    styles = {item.content.image_id: item.style for item in made(films, stylised=8).stylised}
    assert styles["b1"].image_id == "m9"
    assert styles["b2"].label is Label.MALIGNANT


def test_equal_seeds_make_equal_plans_and_another_seed_another() -> None:
    assert made() == made(list(reversed(FILMS)))
    assert made().described() != made(seed=2).described()


def test_the_plan_names_every_film_once() -> None:
    plan = made()
    assert len(set(plan.wanted)) == len(plan.wanted) == 7 * len(SPOILERS) + 4 * len(STYLISED)
    assert [kind.name for kind in plan.kinds] == [*SPOILERS, *STYLISED]
    parameters = {kind.name: kind.parameters for kind in plan.kinds}
    assert (parameters["granular"]["content_layer"], parameters["granular"]["optimizer"]) == ("conv_1", "compat")
    assert (parameters["compat_1000"]["steps"], parameters["unclamped_1e8"]["style_weight"]) == (1000, 1e8)


def test_style_transfer_can_be_left_out_or_cut_short() -> None:
    assert made(stylised=0).stylised == ()
    assert [kind.name for kind in made(stylised=0).kinds] == list(SPOILERS)
    assert {item.plan.recipe.steps for item in made(most_steps=20).stylised} == {20}


def test_kinds_that_differ_in_steps_alone_share_a_trajectory(monkeypatch: pytest.MonkeyPatch) -> None:
    compat = Recipe(optimizer=Optimizer.COMPAT)
    kinds = {
        "long": replace(compat, steps=300),
        "other": Recipe(steps=9),
        "short": replace(compat, steps=100),
        "twin": replace(compat, steps=100),
    }
    monkeypatch.setattr(planning, "STYLISED", kinds)
    trajectories = {item.kinds: item.plan for item in made(stylised=1).stylised}
    assert set(trajectories) == {("short", "long"), ("twin",), ("other",)}
    assert trajectories["short", "long"].steps == (100, 300)
    assert trajectories["short", "long"].recipe == kinds["long"]


@pytest.mark.parametrize(
    ("films", "stylised", "expected"),
    [
        (cohort(3, 0), 1, r"here: found 0 films that another patient's malignant film .* needed 1"),
        (cohort(1, 1), 2, "found 1 films"),
        ([film("b1", Label.BENIGN, "p"), film("b2", Label.BENIGN, "p")], 0, "found films of one patient only"),
    ],
    ids=["no malignant film", "a malignant film is not its own style", "one patient"],
)
def test_too_few_films_are_named(films: list[Film], stylised: int, expected: str) -> None:
    with pytest.raises(DatasetError, match=expected):
        made(films, stylised=stylised)
