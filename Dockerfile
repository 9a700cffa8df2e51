# docker build -t sshkey-operator:0.1.0 .
#
# One commit gives one image as long as the base images are the same; to fix those too, give each a digest:
#   --build-arg BUILD_IMAGE=node:24.21.0-trixie-slim@sha256:... --build-arg RUNTIME_IMAGE=...
ARG BUILD_IMAGE=node:24.21.0-trixie-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same for every platform, so it is built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No install script is needed to build the bundle: the image brings Node, and esbuild its binary.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY tools/build.ts tools/known-keys.ts tools/sbom.ts tools/
COPY src src
ARG SOURCE_DATE_EPOCH=0
RUN node tools/build.ts && node tools/sbom.ts

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION
ARG RUNTIME_IMAGE
# The keys of the OCI image specification, annotations.md.
LABEL org.opencontainers.image.title="sshkey-operator" \
      org.opencontainers.image.description="A Kubernetes operator that manages SSH public keys as custom resources" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
# The bill of materials says to scanners which npm packages the bundle has.
COPY --from=build /build/dist/main.cjs /build/dist/kubectl-sshkey.cjs /build/dist/known-keys.blocklist /build/dist/sbom.spdx.json /sshkey-operator/
# By number, so that the kubelet can check runAsNonRoot: the user nonroot of the image.
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/sshkey-operator/main.cjs"]
CMD ["run"]
