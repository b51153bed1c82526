"""How somebody works a page: with a mouse, or with the keyboard alone."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Locator, Page, expect

MOST_TABS: Final = 120
SMALLEST: Final = 24  # px
IS_ACTIVE: Final = "element => element === document.activeElement"
# Where the target is, seen from the focus: before it in the document, or after.
IS_BEFORE: Final = """element => Boolean(document.activeElement !== document.body
  && document.activeElement.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING)"""
# A ring is an outline or a shadow of the focused element itself, or of what it stands for (a hidden radio's label).
HAS_RING: Final = """element => {
  const shows = (each) => { const style = getComputedStyle(each);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none'; };
  const near = [element, element.parentElement, ...element.parentElement.children, ...element.querySelectorAll('*')];
  return element.matches(':focus-visible') && near.some(shows);
}"""


class Mouse:
    """Presses what it sees."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        """A button, a link, a menu, a box."""
        target.click()

    def write(self, target: Locator, text: str) -> None:
        """Put `text` in place of what a field says."""
        target.click()
        target.fill(text)

    def choose(self, target: Locator, label: str) -> None:
        """An option of a select."""
        target.select_option(label=label)

    def tick(self, target: Locator, wanted: bool = True) -> None:
        """A box, or take the tick out."""
        target.set_checked(wanted)

    def hand_over(self, target: Locator, file: Path) -> None:
        """A file to a file field."""
        with self.page.expect_file_chooser() as chooser:
            target.click()
        chooser.value.set_files(file)


class Finger(Mouse):
    """Taps, and looks after each tap whether the page is wider than the phone."""

    def press(self, target: Locator) -> None:
        """What a finger hits: 24 px at least each way, as WCAG 2.2 wants it."""
        target.scroll_into_view_if_needed()
        box = target.bounding_box()
        assert box and min(box["width"], box["height"]) >= SMALLEST, f"{target} is {box}"
        target.tap()
        size = self.page.viewport_size
        assert size
        self.page.wait_for_function("seen => document.documentElement.scrollWidth <= seen", arg=size["width"])


class Keyboard(Mouse):
    """Walks with Tab until it is there, and sees where it is all the way."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        # Who begins to listen for it with the key press may be too late on a busy machine, and wait for ever.
        page.on("filechooser", lambda _chooser: None)

    def press(self, target: Locator) -> None:
        """Enter, on whatever takes it."""
        self._go(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        """Type over what is there."""
        self._go(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        expect(target).to_have_value(text)

    def choose(self, target: Locator, label: str) -> None:
        """Type the beginning of the option until it is the one."""
        self._go(target)
        self.page.keyboard.type(label)
        expect(target.locator("option:checked")).to_have_text(label)

    def tick(self, target: Locator, wanted: bool = True) -> None:
        """Space."""
        self._go(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked(checked=wanted)

    def hand_over(self, target: Locator, file: Path) -> None:
        """Space on the field opens the system's window."""
        self._go(target)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Space")
        chooser.value.set_files(file)

    def _go(self, target: Locator) -> None:
        expect(target).to_be_visible()
        back = target.evaluate(IS_BEFORE)
        for _step in range(MOST_TABS):
            if target.evaluate(IS_ACTIVE):
                assert target.evaluate(HAS_RING), f"no focus to be seen on {target}"
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{target} is not reached by Tab")
