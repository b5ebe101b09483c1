# One image for `refresher run` and `refresher once`; README.md says how to mount what they need.
FROM python:3.13-slim-bookworm AS base

FROM base AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY refresher ./refresher
# Compiled here, without checks against file times: the final file system is read-only,
# and layers may change times.
# It is this very source that is installed.
# hadolint ignore=DL3013
RUN python -m venv --without-pip /opt/refresher \
    && pip --python /opt/refresher/bin/python install --no-cache-dir --no-compile '.[kubernetes,postgres]' \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/refresher/lib

FROM base
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="refresher" \
      org.opencontainers.image.description="Keeps container-registry credentials alive, wherever they are needed" \
      org.opencontainers.image.source="https://github.com/refresher/refresher" \
      org.opencontainers.image.documentation="https://github.com/refresher/refresher#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing is installed at run time, so pip goes. The base image comes without the compiled
# standard library, which would be compiled anew at each start and each health check.
RUN library="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && rm -rf "${library}/ensurepip" "${library}/site-packages" /usr/local/bin/pip* \
    && python -m compileall -q --invalidation-mode unchecked-hash \
       -x '/(idlelib|test|tkinter|turtledemo)/' "${library}" \
    && groupadd --gid 65532 refresher \
    && useradd --no-log-init --uid 65532 --gid 65532 --no-create-home \
       --home-dir /var/lib/refresher --shell /usr/sbin/nologin refresher \
    && install --directory --mode=0700 --owner=65532 --group=65532 /var/lib/refresher
COPY --from=build /opt/refresher /opt/refresher
ENV HOME=/var/lib/refresher \
    PATH=/opt/refresher/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REFRESHER_LISTEN=0.0.0.0:8080
# By number: Kubernetes checks `runAsNonRoot` without looking at /etc/passwd.
USER 65532:65532
# The one place that must be writable, also for temporary files; mount it to keep the store.
WORKDIR /var/lib/refresher
VOLUME /var/lib/refresher
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["refresher", "status", "--health"]
ENTRYPOINT ["refresher"]
CMD ["run"]
