"""Make the tables of django-celery-beat list the house jobs of config/beat.py, those and no others."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks


class Command(BaseCommand):
    """After a change of config/beat.py. Safe to run again, also while beat runs: it notices and reads anew."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Remove what the table does not name; create or change the rest; leave alone what is right."""
        jobs = {job.task: job for job in settings.HOUSE_JOBS}
        removed, _ = PeriodicTask.objects.exclude(name__in=jobs).delete()
        changed = sum(_write(job) for job in jobs.values())
        IntervalSchedule.objects.exclude(periodictask__isnull=False).delete()
        if removed or changed:
            PeriodicTasks.update_changed()
        self.stdout.write(f"{len(jobs)} house jobs: {changed} written, {removed} removed.")


def _write(job: Any) -> bool:
    """Create or correct one row; False when it was right."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=job.every, period=IntervalSchedule.SECONDS)
    wanted = {
        "task": job.task,
        "interval_id": interval.pk,
        "crontab_id": None,
        "solar_id": None,
        "clocked_id": None,
        "args": "[]",
        "kwargs": "{}",
        "queue": None,  # the task names its own
        "expires": None,
        "expire_seconds": None,  # see accounts/tasks.py
        "one_off": False,
        "enabled": True,
        "description": job.why,
    }
    row = PeriodicTask.objects.filter(name=job.task).first()
    if row and all(getattr(row, field) == value for field, value in wanted.items()):
        return False
    PeriodicTask.objects.update_or_create(name=job.task, defaults=wanted)
    return True
