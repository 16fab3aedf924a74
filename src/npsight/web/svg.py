"""A figure as SVG for a page: no style of its own, colours that follow the page, text as text.

Pages forbid inline style, so what matplotlib writes into `style` becomes attributes. Text is drawn
as a placeholder and filled in here: matplotlib never reads what people wrote (no mathematics
between dollar signs, no warnings of glyphs that a font lacks).
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOCK = threading.Lock()
"""Held by who draws: matplotlib's settings belong to the whole process."""

TOKENS = (
    "ground",
    "card",
    "line",
    "ink",
    "dim",
    "accent",
    "accent-soft",
    "bad",
    "warn",
    "good",
    "detractor",
    "passive",
    "promoter",
)
"""Colours of `npsight.css` that a chart may use."""

_STANDS_FOR = {f"#0102{index:02x}": f"var(--{token})" for index, token in enumerate(TOKENS)}
_DRAWN_AS = {token: code for code, token in zip(_STANDS_FOR, TOKENS, strict=True)}
_NAMESPACE = re.compile(r"\{[^}]*\}")
_LENGTH = re.compile(r"([\d.]+)px")
_REFERENCE = re.compile(r"#([\w-]+)")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DROPPED = {"font-family", "font-style", "font-variant", "font-stretch", "stroke-linejoin"}


def color(token: str) -> str:
    """What to draw with, so that it becomes the page's colour of that name.

    Raises
    ------
    KeyError
        There is no such colour.
    """
    return _DRAWN_AS[token]


def cut(text: str, longest: int) -> str:
    """Text on one line, at most so many characters."""
    line = " ".join(_NOT_XML.sub("", text).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


@dataclass
class Canvas:
    """A figure of one pair of axes without decoration; one unit is one CSS pixel at full size.

    `margins` are left, top, right, bottom, in pixels.
    """

    width: int
    height: int
    margins: tuple[float, float, float, float]
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=(self.width / 72, self.height / 72), dpi=72)
        FigureCanvasSVG(self.figure)

    @cached_property
    def axes(self) -> Axes:
        """The axes, made when they are first asked for: a figure can do without."""
        left, top, right, bottom = self.margins
        box = (
            left / self.width,
            bottom / self.height,
            max(1.0, self.width - left - right) / self.width,
            max(1.0, self.height - top - bottom) / self.height,
        )
        axes = self.figure.add_axes(box)
        axes.set_axis_off()
        return axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        side: str = "left",
        shade: str = "ink",
        size: float = 12,
        bold: bool = False,
        at: str = "data",
    ) -> None:
        """Write text centred on the height y; `side` of it that lies at x.

        `at` says what x and y count: `data`, or pixels from the lower left of the `figure`;
        `foot` and `edge` mix them: x in data and y in pixels, and the reverse.
        """
        self.axes.text(
            x,
            y,
            f"t{len(self.texts):04d}",
            ha=side,
            va="center_baseline",
            color=color(shade),
            fontsize=size,
            fontweight="bold" if bold else "normal",
            transform=self._transform(at),
            clip_on=False,
        )
        self.texts.append(text)

    def _transform(self, at: str) -> Any:
        from matplotlib.transforms import IdentityTransform, blended_transform_factory

        pixels, data = IdentityTransform(), self.axes.transData
        if at == "foot":
            return blended_transform_factory(data, pixels)
        if at == "edge":
            return blended_transform_factory(pixels, data)
        return data if at == "data" else pixels

    def svg(self, title: str, description: str, kind: str = "") -> Markup:
        """The figure; `kind` is a class beside `chart`."""
        return Markup(_cleaned(self, title, description, kind))


def _cleaned(canvas: Canvas, title: str, description: str, kind: str) -> str:
    root = ElementTree.fromstring(_drawn(canvas.figure))
    for parent in list(root.iter()):
        for child in list(parent):
            if _tag(child) in ("metadata", "style") or _is_empty(child):
                parent.remove(child)
    told = f"{title}|{description}|{kind}|{canvas.texts}"
    used = {name for element in root.iter() for name in _references(element)}
    prefix = "c" + hashlib.sha256(told.encode()).hexdigest()[:8]
    for element in root.iter():
        element.tag = _tag(element)
        element.attrib = dict(_attributes(element, used, prefix))
        if element.tag == "text" and element.text:
            element.text = _NOT_XML.sub("", canvas.texts[int(element.text[1:])])
        elif element.text is not None and not element.text.strip():
            element.text = None
        element.tail = None
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": f"chart {kind}".strip(),
        "viewBox": f"0 0 {canvas.width} {canvas.height}",
        "role": "img",
        "aria-label": cut(title, 300),
    }
    for index, (tag, words) in enumerate((("title", title), ("desc", description))):
        told_in = ElementTree.Element(tag)
        told_in.text = cut(words, 2_000)
        root.insert(index, told_in)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _drawn(figure: Figure) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "npsight"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue()


def _tag(element: ElementTree.Element) -> str:
    return _NAMESPACE.sub("", element.tag)


def _is_empty(element: ElementTree.Element) -> bool:
    """Whether it is the background of the figure, which is not drawn."""
    return element.get("id") == "patch_1"


def _references(element: ElementTree.Element) -> Iterator[str]:
    for name, value in element.attrib.items():
        if name.endswith("href") or "url(" in value:
            yield from _REFERENCE.findall(value)


def _attributes(
    element: ElementTree.Element, used: set[str], prefix: str
) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        bare = _NAMESPACE.sub("", name)
        if bare == "style":
            yield from _declarations(value)
        elif bare == "id":
            if value in used:
                yield "id", prefix + value
        elif bare == "href" or "url(" in value:
            yield bare, value.replace("#", f"#{prefix}")
        elif bare == "transform" and value.startswith("rotate(-0 "):
            continue
        elif bare == "d":
            yield bare, " ".join(value.split())
        else:
            yield bare, value


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in style.split("; "):
        name, _, value = declaration.strip(" ;").partition(": ")
        if name == "font":
            found = _LENGTH.search(value)
            yield "font-size", found.group(1) if found else "12"
            if "bold" in value or "700" in value:
                yield "font-weight", "bold"
        elif name and name not in _DROPPED:
            plain = _LENGTH.sub(r"\1", value) if name == "font-size" else value
            yield name, _STANDS_FOR.get(plain, plain)
