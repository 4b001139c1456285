"""A page as tests read it: its elements, and its text as a reader meets it."""

from html.parser import HTMLParser
from typing import Any

from services.evaluator.configuration import ReportConfiguration
from services.evaluator.report.command import run as report
from tests.services.evaluator.run_writer import RunWriter

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Outline(HTMLParser):
    """Checks that every element is closed, and gathers what a reader meets."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.pieces.append(data)

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def written(run: RunWriter, **options: Any) -> str:
    assert report(ReportConfiguration(run=run.address, **options)) == 0
    return (run.path / "report.html").read_text(encoding="utf-8")
