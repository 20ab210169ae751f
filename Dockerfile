# Two stages: a build with the toolchain, and an image with the binary, a user and nothing else.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential cmake perl && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY assets assets
COPY crates crates
COPY migrations migrations
COPY src src
# Not built; the manifest names them.
COPY benches benches
COPY tests/api tests/api
# TLS to PostgreSQL is on here: a database of a container is on a network.
RUN cargo build --release --locked --bin handoff --features postgres-tls

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin handoff
COPY --from=build /src/target/release/handoff /usr/local/bin/handoff
USER 10001:10001
# No embedded mode in a container: without DATABASE_URL and a master key it refuses to start.
# Two arenas: with one for each thread, memory that a file of referrals needed once would stay with every one of them.
ENV HANDOFF_LISTEN=0.0.0.0:8080 HANDOFF_LOG_FORMAT=json HANDOFF_EMBEDDED=off MALLOC_ARENA_MAX=2
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s CMD ["handoff", "healthcheck"]
ENTRYPOINT ["handoff"]
