"""What a test needs to be there before somebody looks at it, made over the API."""

from typing import Any

from tests.browser.people import Person, api_key
from tests.live import Live


class Stage:
    """The account of `owner` with a list of three people, and flows that can be turned on."""

    def __init__(self, live: Live, owner: Person) -> None:
        self.live = live
        self._authorization = f"Bearer {api_key(owner)}"
        self.list_id = self._people()

    def flow(self, name: str = "Welcome", steps: list[dict[str, Any]] | None = None) -> int:
        """A flow of two waits, unless other steps are given."""
        wait = {"kind": "wait", "settings": {"amount": 2, "unit": "days"}}
        made = self.post("flows/", {"name": name, "steps": steps or [wait, wait]})
        return int(made["id"])

    def content(self, name: str = "Hello") -> int:
        """An e-mail that can be sent."""
        return int(self.post("contents/", {"name": name, "subject": name, "html": f"<p>{name}</p>"})["id"])

    def get(self, path: str) -> Any:
        """What the API says."""
        status, answer = self.live.call("GET", path, Authorization=self._authorization)
        assert status == 200, answer
        return answer

    def post(self, path: str, body: Any = None) -> Any:
        """What the API says to a change."""
        status, answer = self.live.call("POST", path, body, Authorization=self._authorization)
        assert status in (200, 201, 202), answer
        return answer

    def _people(self) -> int:
        people = [
            {"properties": {"email": f"{name}@fjord.example", "first_name": name.title()}, "consent": True}
            for name in ("kathe", "soren", "linnea")
        ]
        self.post("records/batch/", {"object_type": "contact", "match_on": "email", "records": people})
        everyone = {"all": [{"property": "email", "operator": "known"}]}
        made = self.post("lists/", {"name": "Everyone", "object_type": "contact", "criteria": everyone})
        return int(made["id"])
