"""The tree of errors, and what becomes of it at the end of a command."""

import pytest

from shared import errors
from shared.rpc.status import STATUS

KINDS = errors.error_classes()


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").islower() for code in codes)


def test_every_error_has_a_status_and_the_tree_at_the_top_of_the_module_names_it() -> None:
    assert set(KINDS) == set(STATUS)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in KINDS)


def test_a_retry_can_help_exactly_where_the_tree_says_so() -> None:
    marked = {line.split()[1] for line in (errors.__doc__ or "").splitlines() if "(a retry can help)" in line}
    assert {kind.__name__ for kind in KINDS if kind.retryable} == marked


def test_a_message_is_what_the_error_was_raised_with() -> None:
    assert errors.DatasetError("table.csv, row 3").message == "table.csv, row 3"
    assert errors.OverloadedError("full", retry_after_s=2.0).message == "full"
    assert errors.InternalError().message == ""


EXITS = {
    errors.InvalidInputError: 2,
    errors.InvalidImageError: 2,
    errors.DatasetError: 2,
    errors.ConfigurationError: 2,
    errors.ModelError: 2,
    errors.ModelMismatchError: 2,
    errors.WeightsNotFoundError: 2,
    errors.NotFoundError: 2,
    errors.RefusedRunError: 2,
    errors.SkippedFilesError: 3,
    errors.UnfinishedPairsError: 1,
    errors.UnavailableError: 1,
    errors.DeadlineError: 1,
    errors.OverloadedError: 1,
    errors.NumericalError: 1,
    errors.InternalError: 1,
}


@pytest.mark.parametrize(("kind", "code"), EXITS.items(), ids=lambda value: getattr(value, "code", str(value)))
def test_wrong_input_ends_with_2_skipped_files_with_3_and_faults_with_1(kind: type, code: int) -> None:
    assert errors.exit_code(kind("x")) == code
