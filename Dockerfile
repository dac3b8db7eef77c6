# One image a program: docker build --target crm --tag crm . The targets are listed at the end; docs/images.md tells more.
#
# The dependencies are a layer of their own, made by cargo-chef out of the manifests alone. A cache mount would be
# simpler, but it stays on the machine that has it: this layer travels with `--cache-to`, so that a fresh builder
# compiles no dependency that any other has compiled.

ARG RUST=1.95.0
ARG NODE=22.20.0-trixie-slim
# Distroless has no tags of versions, only digests: a release names one with --build-arg RUNTIME=...@sha256:...
ARG RUNTIME=gcr.io/distroless/cc-debian13:nonroot

# The Debian of the run-time image, so that the C library is the same. It brings what librdkafka is built with: a
# compiler for C and C++, and make.
FROM rust:${RUST}-trixie AS chef
RUN cargo install cargo-chef --version 0.1.77 --locked
WORKDIR /build
# The image has zlib with its pkg-config file, by which libz-sys would link it dynamically; the run-time image has none.
ENV LIBZ_SYS_STATIC=1 CARGO_INCREMENTAL=0

# What cargo reads, so that a change of the console compiles nothing anew.
FROM scratch AS sources
COPY Cargo.toml Cargo.lock /
COPY benches /benches
COPY crates /crates
COPY gateway-grpcweb /gateway-grpcweb
COPY proto /proto
COPY services /services
COPY tests /tests

FROM chef AS planner
COPY --from=sources / .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
SHELL ["/bin/bash", "-o", "pipefail", "-euc"]
# All programs at once: they share nearly all that they depend on.
ENV PACKAGES="--package audit --package catalog --package crm --package finance --package identity --package inventory \
--package notification --package orders --package payments --package gateway-grpcweb"
COPY --from=planner /build/recipe.json recipe.json
# hadolint ignore=SC2086
RUN cargo chef cook --profile image --locked --recipe-path recipe.json --bins ${PACKAGES}
COPY --from=sources / .
# hadolint ignore=SC2086
RUN cargo build --profile image --locked --bins ${PACKAGES}
# A program that needs a library which the run-time image lacks must fail here and not when it starts. The contracts are
# those that the programs were built with; where there are none or two, no file has that name, and it fails.
RUN <<'SCRIPT'
mkdir /out
for program in target/image/*; do
  if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
  if ldd "$program" | grep -vE 'linux-vdso|ld-linux|lib(c|m|gcc_s|stdc\+\+)\.so'; then
    echo "$program needs a library that the run-time image lacks" >&2
    exit 1
  fi
  install -m 0755 "$program" /out/
done
install -m 0644 "$(find target/image/build -path '*/contracts-*/out/descriptors.bin')" /out/contracts.binpb
SCRIPT

# The web console, which is the same on every platform. Its packages are a layer of their own, made anew when their
# lock file changes.
FROM --platform=$BUILDPLATFORM node:${NODE} AS console
WORKDIR /build/console
COPY console/package.json console/package-lock.json ./
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY console .
COPY clients/typescript/src /build/clients/typescript/src
COPY scripts/pack.mjs /build/scripts/pack.mjs
RUN npm run build && node /build/scripts/pack.mjs dist

# What every image has: no shell, no package manager, a user by number (Kubernetes cannot tell of a name that it is not
# root's), and nothing that the program would have to write.
FROM ${RUNTIME} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Tessera" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
STOPSIGNAL SIGTERM

# The services. Without arguments they serve, with `migrate` they bring their database to the newest schema, with
# `health` they ask the one that serves.
FROM runtime AS service
EXPOSE 50051 9464

FROM service AS audit
LABEL org.opencontainers.image.title="tessera-audit"
COPY --from=builder /out/audit /usr/bin/audit
ENTRYPOINT ["/usr/bin/audit"]

FROM service AS catalog
LABEL org.opencontainers.image.title="tessera-catalog"
COPY --from=builder /out/catalog /usr/bin/catalog
ENTRYPOINT ["/usr/bin/catalog"]

FROM service AS crm
LABEL org.opencontainers.image.title="tessera-crm"
COPY --from=builder /out/crm /usr/bin/crm
ENTRYPOINT ["/usr/bin/crm"]

FROM service AS finance
LABEL org.opencontainers.image.title="tessera-finance"
COPY --from=builder /out/finance /usr/bin/finance
ENTRYPOINT ["/usr/bin/finance"]

FROM service AS identity
LABEL org.opencontainers.image.title="tessera-identity"
COPY --from=builder /out/identity /usr/bin/identity
ENTRYPOINT ["/usr/bin/identity"]

FROM service AS inventory
LABEL org.opencontainers.image.title="tessera-inventory"
COPY --from=builder /out/inventory /usr/bin/inventory
ENTRYPOINT ["/usr/bin/inventory"]

FROM service AS notification
LABEL org.opencontainers.image.title="tessera-notification"
COPY --from=builder /out/notification /usr/bin/notification
ENTRYPOINT ["/usr/bin/notification"]

FROM service AS orders
LABEL org.opencontainers.image.title="tessera-orders"
COPY --from=builder /out/orders /usr/bin/orders
ENTRYPOINT ["/usr/bin/orders"]

FROM service AS payments
LABEL org.opencontainers.image.title="tessera-payments"
COPY --from=builder /out/payments /usr/bin/payments
ENTRYPOINT ["/usr/bin/payments"]

# The gateway, with the contracts that it translates by and the console that it serves. It answers callers and, at the second port, operators.
FROM runtime AS gateway
LABEL org.opencontainers.image.title="tessera-gateway"
COPY --from=builder /out/gateway /usr/bin/gateway
COPY --from=builder /out/contracts.binpb /usr/share/tessera/contracts.binpb
COPY --from=console /build/console/dist /usr/share/tessera/console
EXPOSE 8080 9464
ENTRYPOINT ["/usr/bin/gateway"]
