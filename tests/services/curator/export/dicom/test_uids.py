"""UIDs follow from what they name."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from services.curator.export.dicom.uids import make_uid

ROOTS = (None, "1.2.826.0.1.3680043.10.999", "1.2.3", "1." + "2" * 36)
PARTS = st.lists(st.text(max_size=20), min_size=1, max_size=4)


@given(PARTS, st.sampled_from(ROOTS))
def test_a_uid_is_valid_and_the_same_each_time(parts: list[str], root: str | None) -> None:
    made = make_uid(root, *parts)

    assert UID(made).is_valid
    assert len(made) <= 64
    assert made == make_uid(root, *parts)
    assert made.startswith(f"{root or '2.25'}.")


def test_without_a_root_it_is_made_of_a_uuid() -> None:
    number = int(make_uid(None, "a").removeprefix("2.25."))

    assert uuid.UUID(int=number).version == 5
    assert uuid.UUID(int=number).variant == uuid.RFC_4122


@pytest.mark.parametrize("root", ROOTS)
def test_other_parts_have_other_uids(root: str | None) -> None:
    made = {make_uid(root, *parts) for parts in (("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"), ("a",))}

    assert len(made) == 5


def test_a_uid_stays_what_it_is() -> None:
    assert make_uid("1.2.3", "run", "4") == "1.2.3.194133495177877414781843833542965294916"
    assert make_uid(None, "run", "4") == "2.25.117000333674296686090276831527043216543"
