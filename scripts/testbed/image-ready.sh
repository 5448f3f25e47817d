# Runs as root on a living bare server and makes it what provisioning would: docker, compose, caddy, ufw, fail2ban; and git-lfs, which
# some tests need. Then it loads the samples: the image busybox:local, a registry with tiny apps, git repositories. /opt/testbed holds samples/.
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -qy install --no-install-recommends docker.io docker-cli docker-compose caddy ufw fail2ban python3-systemd \
  iptables curl git git-lfs
systemctl enable docker caddy fail2ban

# As provisioning leaves them: folders, the managed Caddyfile and its import
install -d -m 755 /opt/infrakt /opt/infrakt/apps /opt/infrakt/caddy /opt/infrakt/backups
# Caddy 2.6 refuses to import a file without any line.
echo "# Managed by infrakt" >/opt/infrakt/caddy/Caddyfile
chmod 644 /opt/infrakt/caddy/Caddyfile
printf '\nimport /opt/infrakt/caddy/Caddyfile\n' >>/etc/caddy/Caddyfile
tar -C / -cf /opt/testbed/clean.tar opt/infrakt etc/caddy etc/ufw etc/default/ufw

sh -eu /opt/testbed/setup.sh
apt-get clean
rm -rf /var/lib/apt/lists/*
