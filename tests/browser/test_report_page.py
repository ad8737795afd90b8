"""report.html in a real browser: the slider, the sorting, and who can read and reach what.

Needs the extra ``browser`` and Debian's chromium; another one is named by CU_JAX_CHROMIUM.
"""

import io
import itertools
import os

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

_ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chromium():
    # Here, so that the other tests can be collected without it.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = os.environ.get("CU_JAX_CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Opens a page, and fails the test if it complains, asks anything or fetches anything."""
    contexts, complaints = [], []

    def open_page(address, **settings):
        context = chromium.new_context(**({"reduced_motion": "reduce"} | settings))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda message: complaints.append(("console", message.text)))
        page.on("pageerror", lambda error: complaints.append(("error", str(error))))
        page.on("dialog", lambda dialog: complaints.append(("dialog", dialog.message)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:"))
                else complaints.append(("request", request.url))
            ),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _slider(page):
    return page.get_by_role("slider", name="Solution")


def _shown(page):
    """Names of the solutions whose pictures are to be seen."""
    return [
        figure.locator("figcaption > b").inner_text()
        for figure in page.locator(".solution").all()
        if figure.locator("img").first.is_visible() and figure.locator("figcaption").is_visible()
    ]


def _current(page):
    """The highlighted point of the front and the highlighted row of the table."""
    points = page.locator(".mark.current text").all_text_contents()
    rows = page.locator("tbody tr[aria-current=true] th").all_inner_texts()
    halos = page.locator(".mark .halo").evaluate_all(
        "all => all.filter((one) => getComputedStyle(one).stroke !== 'none').length"
    )
    assert halos == len(points)
    return points, rows


def _gray(page, kind):
    """The gray to be seen in the middle of the first restored picture."""
    image = page.locator(f".solution.current .{kind} img")
    shot = Image.open(io.BytesIO(image.screenshot())).convert("L")
    # Three pictures of 8 pixels and two gaps of 1 make 26 pixels.
    return shot.getpixel((round(shot.width * 4 / 26), round(shot.height * 4 / 17)))


def _index(page, title):
    heads = [head.strip() for head in page.locator("thead button").all_inner_texts()]
    return next(i for i, head in enumerate(heads) if head.endswith(title))


def _column(page, title):
    """The texts of a column, from top to bottom."""
    index = _index(page, title)
    return [
        row.locator("th, td").nth(index).inner_text()
        for row in page.locator("#table tbody tr").all()
    ]


def test_the_slider_moves_pictures_point_and_row_by_keyboard(visit, address):
    page = visit(address)
    slider = _slider(page)
    slider.focus()
    assert _shown(page) == ["control 0.5"]
    page.keyboard.press("Home")
    seen = []
    places = []
    for _ in range(4):
        place = "(image) => image.getBoundingClientRect().top + scrollY"
        places.append(page.locator(".solution.current .forget img").evaluate(place))
        seen.append((_shown(page), _current(page), _gray(page, "forget"), _gray(page, "retain")))
        spoken = slider.get_attribute("aria-valuetext")
        assert spoken.startswith(f"{_shown(page)[0]}: forget loss ")
        page.keyboard.press("ArrowRight")
    assert seen == [
        (["original"], (["original"], ["original"]), 250, 180),
        (["control 1"], (["1"], ["control 1"]), 150, 180),
        (["control 0.5"], (["0.5"], ["control 0.5"]), 100, 180),
        (["control 0"], (["0"], ["control 0"]), 50, 180),
    ]
    assert len(set(places)) == 1, "pictures stay in place, or they could not dissolve"
    assert slider.get_attribute("aria-valuetext") == (
        "control 0: forget loss 0.650, retain loss 0.2000, forget PSNR (dB) 5.50, "
        "retain PSNR (dB) 9.00"
    )
    page.keyboard.press("ArrowLeft")
    assert _shown(page) == ["control 0.5"]
    page.keyboard.press("End")
    assert _shown(page) == ["control 0"]


def test_a_point_of_the_front_moves_the_slider(visit, address):
    page = visit(address)
    page.locator(".mark", has_text="original").locator(".shape").click()
    assert _slider(page).input_value() == "0" and _shown(page) == ["original"]


@pytest.mark.parametrize("width", [390, 1280])
def test_labels_of_the_front_do_not_overlap(visit, address, width):
    page = visit(address, viewport={"width": width, "height": 900})
    boxes = page.locator(".front text").evaluate_all(
        """all => all.map((one) => {
          const box = one.getBoundingClientRect();
          return [one.textContent, box.left, box.top, box.right, box.bottom];
        })"""
    )
    assert {"original", "complete", "0", "0.5", "1", "α = 0.1"} <= {box[0] for box in boxes}
    for a, b in itertools.combinations(boxes, 2):
        apart = a[1] >= b[3] or b[1] >= a[3] or a[2] >= b[4] or b[2] >= a[4]
        assert apart, (a, b)


def test_pictures_dissolve_but_not_for_who_wants_no_motion(visit, address):
    for motion, seconds in (("no-preference", 0.4), ("reduce", 0.0)):
        page = visit(address, reduced_motion=motion)
        style = "(image) => parseFloat(getComputedStyle(image).transitionDuration)"
        assert page.locator(".current .forget img").evaluate(style) == seconds
        # In the first frame of the change the old picture still stands behind the new one.
        opacities = page.evaluate(
            """async () => {
              const slider = document.getElementById("choice");
              const old = document.querySelector(".solution.current img");
              // What the page starts with has come to rest.
              await new Promise((resolve) => setTimeout(resolve, 600));
              await new Promise(requestAnimationFrame);
              slider.value = 0;
              slider.dispatchEvent(new Event("input"));
              await new Promise(requestAnimationFrame);
              const fresh = document.querySelector(".solution.current img");
              const style = (image) => getComputedStyle(image);
              return [old, fresh].map((i) => [Number(style(i).opacity), style(i).visibility]);
            }"""
        )
        if motion == "reduce":
            assert opacities == [[0, "hidden"], [1, "visible"]]
        else:
            assert opacities[0] == [1, "visible"]
            assert opacities[1][0] < 0.5 and opacities[1][1] == "visible"


def test_all_solutions_side_by_side(visit, address):
    page = visit(address)
    button = page.get_by_role("button", name="All 6 side by side")
    assert button.get_attribute("aria-pressed") == "false"
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert _shown(page) == [
        "original", "complete", "control 0", "control 0.5", "control 1", "composite α = 0.1",
    ]  # fmt: skip
    button.press(" ")
    assert _shown(page) == ["control 0.5"]


@pytest.mark.parametrize(
    ("title", "rising"),
    [
        ("seconds", ["3.0", "9.5", "20.0", "100.2", "1000.0", "–"]),
        ("retain fr", ["0.00000", "0.00004", "0.01000", "0.05000", "0.20000", "0.70000"]),
        ("control", ["0", "0.5", "1", "–", "–", "–"]),
        (
            "solution",
            ["complete", "composite α = 0.1", "control 0", "control 0.5", "control 1", "original"],
        ),
    ],
)
def test_sorting_each_way_and_back(visit, address, title, rising):
    page = visit(address)
    first = _column(page, title)
    assert first != rising
    head = page.locator("thead th[scope=col]").nth(_index(page, title))
    button = head.get_by_role("button")
    known = [text for text in rising if text != "–"]
    missing = [text for text in rising if text == "–"]
    for order, expected in (
        ("ascending", rising),
        ("descending", known[::-1] + missing),
        (None, first),
    ):
        button.press("Enter")
        assert _column(page, title) == expected
        assert head.get_attribute("aria-sort") == order
        assert page.locator("th[aria-sort]").count() == (order is not None)
        assert (order or "first order") in page.get_by_role("status").inner_text()


def test_sorting_by_another_column_starts_anew_and_keeps_the_highlight(visit, address):
    page = visit(address)
    seconds = page.locator("thead button", has_text="seconds")
    seconds.click()
    page.locator("thead button", has_text="control").click()
    assert page.locator("th[aria-sort]").count() == 1
    # Equal rows, here those without a control, stay in the first order.
    assert _column(page, "solution") == [
        "control 0", "control 0.5", "control 1", "original", "complete", "composite α = 0.1",
    ]  # fmt: skip
    assert _current(page) == (["0.5"], ["control 0.5"])


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
    assert len(_shown(page)) == 6
    assert not _slider(page).is_visible()
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
