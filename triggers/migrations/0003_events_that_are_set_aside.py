"""An event whose consequences fail is set aside and tried again; the others go on."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
from accounts.row_security import protect


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_default_country"), ("triggers", "0002_schedules_of_a_flow")]

    operations = [
        migrations.CreateModel(
            name="EventSetAside",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_id", models.BigIntegerField()),
                ("failures", models.IntegerField()),
                ("retry_at", models.DateTimeField(null=True)),
                ("set_aside_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        default=accounts.tenancy.current_account_id,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.account",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "events set aside",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        *protect("triggers_eventsetaside"),
    ]
