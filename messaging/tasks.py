"""Delivery in the background."""

from accounts.tasks import account_task, house_job

from . import claims, delivery


@account_task(queue="delivery", lanes=2)
def deliver_account(account_id: int) -> bool:
    """Hand over a batch of the account's messages; True when there is more."""
    return delivery.deliver(account_id)


@house_job()
def deliver_due() -> None:
    """Ask for delivery wherever something is due."""
    for account_id in claims.accounts_with_due():
        deliver_account.hint(account_id)


@house_job()
def sweep_unconfirmed() -> None:
    """Give up on messages whose worker died while it was sending them."""
    for account_id in claims.accounts_with_lost():
        delivery.sweep(account_id)
