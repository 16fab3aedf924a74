"""A report page as a reader sees it: its numbers with unit and n, its elements and attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Shown:
    """One number of a cell."""

    key: str
    unit: str
    text: str = ""


@dataclass
class NumberCell:
    """A cell of class "num"."""

    table: str
    unit: str | None
    n: str | None
    numbers: list[Shown] = field(default_factory=list)


@dataclass
class Page(HTMLParser):
    """Everything a test asks about; parse with `read_page`."""

    cells: list[NumberCell] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    captions: dict[str, str] = field(default_factory=dict)
    heads: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    table: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag in ("meta", "path", "use", "br", "rect"):
            return
        self.open.append(tag)
        classes = (given.get("class") or "").split()
        if tag == "table":
            self.table = given["id"] or ""
        elif tag == "td" and "num" in classes:
            self.cells.append(NumberCell(self.table, given.get("data-unit"), given.get("data-n")))
        elif tag == "span" and "data-key" in given:
            key, unit = given["data-key"] or "", given["data-unit"] or ""
            self.cells[-1].numbers.append(Shown(key, unit))
        elif tag == "th" and given.get("scope") == "col":
            self.heads.setdefault(self.table, []).append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text.append(data)
        if "caption" in self.open:
            self.captions[self.table] = self.captions.get(self.table, "") + data
        if "thead" in self.open and "th" in self.open:
            self.heads[self.table][-1] += data
        if self.open[-1:] == ["span"] and "td" in self.open and data.strip() not in ("", "to"):
            self.cells[-1].numbers[-1 if len(self.cells[-1].numbers) else 0].text += data


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    return page
