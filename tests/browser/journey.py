"""What a newcomer does, from the sign-up to a flow that is gone again: one walk for every hand and language."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import Mouse
from tests.browser.people import Person, sign_up
from tests.browser.words import Words
from tests.live import Live

FILE = Path(__file__).parent / "people.csv"
PEOPLE = 3
SWEDES = 2
A_MOMENT = timedelta(minutes=1)


@dataclass
class Walk:
    """Somebody at work: their hand, their words, and Flyt behind it all."""

    page: Page
    hand: Mouse
    words: Words
    live: Live
    sender: str = ""  # nobody else's, so that the letters of this walk can be told from others

    def button(self, name: str) -> Locator:
        """By what it says."""
        return self.page.get_by_role("button", name=self.words(name), exact=True)

    def link(self, name: str) -> Locator:
        """By what it says."""
        return self.page.get_by_role("link", name=self.words(name), exact=True)

    def field(self, name: str) -> Locator:
        """By its label, whatever is behind it."""
        return self.page.get_by_label(self.words(name))

    def go_to(self, place: str) -> None:
        """A place of the frame: from the side, or on a phone from the menu."""
        menu = self.page.locator(".topbar summary")
        if menu.is_visible():
            self.hand.press(menu)
            self.hand.press(self.page.locator(".topbar").get_by_role("link", name=place, exact=True))
        else:
            self.hand.press(self.page.locator(".sidebar").get_by_role("link", name=place, exact=True))

    def is_saved(self) -> None:
        """The editor has nothing left to save."""
        self.page.wait_for_timeout(100)
        expect(self.page.locator("#saved")).to_have_attribute("data-state", "saved")


def arrive(walk: Walk) -> Person:
    """Sign up."""
    person = sign_up(walk.page, walk.hand, walk.words)
    walk.sender = f"news@{person.slug}.example"
    return person


def import_people(walk: Walk) -> None:
    """Bring in a small file; it becomes a list."""
    walk.go_to(walk.words.of("noun", "Import"))
    walk.hand.hand_over(walk.page.locator("#file"), FILE)
    walk.hand.press(walk.button("Look at the file"))
    many = walk.words.many("Import %(shown)s row", "Import %(shown)s rows", PEOPLE, shown=PEOPLE)
    walk.hand.press(walk.page.get_by_role("button", name=many))
    imported = walk.words.many("%(shown)s row imported", "%(shown)s rows imported", PEOPLE, shown=PEOPLE)
    expect(walk.page.get_by_role("heading", level=1)).to_have_text(imported, timeout=30_000)


def build(walk: Walk, name: str) -> None:
    """A flow: an e-mail, a wait, and for the Swedes a second e-mail."""
    walk.go_to(walk.words("Flows"))
    walk.hand.press(walk.link("New flow").first)
    walk.hand.write(walk.page.locator("#name"), name)
    walk.hand.press(walk.button("Make flow"))
    expect(walk.page.locator("#editor-name")).to_have_text(name)
    add_at(walk, -1, "Send e-mail")
    write_mail(walk, "Welcome", "<p>Hello {{ first_name }}</p>")
    add_at(walk, -1, "Wait")
    walk.hand.write(walk.page.locator("#wait-amount"), "2")
    walk.hand.choose(walk.page.locator("#wait-unit"), walk.words("days"))
    walk.is_saved()
    add_at(walk, -1, "Split")
    fill_branch(walk)
    add_at(walk, -3, "Send e-mail")
    write_mail(walk, "Reminder", "<p>Still there, {{ first_name }}?</p>")
    set_sender(walk)
    let_people_come_again(walk)


def add_at(walk: Walk, place: int, kind: str) -> None:
    """Open a + of the chart (counted from its end) and press a step kind in it."""
    plus = walk.page.locator("#chart summary.flow-add").nth(place)
    before = walk.page.locator("#chart .step").count()
    walk.hand.press(plus)
    menu = walk.page.locator("#chart details[open]")
    walk.hand.press(menu.get_by_role("button", name=walk.words(kind), exact=True))
    expect(walk.page.locator("#chart .step")).to_have_count(before + 1)
    expect(walk.page.locator("#panel-form")).to_be_visible()


def write_mail(walk: Walk, subject: str, html: str) -> None:
    """A new e-mail for the open step, and back to the chart."""
    editor = walk.page.url
    walk.hand.press(walk.button("New e-mail"))
    walk.hand.write(walk.page.locator("#subject"), subject)
    walk.hand.write(walk.page.locator("#html"), html)
    walk.hand.press(walk.button("Save"))
    expect(walk.page.locator("#save-state")).to_have_attribute("data-state", "saved")
    walk.page.goto(editor)


def fill_branch(walk: Walk) -> None:
    """The first branch takes whoever is in Sweden."""
    panel = walk.page.locator("#panel")
    walk.hand.write(panel.locator(".branch-form input.input").first, "Swedes")
    panel_select = panel.locator(".criteria-row select").first
    if not panel_select.count():
        walk.hand.press(panel.get_by_role("button", name=walk.words("Condition"), exact=True).first)
    walk.hand.choose(panel_select, walk.words("Country"))
    value = panel.locator(".criteria-row input.input").first
    walk.hand.write(value, "Sweden")
    walk.is_saved()
    expect(panel.locator(".sentence").first).to_contain_text("Sweden")


def set_sender(walk: Walk) -> None:
    """Who the e-mails come from."""
    walk.hand.press(walk.page.locator("#part-email"))
    walk.hand.write(walk.page.locator("#sender-address"), walk.sender)
    walk.hand.write(walk.page.locator("#reply-address"), "hello@fjord.example")
    walk.hand.choose(walk.page.locator("#subscription-type"), "Newsletter")
    walk.is_saved()


def let_people_come_again(walk: Walk) -> None:
    """A new flow takes everyone once."""
    walk.hand.press(walk.page.locator("#part-settings"))
    walk.hand.tick(walk.page.locator("#only-once"), False)
    walk.is_saved()


def turn_on(walk: Walk) -> None:
    """Review what is built, and turn it on."""
    walk.hand.press(walk.link("Review and turn on"))
    walk.hand.press(walk.button("Turn on"))
    expect(walk.page.get_by_role("switch")).to_have_attribute("aria-checked", "true")


def enrol(walk: Walk, *, together: int) -> None:
    """Everyone on the imported list, by hand; `together` have been enrolled then."""
    from_menu(walk, "Enrol by hand…")
    walk.hand.choose(walk.page.locator("#enrol-list"), FILE.stem)
    walk.hand.press(walk.button("Enrol the list…"))
    walk.hand.press(walk.page.get_by_role("dialog").get_by_role("button", name=walk.words("Enrol"), exact=True))
    expect(walk.page.locator("#enrolled")).to_have_text(str(together), timeout=30_000)


def from_menu(walk: Walk, item: str) -> None:
    """Something from the menu in the header of a flow."""
    walk.hand.press(walk.page.locator("#flow-head details.menu summary"))
    walk.hand.press(walk.page.locator("#flow-head .menu-item", has_text=walk.words(item)))


def watch_counts(walk: Walk, **figures: int) -> None:
    """The figures of the summary, which change by themselves: `in_progress=3`."""
    for name, figure in figures.items():
        label = walk.words(name.replace("_", " ").capitalize())
        stat = walk.page.locator(f'.stat:has(.stat-label:text-is("{label}")) .stat-figure')
        expect(stat).to_have_text(str(figure), timeout=30_000)


def show_summary(walk: Walk) -> None:
    """The first tab of the flow."""
    walk.hand.press(walk.page.locator("nav.tabs").get_by_role("link", name=walk.words("Summary")))


def pause_and_edit(walk: Walk) -> None:
    """Pause, name the step that everyone stands on, and go back."""
    walk.hand.press(walk.button("Pause and edit"))
    expect(walk.page.locator(".editor-bar .pill")).to_have_attribute("data-status", "paused")
    walk.hand.press(walk.page.locator("#chart a.step-main", has_text=walk.words("Wait")).first)
    walk.hand.write(walk.page.locator("#step-name"), "Two quiet days")
    walk.is_saved()
    expect(walk.page.locator("#chart").get_by_text("Two quiet days")).to_be_visible()
    walk.hand.press(walk.link("Back to the flow"))


def switch(walk: Walk, *, on: bool) -> None:
    """The large switch of the flow."""
    walk.hand.press(walk.page.get_by_role("switch"))
    expect(walk.page.get_by_role("switch")).to_have_attribute("aria-checked", "true" if on else "false")


def end_and_delete(walk: Walk, name: str) -> None:
    """End it with people in it, then delete it; each question names how many."""
    from_menu(walk, "End flow…")
    walk.hand.press(walk.page.get_by_role("button", name=walk.words("End flow and cancel %s") % PEOPLE))
    expect(walk.page.locator("#flow-head .pill")).to_have_attribute("data-status", "not_running")
    show_summary(walk)
    watch_counts(walk, in_progress=0)
    walk.page.reload()
    from_menu(walk, "Delete…")
    stories = walk.words.many(
        "Delete flow and %(shown)s story", "Delete flow and %(shown)s stories", 2 * PEOPLE, shown=2 * PEOPLE
    )
    walk.hand.press(walk.page.get_by_role("button", name=stories))
    walk.page.wait_for_url("**/flows/")
    expect(walk.page.get_by_role("link", name=name, exact=True)).to_have_count(0)


def run(walk: Walk) -> None:
    """People go in, stand still while it is paused, and come out at the other end with their e-mails."""
    enrol(walk, together=PEOPLE)
    show_summary(walk)
    watch_counts(walk, enrolled=PEOPLE, in_progress=PEOPLE, completed=0)
    walk.live.until(lambda: subjects(walk) == ["Welcome"] * PEOPLE, "the first e-mails")
    pause_and_edit(walk)
    walk.live.forward(timedelta(days=2) + A_MOMENT)
    walk.page.wait_for_timeout(1_000)
    watch_counts(walk, in_progress=PEOPLE, completed=0)
    switch(walk, on=True)
    watch_counts(walk, in_progress=0, completed=PEOPLE)
    all_of_them = ["Reminder"] * SWEDES + ["Welcome"] * PEOPLE
    walk.live.until(lambda: subjects(walk) == all_of_them, "the second e-mails")


def subjects(walk: Walk) -> list[str]:
    """Of every e-mail of the flow that has arrived."""
    mails = [mail for mail in walk.live.mails() if mail["From"].addresses[0].addr_spec == walk.sender]
    return sorted(str(mail["Subject"]) for mail in mails)


def whole(walk: Walk, name: str) -> None:
    """All of it."""
    arrive(walk)
    import_people(walk)
    build(walk, name)
    turn_on(walk)
    run(walk)
    enrol(walk, together=2 * PEOPLE)  # somebody to be cancelled
    end_and_delete(walk, name)
