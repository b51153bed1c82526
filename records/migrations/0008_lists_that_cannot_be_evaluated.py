"""A list says why it could not be evaluated, and how many records it takes at a time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0007_erasing")]

    operations = [
        migrations.AddField(model_name="list", name="refresh_chunk", field=models.IntegerField(default=20_000)),
        migrations.AddField(
            model_name="list",
            name="refresh_failure",
            field=models.CharField(
                blank=True,
                choices=[("too_slow", "Its criteria take too long"), ("error", "Something went wrong")],
                default="",
                max_length=10,
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="list",
            constraint=models.CheckConstraint(
                condition=models.Q(refresh_failure__in=["", "too_slow", "error"]), name="list_failure_is_known"
            ),
        ),
    ]
