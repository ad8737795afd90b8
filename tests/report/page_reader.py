"""Reads a page of a run back, for the tests."""

from html.parser import HTMLParser

from cu_jax.report import write_page

_VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """A parsed page: its elements as (tag, attributes, text within), in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open, "every element is closed"

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(set(names)) == len(names), (tag, names)
        element = [tag, dict(attributes), ""]
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for element in self._open:
            element[2] += data

    def all(self, tag, **wanted):
        return [
            (attributes, " ".join(text.split()))
            for name, attributes, text in self.elements
            if name == tag and all(attributes.get(k) == v for k, v in wanted.items())
        ]


def page_of(workdir):
    return Page(write_page(workdir).read_text(encoding="utf-8"))


def cells_of(page):
    """The text and the sorting value of each cell of the body of the table, by row."""
    found, row = {}, None
    for tag, attributes, text in page.elements:
        if tag == "tr":
            row = found.setdefault(attributes["data-solution"], []) if attributes else None
        elif row is not None and "data-value" in attributes:
            row.append((text.strip(), attributes["data-value"]))
    return list(found.values())
