# syntax=docker/dockerfile:1
# A small image of the server: the program, certificates and time zones; no shell, no package manager, not root.
#   docker build --tag procession .
#   docker run --publish 127.0.0.1:8000:8000 --volume procession-data:/data procession

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends build-essential \
    && cargo install --locked cargo-auditable --version 0.7.7
WORKDIR /source
COPY . .
# `auditable` writes the list of dependencies into the program, where scanners find it.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo auditable build --release --locked --package procession-server --bin procession \
    && cp target/release/procession /procession \
    && mkdir --mode 700 /data

FROM busybox:1.37-musl AS busybox

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /procession /usr/local/bin/procession
# For the health check alone: this busybox answers to no other name.
COPY --from=busybox /bin/wget /usr/bin/wget
COPY --from=build --chown=65532:65532 /data /data
ENV PROCESSION_DATA_DIR=/data PROCESSION_LISTEN=0.0.0.0:8000
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["/usr/bin/wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/readyz"]
ENTRYPOINT ["/usr/local/bin/procession"]
CMD ["serve"]
