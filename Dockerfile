# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
RUN python -m venv /opt/carewatch
WORKDIR /src
# Requirements first: they change seldom, and their layer is kept.
COPY requirements/run.txt requirements/run.txt
RUN /opt/carewatch/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY carewatch carewatch
COPY ingest ingest
COPY alerts alerts
COPY simulator simulator
COPY board board
RUN /opt/carewatch/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:3.12-slim
ENV PATH=/opt/carewatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Paths in the settings are below this folder: config/ (mounted) and var/ (a volume).
RUN useradd --system --uid 10001 --home-dir /srv/carewatch carewatch \
    && install -d -o carewatch -g carewatch /srv/carewatch /srv/carewatch/var
COPY --from=build /opt/carewatch /opt/carewatch
WORKDIR /srv/carewatch
COPY config config
USER 10001
VOLUME /srv/carewatch/var
EXPOSE 8080
# 503 from /healthz lists what is wrong; here it only makes the container unhealthy.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=8)"]
CMD ["carewatch", "run"]
