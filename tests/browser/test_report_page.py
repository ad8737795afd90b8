"""report.html in a real browser: the slider, the front, the sorting."""

import io
import itertools

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


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
