"""Flows that a record leaves when it is enrolled in another, and the weights of branches that people take by chance."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0002_folders")]

    operations = [
        migrations.AddField("flow", "leave_flows", models.JSONField(default=list)),
        migrations.AddField("branch", "weight", models.SmallIntegerField(null=True)),
    ]
