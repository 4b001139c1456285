import pytest

from services.evaluator.report import wording
from shared.record import Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_the_orchestrator_is_explained(reason: Reason) -> None:
    assert wording.outcome_meaning(reason).endswith(".")
    assert "_" not in wording.outcome_name(reason)


def test_an_unknown_reason_is_shown_by_its_name() -> None:
    assert wording.outcome_name("too_blurred") == "Too blurred"
    assert wording.outcome_meaning("too_blurred") == ""


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (0.001, "< 1 %"), (0.375, "38 %"), (0.999, "> 99 %"), (1.0, "100 %")],
)
def test_what_is_small_is_not_called_nothing(share: float, text: str) -> None:
    assert wording.percent(share) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "0.00"), (0.000042, "0.000042"), (0.0042, "0.0042"), (0.5, "0.50"), (12.345, "12.35"), (1234.5, "1,234.50")],
)
def test_a_small_amount_of_money_is_not_called_nothing(amount: float, text: str) -> None:
    assert wording.money(amount) == text


def test_a_recipe_is_one_line() -> None:
    values = {"content_layer": "conv_5", "content_weight": 0.1, "style_weight": 1e6, "steps": 250, "region": "breast"}

    assert wording.recipe(values) == "conv_5, weights 0.1 : 1,000,000, 250 steps, breast"
    assert "250 steps (260 evaluations), breast, compat" in wording.recipe(values | {"optimizer": "compat"}, 260)
    assert wording.recipe(values, 250) == wording.recipe(values, 0) == wording.recipe(values)


def test_numerics_are_one_line() -> None:
    values = {"device_kind": "cpu", "slots": 2, "instruction_set": "", "versions": {"torch": "2.15"}}

    assert wording.numerics(values) == "device kind cpu, slots 2, torch 2.15"
    assert wording.numerics({"slots": 2}) == "slots 2"


def test_missing_numbers_are_dashes() -> None:
    assert wording.number(None) == "–"  # noqa: RUF001
    assert wording.number(0.12345) == "0.123"
    assert wording.count_of(1, "pair", "pairs") == "1 pair"
    assert wording.count_of(1234, "pair", "pairs") == "1,234 pairs"
