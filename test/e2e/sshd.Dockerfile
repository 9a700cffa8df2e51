# A bastion's image as docs/mounting.md shows it, with an account for each who logs in.
FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-server && mkdir -p /run/sshd
RUN for user in alice bob git; do useradd --create-home --shell /bin/bash --password '*' $user; done
