"""Rows of a file about the same record, which an import sets aside and takes together."""

import django.db.models.deletion
from django.db import migrations, models

import accounts.tenancy
from accounts.row_security import protect, same_account


def _account() -> tuple[str, models.Field]:
    return (
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
    )


def _source() -> tuple[str, models.Field]:
    return (
        "source",
        models.ForeignKey(
            db_constraint=False,
            db_index=False,
            on_delete=django.db.models.deletion.CASCADE,
            related_name="+",
            to="records.import",
        ),
    )


def _key(*columns: str) -> tuple[str, models.Field]:
    key = models.CompositePrimaryKey(*columns, blank=True, editable=False, primary_key=True, serialize=False)
    return ("pk", key)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_default_country"),
        ("records", "0008_lists_that_cannot_be_evaluated"),
    ]

    operations = [
        migrations.AddField(model_name="import", name="searched_byte", field=models.BigIntegerField(default=0)),
        migrations.AddField(
            model_name="import", name="last_key", field=models.CharField(blank=True, default="", max_length=320)
        ),
        migrations.CreateModel(
            name="ImportSieve",
            fields=[
                _key("account_id", "source_id"),
                ("once", models.BinaryField()),
                ("twice", models.BinaryField()),
                _account(),
                _source(),
            ],
            options={"abstract": False, "base_manager_name": "objects"},
        ),
        migrations.CreateModel(
            name="HeldRow",
            fields=[
                _key("account_id", "source_id", "key", "row"),
                ("key", models.CharField(max_length=320)),
                ("row", models.IntegerField()),
                ("cells", models.JSONField()),
                _account(),
                _source(),
            ],
            options={"abstract": False, "base_manager_name": "objects"},
        ),
        same_account("records_importsieve", "source_id", "records_import"),
        same_account("records_heldrow", "source_id", "records_import"),
        *protect("records_importsieve", "records_heldrow"),
        # Bits are as good as random: trying to compress them only takes time.
        migrations.RunSQL(
            """alter table records_importsieve alter column once set storage external,
            alter column twice set storage external""",
            migrations.RunSQL.noop,
        ),
    ]
