# The image that serves models: tlt-serve and ONNX Runtime, without PyTorch; docs/serve.md says how it is run.
#
#   tltpipe image build --serving clothes.onnx      what most people want: the models are in it, under /models
#   docker build --file docker/serve.Dockerfile .   the same by hand, in a checkout, with the models in models/
#
# Nobody's account, nothing written outside /tmp: run it with --read-only. It listens to all that reach the container,
# so it wants a token in the file /run/secrets/token.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
ARG EXTRAS=serve

# Nothing of what the base image has installed besides Python: PyTorch there would be loaded, and is not wanted.
RUN python3 -m venv /opt/tltpipe
ENV PATH=/opt/tltpipe/bin:$PATH

# What we depend on, in a layer of its own: it is large and seldom changes. Here the packages are empty.
WORKDIR /usr/src/tltpipe
COPY pyproject.toml constraints.txt ./
COPY tltpipe/__init__.py tltpipe/
COPY docker/ docker/
RUN touch README.md LICENSE \
 && mkdir converters specs orchestrator runtime \
 && pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ".[$EXTRAS]"

COPY README.md LICENSE ./
COPY tltpipe/ tltpipe/
COPY converters/ converters/
COPY specs/ specs/
COPY orchestrator/ orchestrator/
COPY runtime/ runtime/
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps --force-reinstall . \
 && rm -rf /usr/src/tltpipe \
 && useradd --no-create-home --home-dir /tmp --uid 10001 tltpipe

COPY models/ /models/

ENV HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
WORKDIR /models
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD \
    ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["tlt-serve", "--host", "0.0.0.0", "--token-file", "/run/secrets/token"]
CMD ["--help"]

ARG VERSION=unknown
LABEL org.opencontainers.image.title="tltpipe-serve" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
