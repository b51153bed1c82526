FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1
WORKDIR /flyt

COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements/app.txt

COPY . .
# The values only let the settings load while the image is built; nothing is connected or kept.
RUN export SECRET_KEY=build FIELD_ENCRYPTION_KEY=build DATABASE_URL=postgres://build/build REDIS_URL=redis://build \
    && python manage.py compile_translations \
    && python manage.py collectstatic --noinput \
    && useradd --uid 10001 --no-create-home flyt

USER flyt
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", \
     "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-"]
