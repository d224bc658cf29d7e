FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin lab \
    && install --directory --owner lab --mode 700 /data \
    && install --directory --owner lab --mode 755 /made

# The laboratory starts one for each experiment on Redis, to stop and to freeze it.
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends redis-server \
    && rm --recursive /var/lib/apt/lists

WORKDIR /srv/session-lab

# What is made once is kept with the sessions: the secret key, the accounts, what the laboratory found.
RUN ln --symbolic /data instance

COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock

# Run from its folder instead of being installed: a build would fetch tools that no lock file names.
COPY backends backends
COPY app app

ENV HOST=0.0.0.0 PORT=5000 SESSION_FILE_DIR=/data/sessions ACCOUNTS_FILE=/data/accounts.sqlite3
EXPOSE 5000
USER lab

HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]

ENTRYPOINT ["python", "-m", "app"]
CMD ["run"]
