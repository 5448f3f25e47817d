# Runs as root on a server that has docker, from /opt/testbed: the base image busybox:local, the sample apps in a real
# registry, the git repositories, and the services that offer them on loopback.
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -qy install --no-install-recommends docker-registry docker-buildx busybox-static git curl python3-minimal iproute2
cd /opt/testbed
chmod 755 load-images publish-samples app/app app/answer

# busybox:local, from which everything else is built. The docker folder is a volume that no image keeps: load-images brings it back.
root=$(mktemp -d)
mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/root"
chmod 1777 "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
mkdir images
tar -C "$root" -cf images/busybox.tar .
rm -rf "$root"
./load-images

mkdir -p /etc/docker/registry /var/lib/docker-registry
cat >/etc/docker/registry/config.yml <<'CONF'
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/docker-registry
  delete:
    enabled: true
http:
  addr: 127.0.0.1:5000
CONF
chown -R docker-registry: /var/lib/docker-registry

unit() { # NAME COMMAND
  cat >"/etc/systemd/system/$1.service" <<UNIT
[Unit]
Description=$1, for tests
After=network.target
[Service]
ExecStart=$2
Restart=on-failure
[Install]
WantedBy=multi-user.target
UNIT
  systemctl enable "$1"
}
unit testbed-slow-registry '/usr/bin/python3 /opt/testbed/slow_registry.py'
unit testbed-git '/usr/bin/git daemon --reuseaddr --export-all --base-path=/srv/git --listen=127.0.0.1 /srv/git'
unit testbed-git-http '/bin/busybox httpd -f -p 127.0.0.1:8418 -h /srv/git'
systemctl daemon-reload
systemctl enable docker-registry
systemctl restart docker-registry testbed-slow-registry

./publish-samples
sh -eu git/make-repositories
systemctl start testbed-git testbed-git-http
touch ready
