#!/bin/sh
# Shows the node's kubelet the kernel settings that it insists on, over the host's, which stay as they are.
mkdir -p /run/kernel-settings
for setting in kernel/panic=10 kernel/panic_on_oops=1 vm/overcommit_memory=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=/run/kernel-settings/$(basename "${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}" || true
done
