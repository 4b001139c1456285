"""Policies are read whole or refused by name, and say which trials share an optimisation."""

from pathlib import Path
from typing import Any

import pytest

from services.orchestrator.policy import Policy, load_policy, parse_policy, shipped_policies
from shared.errors import ConfigurationError
from shared.recipe import LAYERS, LossConvention, Optimizer, Region
from tests.services.orchestrator.made import policy


def values(**changes: Any) -> dict[str, Any]:
    return {"name": "made", "recipes": [{}], **changes}


MALFORMED = {
    "no name": ({"recipes": [{}]}, "name"),
    "no recipes": ({"name": "made"}, "recipes"),
    "empty recipes": (values(recipes=[]), "recipes"),
    "eight recipes": (values(recipes=[{}] * 8), "recipes.*7"),
    "unknown field": (values(sise=64), "sise"),
    "unknown field of a recipe": (values(recipes=[{}, {"step": 1}]), "recipes.1.step"),
    "unknown content": (values(pairing={"content": "all"}), "pairing.content"),
    "unknown style": (values(pairing={"style": "near"}), "pairing.style"),
    "use limit of zero": (values(pairing={"style_use_limit": 0}), "pairing.style_use_limit"),
    "size in words": (values(size="large"), "size.*large"),
    "size too small": (values(size=16), "size.*16"),
    "unknown region": (values(region="skin"), "region.*skin"),
    "lesions in one recipe of two": (
        values(recipes=[{}, {"region": "lesion"}]),
        "recipes: found regions breast, lesion",
    ),
    "rules for lesions without any": (values(lesion={}), "lesion: found rules for lesions, needed region lesion"),
    "unknown lesion content": (values(region="lesion", lesion={"content": "any"}), "lesion.content"),
    "unknown lesion placebo": (values(region="lesion", lesion={"placebo": "none"}), "lesion.placebo"),
    "lesions of less than a size": (values(region="lesion", lesion={"size_within": 0.5}), "lesion.size_within"),
    "gates of films beside gates of films": (
        values(region="lesion", lesion={"looks_at": "film", "film_gates": {}}),
        "lesion.*film_gates: cannot apply where looks_at is film",
    ),
    "unknown optimizer": (values(optimizer="adam"), "optimizer.*adam"),
    "unknown convention": (values(loss_convention="paper"), "loss_convention.*paper"),
    "anomaly below zero": (values(gates={"anomaly": -0.1}), "gates.anomaly"),
    "anomaly no number": (values(gates={"anomaly": float("nan")}), "gates.anomaly"),
    "anomaly without bound": (values(gates={"anomaly": float("inf")}), "gates.anomaly"),
    "classifier above one": (values(gates={"classifier": 1.1}), "gates.classifier"),
    "classifier no number": (values(gates={"classifier": float("nan")}), "gates.classifier"),
    "classifier a list": (values(gates={"classifier": [0.7]}), "gates.classifier"),
    "benign below zero": (values(gates={"benign_below": 0}), "gates.benign_below"),
    "benign below no number": (values(gates={"benign_below": float("nan")}), "gates.benign_below"),
    "change of one": (values(gates={"minimum_change": 1.0}), "gates.minimum_change"),
    "change no number": (values(gates={"minimum_change": float("nan")}), "gates.minimum_change"),
    "unknown gate": (values(gates={"radiologist": 1}), "gates.radiologist"),
    "unknown content layer": (values(recipes=[{}, {"content_layer": "conv_6"}]), "recipes.1.*content_layer.*conv_6"),
    "no style layers": (values(recipes=[{"style_layers": []}]), "recipes.0.*style_layers"),
    "a style layer twice": (values(recipes=[{"style_layers": ["conv_1", "conv_1"]}]), "recipes.0.*style_layers"),
    "style layers as text": (values(recipes=[{"style_layers": "conv_1"}]), "recipes.0.style_layers"),
    "content weight below zero": (values(recipes=[{"content_weight": -1}]), "recipes.0.*content_weight"),
    "style weight no number": (values(recipes=[{"style_weight": float("nan")}]), "recipes.0.*style_weight"),
    "both weights zero": (values(recipes=[{"content_weight": 0, "style_weight": 0}]), "recipes.0.*content_weight"),
    "no steps": (values(recipes=[{"steps": 0}]), "recipes.0.*steps"),
    "half a step": (values(recipes=[{"steps": 1.5}]), "recipes.0.steps"),
    "no table": ([values()], "found list"),
    "empty": (None, "found NoneType"),
}


@pytest.mark.parametrize(("found", "named"), MALFORMED.values(), ids=MALFORMED.keys())
def test_what_cannot_be_used_is_refused_by_name(found: object, named: str) -> None:
    with pytest.raises(ConfigurationError, match=f"policy made: .*{named}"):
        parse_policy(found, "made")


def test_a_recipe_takes_what_it_does_not_say_from_the_policy_and_the_defaults() -> None:
    made = policy({"region": "breast"}, {}, optimizer="compat", loss_convention="gatys")
    assert [made.recipe(trial).region for trial in (1, 2)] == [Region.BREAST, Region.FILM]
    first = made.recipe(1)
    assert (first.optimizer, first.loss_convention) == (Optimizer.COMPAT, LossConvention.GATYS)
    assert (first.content_layer, first.style_layers) == ("conv_5", LAYERS)
    assert (first.content_weight, first.style_weight, first.steps) == (1.0, 1e5, 250)


def test_the_papers_policy_lists_the_designs_recipes_in_the_designs_order() -> None:
    paper = load_policy("paper")
    tried = [paper.recipe(trial) for trial in range(1, 8)]
    assert [(recipe.content_layer, recipe.content_weight, recipe.style_weight, recipe.steps) for recipe in tried] == [
        ("conv_5", 1.0, 1e5, 250),
        ("conv_5", 1.0, 1e5, 300),
        ("conv_5", 1.0, 1e5, 500),
        ("conv_5", 0.1, 1e5, 300),
        ("conv_5", 0.1, 1e5, 500),
        ("conv_5", 10.0, 1e5, 500),
        ("conv_4", 1.0, 1e5, 500),
    ]
    assert {recipe.optimizer for recipe in tried} == {Optimizer.COMPAT}
    assert {recipe.region for recipe in tried} == {Region.FILM}
    assert {recipe.loss_convention for recipe in tried} == {LossConvention.TUTORIAL}
    assert (paper.pairing.content, paper.pairing.style, paper.pairing.style_use_limit) == ("uniform", "uniform", None)
    assert (paper.gates.anomaly, paper.gates.classifier, paper.gates.benign_below) == ("training_p95", 0.7, 0.5)


def test_the_papers_trials_share_the_optimisations_that_differ_in_steps_alone() -> None:
    plans = load_policy("paper").trajectories
    assert [plan.trials for plan in plans] == [(1, 2, 3), (4, 5), (6,), (7,)]
    assert [plan.steps for plan in plans] == [(250, 300, 500), (300, 500), (500,), (500,)]
    assert [plan.recipe.steps for plan in plans] == [500, 500, 500, 500]
    assert [plan.recipe.content_weight for plan in plans] == [1.0, 0.1, 10.0, 1.0]


GROUPS = {
    "falling steps start anew": ([{"steps": 300}, {"steps": 250}], [(1,), (2,)]),
    "equal steps start anew": ([{"steps": 300}, {"steps": 300}], [(1,), (2,)]),
    "falling then rising": ([{"steps": 300}, {"steps": 200}, {"steps": 400}], [(1,), (2, 3)]),
    "another recipe between": ([{"steps": 1}, {"steps": 1, "style_weight": 1}, {"steps": 2}], [(1,), (2,), (3,)]),
    "another region": ([{"steps": 1}, {"steps": 2, "region": "breast"}], [(1,), (2,)]),
    "other style layers": ([{"steps": 1}, {"steps": 2, "style_layers": ["conv_1"]}], [(1,), (2,)]),
    "a default said aloud": ([{"steps": 1}, {"steps": 2, "content_layer": "conv_5", "region": "film"}], [(1, 2)]),
}


@pytest.mark.parametrize(("recipes", "trials"), GROUPS.values(), ids=GROUPS.keys())
def test_only_neighbours_with_rising_steps_share_an_optimisation(
    recipes: list[dict[str, Any]], trials: list[tuple[int, ...]]
) -> None:
    assert [plan.trials for plan in policy(*recipes).trajectories] == trials


@pytest.mark.parametrize("name", shipped_policies())
def test_every_trial_of_a_shipped_policy_belongs_to_one_optimisation(name: str) -> None:
    shipped = load_policy(name)
    assert shipped.name == name
    numbered = [trial for plan in shipped.trajectories for trial in plan.trials]
    assert numbered == list(range(1, len(shipped.recipes) + 1))
    for plan in shipped.trajectories:
        assert [shipped.recipe(trial).steps for trial in plan.trials] == list(plan.steps)


def test_the_hash_depends_on_what_is_said_not_on_how() -> None:
    said = parse_policy({"name": "made", "recipes": [{"content_weight": 1, "steps": 250}]}, "made")
    reordered = parse_policy({"recipes": [{"steps": "250", "content_weight": 1.0}], "name": "made"}, "another")
    assert said.sha256 == reordered.sha256 == policy({}, region="breast").sha256
    assert len(said.sha256) == 64


CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "size": {"size": 64},
    "pairing": {"pairing": {"style_use_limit": 3}},
    "region": {"region": "breast"},
    "optimizer": {"optimizer": "compat"},
    "convention": {"loss_convention": "gatys"},
    "threshold": {"gates": {"classifier": 0.71}},
    "recipe": {"recipes": [{"style_weight": 100000.1}]},
    "more recipes": {"recipes": [{}, {}]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_hash_changes_with_every_value(change: dict[str, Any]) -> None:
    changed = Policy.model_validate({"name": "made", "region": "film", "recipes": [{}], **change})
    assert changed.sha256 != policy().sha256


def test_a_policy_is_loaded_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nrecipes: [{steps: 5, style_weight: 1.0e+4}]\n")
    assert load_policy(str(file)).recipe(1).style_weight == 1e4


FILES = {
    "no YAML": (b"name: [", "is no YAML"),
    "no text": (b"\xff\xfe\x00", "cannot be read"),
    "another field": (b"nmae: mine", "nmae"),
}


@pytest.mark.parametrize(("content", "told"), FILES.values(), ids=FILES.keys())
def test_a_broken_file_is_refused_with_its_path(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"mine\.yaml: .*{told}"):
        load_policy(str(file))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'papre', needed a file or one of lesion, paper, stable"):
        load_policy("papre")


def test_policies_without_lesions_hash_as_they_did_before_there_were_any() -> None:
    """Runs in progress pin these: a policy that hashes otherwise cannot go on with them."""
    assert {name: load_policy(name).sha256 for name in ("paper", "stable")} == {
        "paper": "5b634c7f9d4275ab6d1a6868458ec41032a1d5d1c5fece975609cb96a5215fed",
        "stable": "22d3e0d9f5d4680cbb9eba19dd7b8c59d16357de0a206ebd953589297f69c36d",
    }
    assert "lesion" not in policy({}).model_dump(mode="json", exclude={"recipes"})


def test_rules_for_lesions_are_data_like_the_rest_and_read_back_from_it() -> None:
    plain = policy({}, region="lesion")
    assert plain.on_lesions
    assert plain.lesion_rules.content == plain.lesion_rules.placebo == "benign_lesion"
    made = policy({}, region="lesion", lesion={"placebo": "free_place", "film_gates": {"anomaly": 1.0}})
    assert made.sha256 != plain.sha256
    again = parse_policy(made.model_dump(mode="json"), "made")
    assert again == made
    assert again.sha256 == made.sha256
