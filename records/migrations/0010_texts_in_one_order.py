"""Letters of every language, folded and put in order alike on every PostgreSQL: "C" knows those of English only, and
what PostgreSQL brings along for the others has come with version 17."""

from django.db import migrations

CREATE = """
do $$ begin
  if current_setting('server_version_num')::int >= 170000 then
    create collation flyt_text (provider = builtin, locale = 'C.UTF-8');
  else
    create collation flyt_text (provider = libc, locale = 'C.UTF-8');
  end if;
end $$
"""


class Migration(migrations.Migration):
    dependencies = [("records", "0009_rows_about_one_record")]

    operations = [migrations.RunSQL(CREATE, "drop collation flyt_text")]
