"""Tests of the charts need helm; where it is not, they say so and are skipped."""

import shutil
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_WITHOUT_HELM = ("test_requirements.py",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("helm"):
        return
    for item in items:
        if item.path.parent == _HERE and item.path.name not in _WITHOUT_HELM:
            item.add_marker(pytest.mark.skip(reason="helm is not on PATH"))
