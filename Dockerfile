# syntax=docker/dockerfile:1
# The whole product in one image; the role is the container's command.
# There is no Postgres inside: DATABASE_URL must be set.

FROM node:24-bookworm-slim AS console
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY gateway/openapi.json /src/gateway/openapi.json
COPY frontend/ ./
RUN npm run build

FROM rust:1.95-bookworm AS server
RUN apt-get update \
 && apt-get install --yes --no-install-recommends mold libssl-dev zlib1g-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=console /src/frontend/dist frontend/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build \
    CARGO_TARGET_DIR=/build cargo build --release --locked --package server --bin sre-copilot \
 && cp /build/release/sre-copilot /usr/local/bin/sre-copilot

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --create-home sre-copilot
COPY --from=server /usr/local/bin/sre-copilot /usr/local/bin/sre-copilot
USER sre-copilot
WORKDIR /data
VOLUME /data
ENV SRE_COPILOT_DATA_DIR=/data
EXPOSE 4317 8500 8505 8580
ENTRYPOINT ["sre-copilot"]
