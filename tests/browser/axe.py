"""axe-core in a page, which finds what somebody with a screen reader, a keyboard or weak eyes would stumble over."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

SCRIPT: Final = Path(__file__).parent / "vendor" / "axe.min.js"
BAD: Final = ("serious", "critical")
RUN: Final = """async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules ? { runOnly: { type: "rule", values: rules } } : {}) };
  return (await axe.run(document, options)).violations;
}"""


@cache
def _source() -> str:
    return SCRIPT.read_text()


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What is serious or critical on the page as it stands, each with its places; `rules` looks for those only."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {_source()} }}")
    found: list[dict[str, Any]] = page.evaluate(RUN, rules)
    return [f"{page.url}: {each['id']} ({each['impact']}): {_places(each)}" for each in found if each["impact"] in BAD]


def _places(violation: dict[str, Any]) -> str:
    return ", ".join(str(node["target"][0]) for node in violation["nodes"][:4])
