# The command `indexer` for a scheduler: docs/how-to/container.md.
#
# The base is named by its version, for people, and by its digest, which alone says what it is: a tag can be moved. No digest stands
# here, since whoever builds must look it up where they get the image from; without one there is no build.
#   docker buildx imagetools inspect python:3.11.14-slim-bookworm --format '{{.Manifest.Digest}}'
#   make image DIGEST=sha256:...
ARG BASE=python:3.11.14-slim-bookworm
ARG DIGEST

FROM ${BASE}@${DIGEST} AS build
COPY requirements.txt /build/
RUN python -m venv /opt/indexer \
    && /opt/indexer/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --no-deps --require-hashes --only-binary :all: --requirement /build/requirements.txt
# Copied, not installed: a build would fetch its back end, which no hash of ours pins.
COPY src/indexer /opt/indexer/lib/python3.11/site-packages/indexer
COPY src/indexer_sandbox /opt/indexer/lib/python3.11/site-packages/indexer_sandbox
RUN /opt/indexer/bin/python -m compileall -q /opt/indexer/lib/python3.11/site-packages/indexer /opt/indexer/lib/python3.11/site-packages/indexer_sandbox

FROM ${BASE}@${DIGEST}
# /scratch is all that a run writes to, and only while it runs: the rest may be mounted read-only.
RUN useradd --uid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin indexer \
    && install --directory --owner=10001 --group=10001 /scratch /work
COPY --from=build /opt/indexer /opt/indexer
ENV PATH=/opt/indexer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/scratch
VOLUME ["/scratch"]
# indexer.toml is looked for here.
WORKDIR /work
USER 10001:10001
# A job that ends has no health to be asked for in between: its exit code is the answer (0: all well).
HEALTHCHECK NONE
# The first one finishes and records what is in flight.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "indexer"]
CMD ["--help"]
