"""Records that are to be erased for good, as marks that outlive a worker."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import protect


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_default_country"),
        ("records", "0006_imports_can_be_stopped"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "record_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("record_id", models.BigIntegerField()),
                ("suppresses", models.BooleanField(default=True)),
                ("asked_at", models.DateTimeField(default=scheduling.clock.now)),
                ("erased_at", models.DateTimeField(null=True)),
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
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["account", "erased_at", "record_id"], name="records_to_erase")],
            },
        ),
        *protect("records_erasure"),
    ]
