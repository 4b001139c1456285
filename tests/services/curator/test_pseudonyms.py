import csv
import stat
from pathlib import Path

import pytest
from pydicom.uid import UID

from services.curator.pseudonyms import Pseudonyms, write_way_back
from shared.errors import ConfigurationError

KEY = b"0123456789abcdef"


def test_equal_keys_give_equal_pseudonyms_and_other_keys_others() -> None:
    first, again, other = Pseudonyms(KEY), Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    for name in ("patient", "path", "uid"):
        assert getattr(first, name)("1.2.3") == getattr(again, name)("1.2.3") != getattr(other, name)("1.2.3")
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_a_value_has_another_pseudonym_in_each_role() -> None:
    pseudonyms = Pseudonyms(KEY)
    assert len({pseudonyms.patient("7")[2:12], pseudonyms.path("7")[2:12], pseudonyms.uid("7")[5:15]}) == 3
    assert pseudonyms.patient("7") != pseudonyms.patient("8")


def test_a_pseudonym_of_a_uid_is_a_uid_and_there_is_none_of_none() -> None:
    assert UID(Pseudonyms(KEY).uid("1.2.3")).is_valid
    assert Pseudonyms(KEY).uid("") == ""


def test_the_key_is_not_shown() -> None:
    assert "0123" not in repr(Pseudonyms(KEY))


@pytest.mark.parametrize(
    ("place", "content", "message"),
    [
        ("data/key", KEY, "needed a file outside the data set"),
        ("key", None, "cannot be read: No such file or directory; `openssl rand -hex 32` makes a key"),
        ("key", b"short\n", "found 5 bytes in .*, needed 16"),
    ],
    ids=["in the data set", "missing", "short"],
)
def test_a_key_that_protects_nothing_is_refused(
    tmp_path: Path, place: str, content: bytes | None, message: str
) -> None:
    (tmp_path / "data").mkdir()
    if content is not None:
        (tmp_path / place).write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"--pseudonymise: .*{message}"):
        Pseudonyms.read(tmp_path / place, dataset=tmp_path / "data")


def test_a_newline_at_the_keys_end_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert Pseudonyms.read(tmp_path / "key", dataset=tmp_path / "data") == Pseudonyms(KEY)


def test_the_way_back_grows_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_way_back(tmp_path / "key", [("patient", "Jane", "P-1"), ("path", "a,b.dcm", "F-1")])
    table = write_way_back(tmp_path / "key", [("patient", "Ann", "P-2"), ("patient", "Jane", "P-1")])
    assert table == tmp_path / "key.csv"
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    with table.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["kind", "original", "pseudonym"],
            ["path", "a,b.dcm", "F-1"],
            ["patient", "Ann", "P-2"],
            ["patient", "Jane", "P-1"],
        ]
