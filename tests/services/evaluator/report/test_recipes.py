from services.evaluator.report.recipes import recipe_tallies
from services.evaluator.run_directory import RunDirectory
from tests.services.evaluator.run_writer import RunWriter


def test_recipes_are_counted_at_whichever_number_of_steps(mixed_run: RunWriter) -> None:
    mixed_run.add_twin(2, accepted=True)
    mixed_run.add_twin(5)
    trials = [mixed_run.trial(5, number, ["still_benign"]) for number in (1, 2)]
    trials.append(mixed_run.trial(5, 3, ["still_benign"]))
    trials[2]["recipe"] = trials[2]["recipe"] | {"steps": 400}
    mixed_run.add(5, trials=trials)
    run = RunDirectory.open(mixed_run.store)

    first, second = recipe_tallies(run.records, run.twins)

    assert (first.recipe["style_weight"], first.steps) == (1e5, (100, 400))
    assert (first.tried, first.accepted, first.share) == (5, 2, 0.4)
    assert (first.twins_tried, first.twins_accepted, first.twins_share) == (2, 1, 0.5)
    assert (second.recipe["style_weight"], second.steps, second.tried, second.accepted) == (1e6, (250,), 3, 1)
    assert (second.twins_tried, second.twins_share) == (0, 0.0)


def test_without_trials_there_is_no_recipe() -> None:
    assert recipe_tallies((), ()) == []
