"""Views and hangings."""

import pytest
from pydicom.sr import codes

from services.curator.dicom.header import _VIEWS
from services.curator.export.dicom.views import VIEW_CODES, patient_orientation


def test_codes_are_those_of_the_standard() -> None:
    standard = {getattr(codes.cid4014, name).value for name in codes.cid4014.dir()}

    assert {code for code, _ in VIEW_CODES.values()} <= standard
    assert VIEW_CODES["CC"][0] == codes.cid4014.CranioCaudal.value
    assert VIEW_CODES["MLO"][0] == codes.cid4014.MedioLateralObliqueProjection.value


def test_a_view_that_is_written_is_read_again() -> None:
    assert {view: _VIEWS[code] for view, (code, _) in VIEW_CODES.items()} == {view: view for view in VIEW_CODES}


# As mammography units write them for films hung as usual: the chest wall of a left breast at the left.
ORIENTATIONS = {
    "left CC": ("L", "CC", False, ["A", "R"]),
    "right CC": ("R", "CC", True, ["P", "L"]),
    "left MLO": ("L", "MLO", False, ["A", "FR"]),
    "right MLO": ("R", "MLO", True, ["P", "FL"]),
    "right MLO, mirrored": ("R", "MLO", False, ["A", "FL"]),
    "left ML": ("L", "ML", False, ["A", "F"]),
    "a view that is hung in more than one way": ("L", "SIO", False, None),
    "a view that is not known": ("L", "", False, None),
    "a side that is not known": ("", "CC", False, None),
}


@pytest.mark.parametrize(("side", "view", "left", "expected"), ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_orientation_says_where_rows_and_columns_lead(
    side: str, view: str, left: bool, expected: list[str] | None
) -> None:
    assert patient_orientation(side, view, points_left=left) == expected
