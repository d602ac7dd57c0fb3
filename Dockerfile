# The image from the root file system that `deno task image` makes (or a release has):
#
#   docker build --build-arg ROOTFS=dist/exoip-0.5.0-linux-x64-rootfs.tar.gz --tag exoip:0.5.0 .
FROM scratch
ARG ROOTFS
ADD ${ROOTFS} /
USER 65534:65534
ENTRYPOINT ["/exoip"]
