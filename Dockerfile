# chathakase in an image of its own: Debian's smallest, certificates and the program. Runs as nobody in particular (65532).
#
#   docker build -t chathakase .
#   docker run --rm --env-file .env -v chathakase:/data -p 3000:3000 chathakase

# The version of rust-toolchain.toml, which stays outside: with it rustup would fetch the formatter and the lints as well.
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --package chathakase \
    && install -D target/dist/chathakase /out/usr/local/bin/chathakase \
    && install -d -m 0700 /out/data

FROM docker.io/library/debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/usr/local/bin/chathakase /usr/local/bin/
# What Slack calls, in HTTP mode, and the pages of the operator in both.
ENV PORT=3000 \
    DATABASE_URL=sqlite:/data/chathakase.db
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 3000
# Whether it runs. Whether it is ready is asked at /readyz: a model that is away is no reason to start it anew.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q '^ok' <&3"]
# SIGTERM lets running answers end, for limits.drain (25 s). With all that ends around it, that may take 50 s: docker stop -t 60.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/chathakase"]
CMD ["serve"]
