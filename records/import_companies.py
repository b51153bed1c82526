"""The companies that rows of an import name: found without regard to case or made, and associated as primary."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from .associations import associate_many
from .import_mapping import COMPANY
from .merging import IMPORT, Merge
from .models import Import, ObjectType
from .property_rules import rules_of
from .refusals import Error
from .rows import Row, folded


def associate(source: Import, names: Mapping[int, str]) -> set[int]:
    """Give records, by id, the companies of these names; the ids of the records that had another or none."""
    if not names:
        return set()
    companies = _find_or_make(source, set(names.values()))
    pairs = [(record, companies[folded(name)]) for record, name in names.items() if folded(name) in companies]
    return associate_many(pairs, is_primary=True)


def refusals(names: set[str]) -> dict[str, Error]:
    """Why companies of some of these names could not be made, by name: a company needs more than that."""
    company = _company()
    rules = rules_of(company)
    lacks = rules.lacks({**rules.defaults, "name": "-"}, is_new=True)
    if not names or not lacks:
        return {}
    found = Merge(company, match_on="name", source=IMPORT).find({folded(name) for name in names})
    why = " ".join(error.message for error in lacks)
    message = _("There is no company “{name}”, and it cannot be made: {why}")
    return {
        name: Error(COMPANY["associated"], message.format(name=name, why=why))
        for name in names
        if folded(name) not in found
    }


def _company() -> ObjectType:
    company: ObjectType = ObjectType.objects.get(key=COMPANY["associated"])
    return company


def _find_or_make(source: Import, names: set[str]) -> dict[str, int]:
    """Ids by name in lower case."""
    company = _company()
    spelled = {folded(name): name for name in sorted(names)}
    merge = Merge(company, match_on="name", source=IMPORT, import_id=source.pk)
    found = {str(name): id for name, id in merge.find(spelled).items()}
    missing = [key for key in spelled if key not in found]
    made = merge.run({number: Row({"name": spelled[key]}) for number, key in enumerate(missing)}) if missing else {}
    return found | {missing[number]: result.id for number, result in made.items() if result.id}
