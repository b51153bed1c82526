"""Who is asked to leave leaves the walk that was under way then, and no later one."""

from django.db import migrations, models

# Few, if any: those who are to leave a flow that is paused.
FILL = """
update participants_intake i set participant_id = p.id from participants_participant p
where i.wish = 'leave' and i.participant_id is null
  and p.account_id = i.account_id and p.flow_id = i.flow_id and p.record_id = i.record_id and p.status = 'active'
"""


class Migration(migrations.Migration):
    dependencies = [("participants", "0007_who_is_due_for_the_longest")]

    operations = [
        migrations.AddField(
            model_name="intake",
            name="participant_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
