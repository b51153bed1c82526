"""How often the next chunk of an import has failed: it is tried again, but not for ever."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "0010_texts_in_one_order")]

    operations = [
        migrations.AddField("import", "failures", models.SmallIntegerField(default=0)),
    ]
