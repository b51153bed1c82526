"""Which mark parts the decimals in the file of an import. Those under way go on as before with "12.500"."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0011_imports_that_fail")]

    operations = [
        migrations.AddField(
            "import",
            "decimal_mark",
            models.CharField(
                choices=[("point", "Point, as in 12.5"), ("comma", "Comma, as in 12,5")],
                db_default="point",
                default="point",
                max_length=5,
            ),
        ),
    ]
