"""report.html in a real browser: who can read it, and reach what, with what."""

import pytest

pytestmark = pytest.mark.browser
_PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("kind", ["address", "hostile_address"])
def test_no_picture_is_broken_and_nothing_is_wider_than_a_phone(visit, kind, request):
    page = visit(request.getfixturevalue(kind), viewport=_PHONE, has_touch=True)
    widths = page.locator("img").evaluate_all("all => all.map((image) => image.naturalWidth)")
    assert len(widths) == 2 * (2 + 6) and min(widths) > 0
    for details in page.locator("summary").all():
        details.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # Nothing was squeezed instead: the table scrolls in its own container.
    scroller = page.get_by_role("region", name="Table of all numbers")
    assert scroller.evaluate("(one) => one.scrollWidth > one.clientWidth")
    size = page.locator(".solution.current .forget img").bounding_box()
    assert size["width"] > 140


def test_without_javascript_everything_is_there(visit, address):
    page = visit(address, java_script_enabled=False)
    captions = page.locator(".solution > figcaption").all()
    assert len(captions) == 6 and all(caption.is_visible() for caption in captions)
    assert all(image.is_visible() for image in page.locator(".solution img").all())
    assert not page.get_by_role("slider", name="Solution").is_visible()
    assert page.locator("#table tbody tr").count() == 6
    assert page.locator("svg.drawing").count() == 7


def test_the_tab_key_reaches_everything_in_order(visit, address):
    page = visit(address)
    stops = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
              const one = document.activeElement;
              const name = one.id || one.className || one.getAttribute("aria-label");
              const outline = getComputedStyle(one).outlineStyle;
              return [one.tagName, name || one.textContent, outline];
            }"""
        )
        if stop[0] == "BODY":
            break
        stops.append(stop)
    assert all(outline != "none" for *_, outline in stops), "the focus can be seen"
    names = [name for _, name, _ in stops]
    assert names[0] == "skip"
    assert names.index("choice") < names.index("all") < names.index("scroller")
    columns = page.locator("thead button").count()
    assert [tag for tag, *_ in stops].count("BUTTON") == columns + 1
    assert len(set(map(tuple, stops))) >= columns + 8


def test_the_skip_link_goes_to_the_report(visit, address):
    page = visit(address)
    page.keyboard.press("Tab")
    assert page.get_by_role("link", name="Skip to the report").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_a_screen_reader_is_told(visit, address):
    page = visit(address)
    assert page.locator("html").get_attribute("lang") == "en"
    for role, count in (("main", 1), ("banner", 1), ("navigation", 1), ("contentinfo", 1)):
        assert page.get_by_role(role).count() == count
    levels = page.locator("h1, h2, h3, h4, h5, h6").evaluate_all(
        "all => all.map((head) => Number(head.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in zip(levels[:-1], levels[1:], strict=True))
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert (
        page.locator("svg:not([aria-hidden]):not([aria-label]):not([aria-labelledby])").count() == 0
    )
    snapshot = page.locator("body").aria_snapshot()
    assert '- slider "Solution"' in snapshot
    assert '- img "Forget pictures, restored by control 0.5; classes 0, 0, 1, 1, 2, 2"' in snapshot
    # Only the chosen solution is read out.
    assert "restored by original" not in snapshot
    assert "- 'button \"work: seconds\"'" in snapshot
    assert '- table "Every solution and everything that was measured"' in snapshot
    assert '- img "What forgetting costs"' in snapshot


_CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => {
    const [r, g, b] = [...rgba(color)].slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    throw new Error("no background");
  };
  const ratio = (color, one) => {
    const [low, high] = [luminance(color), luminance(behind(one))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || one.closest("script, desc, title")) continue;
    const style = getComputedStyle(one);
    const color = one.closest("svg") ? style.fill : style.color;
    found.push([ratio(color, one), 4.5, walker.currentNode.data.trim()]);
  }
  for (const one of document.querySelectorAll(".shape, .curve, .symbol path")) {
    found.push([ratio(getComputedStyle(one).color, one), 3, one.className.baseVal]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_drawings_stand_out(visit, address, scheme):
    page = visit(address, color_scheme=scheme)
    found = page.evaluate(_CONTRASTS)
    assert len(found) > 200
    # The palette's arithmetic takes 2.2 for the exponent of sRGB, which is off by a percent.
    assert [one for one in found if one[0] < 0.98 * one[1]] == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(18, 22, 27)") == (scheme == "dark")
