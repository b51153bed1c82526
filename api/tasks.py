"""Background work of the API: answers kept for an Idempotency-Key do not stay for ever."""

from accounts.models import IdempotencyKey
from accounts.tasks import house_job
from accounts.tenancy import every_account

from .idempotency import too_old


@house_job(queue="bulk")
def prune_idempotency_keys() -> None:
    """Forget keys of long ago, of all accounts."""
    with every_account():
        IdempotencyKey.objects.filter(too_old()).delete()
