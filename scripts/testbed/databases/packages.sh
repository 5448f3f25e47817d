# Runs in a container of the bare image that is thrown away: installs the three servers, takes the entry script from stdin, prints a
# root folder with all of it as tar.
exec 3>&1 >&2
cat >/usr/local/bin/docker-entrypoint.sh
chmod 755 /usr/local/bin/docker-entrypoint.sh
exec </dev/null
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -q update
apt-get -qy install --no-install-recommends postgresql-common
sed -ri 's/#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf
apt-get -qy install --no-install-recommends postgresql mariadb-server redis-server

# Data folders as the official images have them: empty, and their servers' own.
rm -rf /var/lib/mysql /var/lib/postgresql /etc/mysql/* /etc/mysql/.[a-z]* /data
install -d -o postgres -g postgres /var/lib/postgresql /var/lib/postgresql/data /run/postgresql
install -d -o mysql -g mysql /var/lib/mysql /run/mysqld
install -d -o redis -g redis /data
find /tmp -mindepth 1 -delete
for program in /usr/lib/postgresql/*/bin/*; do ln -sf "$program" /usr/local/bin/; done

# What a database server needs of all this; its just-in-time compiler, cluster and backup tools are the bulk of the rest.
cd /
tar -c --sort=name \
  --exclude='usr/local/share' --exclude='usr/share/doc' --exclude='usr/share/man' --exclude='usr/share/locale' --exclude='usr/share/info' --exclude='usr/share/perl*' \
  --exclude='usr/share/i18n' --exclude='usr/share/bash-completion' --exclude='usr/share/doc-base' --exclude='usr/share/common-licenses' \
  --exclude='usr/lib/*/perl*' --exclude='usr/lib/*/libLLVM*' --exclude='usr/lib/*/libz3.so*' --exclude='usr/lib/*/libperl*' \
  --exclude='usr/lib/*/gconv' --exclude='usr/lib/*/security' \
  --exclude='usr/lib/postgresql/*/lib/bitcode' --exclude='usr/lib/postgresql/*/lib/llvmjit*' --exclude='usr/lib/galera' \
  --exclude='usr/lib/systemd' --exclude='usr/lib/udev' --exclude='usr/lib/apt' --exclude='usr/lib/openssh' --exclude='usr/lib/sudo' \
  --exclude='usr/lib/modprobe.d' --exclude='usr/bin/mariadb-backup' --exclude='usr/bin/mariabackup' --exclude='usr/bin/sst_dump' \
  --exclude='usr/bin/aria_*' --exclude='usr/bin/myisam*' --exclude='usr/bin/mariadb-ldb' --exclude='usr/bin/perl*' \
  --exclude='usr/bin/systemd*' --exclude='usr/bin/apt*' --exclude='usr/bin/dpkg*' --exclude='usr/sbin/policy-rc.d' \
  bin sbin lib lib64 etc/passwd etc/group etc/nsswitch.conf etc/ld.so.cache etc/ld.so.conf etc/ld.so.conf.d etc/localtime etc/mysql \
  usr tmp var/run var/tmp run/postgresql run/mysqld var/lib/postgresql var/lib/mysql data >&3
