# Runs in the new root folder of the bare image: what a freshly rented machine has, and nothing that infrakt should bring.
export DEBIAN_FRONTEND=noninteractive

# A new machine makes its own host keys at its first boot.
rm -f /etc/ssh/ssh_host_*
cat >/etc/systemd/system/host-keys.service <<'UNIT'
[Unit]
Description=ssh host keys, made at the first boot
Before=ssh.service ssh.socket
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable host-keys.service ssh.service

# All tests come from one address: sshd's own limits on an address would make one test's faults another's.
cat >/etc/ssh/sshd_config.d/testbed.conf <<'CONF'
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
MaxStartups 200
MaxSessions 100
PerSourcePenalties no
CONF

useradd -m -s /bin/bash admin
useradd -m -s /bin/bash plain
echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/admin
chmod 440 /etc/sudoers.d/admin

# What the outer machine has and a container must not touch
systemctl mask systemd-udevd.service systemd-networkd.service systemd-resolved.service systemd-timesyncd.service \
  getty.target console-getty.service sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount systemd-modules-load.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
systemctl set-default multi-user.target
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n' >/etc/systemd/journald.conf.d/testbed.conf

update-ca-certificates
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*.log
: >/etc/machine-id
