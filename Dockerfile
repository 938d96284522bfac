# An image with only the binary and trusted certificates. From the source:
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t rollcall .
#
# GoReleaser uses the stage "packaged", with its own binary.

FROM --platform=$BUILDPLATFORM golang:1.26 AS base
RUN mkdir /data && chown 65532:65532 /data

FROM base AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=dev
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags nomsgpack -ldflags "-s -w -X main.version=$VERSION" -o /rollcall ./cmd/rollcall

FROM scratch AS image
COPY --from=base /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# For --data; a new volume gets its owner from here.
COPY --from=base --chown=65532:65532 /data /data
USER 65532:65532
EXPOSE 9090
STOPSIGNAL SIGTERM
# Liveness. Load balancers check readiness instead: "health --ready", or GET /readyz.
HEALTHCHECK --interval=10s --timeout=6s --start-period=150s CMD ["/rollcall", "health"]
ENTRYPOINT ["/rollcall"]
# By default it listens only on the container's loopback; set --listen and credentials to serve others.
CMD ["serve"]

FROM image AS packaged
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/rollcall /rollcall

FROM image
COPY --from=build /rollcall /rollcall
