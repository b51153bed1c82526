"""The test clock's offset: one row for the whole installation, and none in production."""

from django.db import models


class ClockOffset(models.Model):
    """How far the test clock stands from the database's time (see `scheduling.clock`)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset = models.DurationField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="scheduling_one_clock_offset")]

    def __str__(self) -> str:
        return str(self.offset)
