#!/bin/sh
# Runs as the first process of its own mount, network and process id namespaces: what podman and the node do to
# mounts, addresses and iptables stays in there, and when this process ends, the kernel ends all others with it.
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
# podman gives it to the node, and a host without modules has none.
if ! [ -d /lib/modules ]; then
  mkdir -p /run/lib/upper/modules /run/lib/work
  mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/lib/upper,workdir=/run/lib/work /usr/lib
fi
ip link set lo up
echo ready
# Ends when whoever started it is gone.
cat >/dev/null
