"""XML from strangers as a small tree. A document type is refused, and with it every entity: no bombs, no files, no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

DEEPEST = 50


@dataclass(slots=True)
class Element:
    """`name` is without namespace prefix, `text` is what stands directly in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """Itself and everything in it, in the order written."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, path: str) -> Element | None:
        """The first element at `a.b.c`, wherever `a` is."""
        first, _, rest = path.partition(".")
        for element in self.walk():
            if element.name == first and (found := element._below(rest)):
                return found
        return None

    def _below(self, path: str) -> Element | None:
        if not path:
            return self
        first, _, rest = path.partition(".")
        below = (child._below(rest) for child in self.children if child.name == first)
        return next((found for found in below if found), None)

    def said(self, path: str) -> str | None:
        """The text of the element at `path`, None where there is none."""
        found = self.find(path)
        return found.text.strip() if found else None


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise ValueError("XML nested too deeply")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].text += text

    def refuse(self, *_: object) -> None:
        raise ValueError("XML with a document type is not read")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def tree(body: bytes) -> Element:
    """The document's root. Raises ValueError for anything that is not plain, well-formed XML."""
    builder, parser = _Builder(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = builder.refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise ValueError(f"not XML: {type(error).__name__}") from None
    if builder.root is None:
        raise ValueError("XML without an element")
    return builder.root
