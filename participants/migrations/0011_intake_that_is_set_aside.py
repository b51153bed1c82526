"""What the database refuses of an intake is set aside and tried again; the others go on.

Columns with a default of the database write no row, and a process of the version before needs not know them. The index
holds nothing yet, and an intake is drained within seconds: it is built in the same short transaction.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("participants", "0010_lists_that_were_enrolled")]

    operations = [
        migrations.AddField("intake", "failures", models.SmallIntegerField(default=0, db_default=0)),
        migrations.AddField("intake", "retry_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "intake",
            models.Index(condition=models.Q(("failures__gt", 0)), fields=["account", "flow"], name="intake_failing"),
        ),
    ]
