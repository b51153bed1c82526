"""Which record a message to its primary contact is about."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0002_unconfirmed_messages")]

    operations = [
        migrations.AddField("message", "about_id", models.BigIntegerField(null=True)),
        migrations.AddIndex(
            "message",
            models.Index(
                condition=models.Q(("about_id__isnull", False)),
                fields=["account", "about_id"],
                name="messages_about_a_record",
            ),
        ),
    ]
