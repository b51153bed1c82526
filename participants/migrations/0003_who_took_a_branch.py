"""A branch says how many took it: what has been logged so far is counted once."""

from django.db import migrations

COUNT = """
insert into participants_tally (account_id, flow_id, step_id, what, n)
select account_id, flow_id, branch_id, 'took', count(*) from participants_steplog
where outcome = 'continued' and branch_id is not null group by account_id, flow_id, branch_id
"""
FORGET = """
delete from participants_tally where what = 'took';
delete from participants_counter where what = 'took';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("participants", "0002_pages_of_participants"),
    ]

    operations = [migrations.RunSQL(COUNT, FORGET)]
