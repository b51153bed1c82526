"""Custom object types, more of properties, associations, searching, dynamic lists and their sizes, imports that say more.

Adding the generated column rewrites records_record: minutes for a million rows, before the first release.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations, models

import accounts.tenancy
import scheduling.clock
from accounts.row_security import identify, protect, same_account


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_default_country"),
        ("records", "0002_drafts_of_imports"),
    ]

    operations = [
        TrigramExtension(),
        BtreeGinExtension(),
        migrations.CreateModel(
            name="Association",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "record_id", "other_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("is_primary", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=scheduling.clock.now)),
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
                    "other",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.record",
                    ),
                ),
                (
                    "other_type",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="records.objecttype",
                    ),
                ),
                (
                    "record",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.record",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="EventClientId",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "client_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("client_id", models.CharField(max_length=200)),
                ("event_id", models.BigIntegerField()),
                ("at", models.DateTimeField(default=scheduling.clock.now)),
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
            },
        ),
        migrations.CreateModel(
            name="ListFolder",
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
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ListTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change", models.IntegerField()),
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
                    "list",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.list",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "list tallies",
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="UniqueValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "property_id", "value", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("value", models.CharField(max_length=500)),
                ("record_id", models.BigIntegerField()),
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
                    "property",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="records.property",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.RemoveConstraint(
            model_name="list",
            name="list_name_once_per_account",
        ),
        migrations.RemoveConstraint(
            model_name="property",
            name="property_type_is_known",
        ),
        migrations.AddField(
            model_name="import",
            name="blank_cells",
            field=models.CharField(
                choices=[("leave", "Leave the value"), ("clear", "Clear the value")], default="leave", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="date_order",
            field=models.CharField(
                choices=[("day_first", "Day first"), ("month_first", "Month first")], default="day_first", max_length=12
            ),
        ),
        migrations.AddField(
            model_name="import",
            name="mode",
            field=models.CharField(
                choices=[("both", "Create and update"), ("create", "Create only"), ("update", "Update only")],
                default="both",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="list",
            name="description",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="list",
            name="entry_count",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="list",
            name="is_hidden",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="list",
            name="refresh_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="list",
            name="refresh_cursor",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="list",
            name="refreshed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="objecttype",
            name="archived_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="objecttype",
            name="is_custom",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="property",
            name="default",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="property",
            name="is_required",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="property",
            name="is_unique",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="record",
            name="import_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="property",
            name="type",
            field=models.CharField(
                choices=[
                    ("text", "Text"),
                    ("long_text", "Long text"),
                    ("number", "Number"),
                    ("date", "Date"),
                    ("datetime", "Date and time"),
                    ("boolean", "Yes or no"),
                    ("choice", "Choice"),
                    ("multiple_choice", "Multiple choice"),
                    ("email", "E-mail"),
                    ("phone", "Phone"),
                    ("url", "Web address"),
                    ("owner", "Owner"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="property",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "type__in",
                        [
                            "text",
                            "long_text",
                            "number",
                            "date",
                            "datetime",
                            "boolean",
                            "choice",
                            "multiple_choice",
                            "email",
                            "phone",
                            "url",
                            "owner",
                        ],
                    )
                ),
                name="property_type_is_known",
            ),
        ),
        migrations.AddField(
            model_name="list",
            name="folder",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="lists",
                to="records.listfolder",
            ),
        ),
        migrations.AddIndex(
            model_name="list",
            index=models.Index(
                condition=models.Q(("refresh_at__isnull", False)), fields=["refresh_at"], name="lists_to_refresh"
            ),
        ),
        migrations.AddConstraint(
            model_name="list",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_hidden", False)), fields=("account", "name"), name="list_name_once_per_account"
            ),
        ),
        migrations.AddIndex(
            model_name="association",
            index=models.Index(fields=["account", "record", "other_type", "other"], name="associated_with_a_record"),
        ),
        migrations.AddConstraint(
            model_name="association",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_primary", True)),
                fields=("account", "record", "other_type"),
                name="one_primary_of_each_type",
            ),
        ),
        migrations.AddIndex(
            model_name="eventclientid",
            index=models.Index(fields=["at"], name="client_ids_by_age"),
        ),
        migrations.AddConstraint(
            model_name="listfolder",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="list_folder_name_once_per_account"),
        ),
        migrations.AddField(
            model_name="record",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.text.Lower(
                    django.db.models.functions.text.Concat(
                        django.db.models.functions.text.Concat(
                            models.Value(" ", output_field=models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.fields.json.KeyTextTransform("first_name", "properties"),
                                models.Value("", output_field=models.TextField()),
                            ),
                        ),
                        django.db.models.functions.text.Concat(
                            models.Value(" ", output_field=models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.fields.json.KeyTextTransform("last_name", "properties"),
                                models.Value("", output_field=models.TextField()),
                            ),
                        ),
                        django.db.models.functions.text.Concat(
                            models.Value(" ", output_field=models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.fields.json.KeyTextTransform("name", "properties"),
                                models.Value("", output_field=models.TextField()),
                            ),
                        ),
                        django.db.models.functions.text.Concat(
                            models.Value(" ", output_field=models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.fields.json.KeyTextTransform("email", "properties"),
                                models.Value("", output_field=models.TextField()),
                            ),
                        ),
                        django.db.models.functions.text.Concat(
                            models.Value(" ", output_field=models.TextField()),
                            django.db.models.functions.comparison.Coalesce(
                                django.db.models.fields.json.KeyTextTransform("phone", "properties"),
                                models.Value("", output_field=models.TextField()),
                            ),
                        ),
                    )
                ),
                output_field=models.TextField(),
            ),
        ),
        migrations.AddIndex(
            model_name="record",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["account", "search_text"], name="record_by_search_text", opclasses=["int8_ops", "gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="listtally",
            index=models.Index(fields=["account", "list"], name="tally_of_a_list"),
        ),
        migrations.AddIndex(
            model_name="uniquevalue",
            index=models.Index(fields=["account", "record_id"], name="unique_values_of_a_record"),
        ),
        *identify("records_listfolder", "records_property"),
        same_account("records_list", "folder_id", "records_listfolder"),
        same_account("records_uniquevalue", "property_id", "records_property"),
        *protect(
            "records_association",
            "records_eventclientid",
            "records_listfolder",
            "records_listtally",
            "records_uniquevalue",
        ),
        migrations.RunSQL(
            """alter table records_listtally set (autovacuum_vacuum_scale_factor = 0.02);
            insert into records_listtally (account_id, list_id, change)
            select account_id, list_id, count(*) from records_listentry group by account_id, list_id""",
            migrations.RunSQL.noop,
        ),
    ]
