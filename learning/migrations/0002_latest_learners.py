from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="progress",
            index=models.Index(fields=["lesson", "-updated_at"], name="progress_latest"),
        ),
    ]
