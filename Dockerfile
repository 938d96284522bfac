# An image of the binary, certificates to trust and nothing else. From the source:
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t rollcall .
#
# GoReleaser takes the stage "packaged", with the binary that it has built.

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
# For --data; a new volume takes its owner from here.
COPY --from=base --chown=65532:65532 /data /data
USER 65532:65532
EXPOSE 9090
STOPSIGNAL SIGTERM
# That it lives. That it takes streams is another question, for who sends it some: "health --ready", or GET /readyz.
HEALTHCHECK --interval=10s --timeout=6s --start-period=150s CMD ["/rollcall", "health"]
ENTRYPOINT ["/rollcall"]
# It listens on the container's loopback, which nobody else reaches, until it is told to with --listen and credentials.
CMD ["serve"]

FROM image AS packaged
ARG TARGETPLATFORM
COPY $TARGETPLATFORM/rollcall /rollcall

FROM image
COPY --from=build /rollcall /rollcall
