"""Folders of flows, each account's own; a flow lies in at most one."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
from accounts.row_security import identify, protect, same_account


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("flows", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Folder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
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
                (
                    "parent",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="flows.folder",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "parent", "name"),
                        name="folder_name_once_per_place",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="flow",
            name="folder",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="flows.folder",
            ),
        ),
        *identify("flows_folder"),
        same_account("flows_folder", "parent_id", "flows_folder"),
        same_account("flows_flow", "folder_id", "flows_folder"),
        *protect("flows_folder"),
    ]
