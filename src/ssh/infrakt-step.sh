#!/bin/sh
# infrakt-step, wire version 1 (WIRE.md): starts a step once, or attaches to it. The step outlives the connection.
#   run INST EPOCH ID SHA256 OFFSET LIMIT SCRIPT_BYTES PAYLOAD_BYTES    stdin: script, payload    stdout: frames
#   cancel INST EPOCH ID OFFSET | confirm INST EPOCH ID | release INST EPOCH JOB | stat INST EPOCH ID | gc INST EPOCH DAYS
# One JSON line on stderr ends every answer. Exit: 0 answered, 90 stale epoch, 91 busy, 92 bad call, 93 mismatch, 94 upload, 95 server.
# Installed as STATE/bin/infrakt-step-<sha12>: the unit finds STATE by its own path, with no environment to be lost on the way.
set -u; export LC_ALL=C; umask 077
case $0 in /*/bin/infrakt-step*) ;; *) echo "infrakt-step: call it by its full path" >&2; exit 92;; esac
B=${0%/bin/*} S=${0%/bin/*}/steps R=${0%/bin/*}/run sd=
[ -d /run/systemd/system ] && [ -z "${INFRAKT_NO_SYSTEMD:-}" ] && sd=1 R=/run/infrakt      # R: payloads, in memory, so that no disk block ever holds a secret

say() { printf '{"v":1,"id":"%s","state":"%s"%s}\n' "$id" "$1" "${2:-}" >&2; }
die() { say "$2" "${3:-}"; exit "$1"; }
why() { die "$1" error ",\"why\":\"$(printf %s "$2" | tr -c 'A-Za-z0-9 .,:/_-' ' ' | cut -c1-300)\""; }
full() { why 95 "cannot write to $B or $R: disk full or read-only"; }
word() { case $1 in ''|-*|*[!A-Za-z0-9-]*) false;; esac && [ ${#1} -le 100 ]; }        # a file name, a unit name, JSON: safe in all
num() { case $1 in ''|*[!0-9]*|0?*) false;; esac && [ ${#1} -le 15 ]; }                # no leading zero: $(( )) would take it for octal
meta() { printf '%s %s %s\n' "$1" "$inst" "$2" >"$D/meta.t" && mv -f "$D/meta.t" "$D/meta"; }
put() { printf '%s\n' "$2" >"$1.t" && sync "$1.t" && mv -f "$1.t" "$1" && sync "${1%/*}"; }   # all or nothing, on disk when it returns
mark() { read -r m </proc/sys/kernel/random/boot_id; read -r s </proc/1/stat; set -- ${s##*) }; m=$m/${20}; }   # this boot: a container keeps the host's boot_id, so + start of PID 1
ids() { D=$S/$1 IN=$R/$1.in unit=infrakt-$1.service; }

active() {   # may the unit still have processes? Only a clear no is a no: systemctl fails while systemd re-executes itself
  if [ "$sd" ]; then case $(systemctl show --value -p ActiveState "$unit" 2>/dev/null) in inactive|failed) return 1;; esac
  else flock -n -E 9 "$D/solo" true; [ $? = 9 ]; fi; }
state() {    # st = absent|running|exited|lost (+ res, code). `result` is final when its unit is gone: then it is called `exit`
  if [ -e "$D/exit" ]; then st=exited; read -r res code <"$D/exit"; return; fi
  st=absent; [ -d "$D" ] || return 0
  mark; m0=$m; [ ! -e "$D/started" ] || { st=lost; read -r m0 _ <"$D/started"; }
  if [ "$m" = "$m0" ] && active; then st=running
  elif [ -e "$D/result" ] && mv "$D/result" "$D/exit" 2>/dev/null || [ -e "$D/exit" ]; then state; fi; }      # or another reader was quicker
answer() {   # the last line of run, cancel, confirm, stat
  : "${size:=$(stat -c %s "$D/log" 2>/dev/null || echo 0)}"
  case $st in exited) die 0 exited ",\"result\":\"$res\",\"code\":$code,\"size\":$size";; *) die 0 "$st" ",\"size\":$size";; esac; }

gate() {     # one at a time from here; a lower epoch is out, a higher one shuts out the lower ones for good
  mkdir -p "$S" "$B/epochs" "$R" && { [ -w "$B/gate" ] || touch "$B/gate"; } || full
  exec 7>>"$B/gate"; flock -w 60 7 || why 95 "the gate is held by another call"
  seen=0; [ -e "$B/epochs/$inst" ] && read -r seen <"$B/epochs/$inst"
  [ "$epoch" -ge "$seen" ] || { [ "$op" = release ] && die 0 released; die 90 stale ",\"seen\":$seen"; }
  [ "$epoch" -eq "$seen" ] || put "$B/epochs/$inst" "$epoch" || full
  for t in "$R"/t.*; do [ -d "/proc/${t##*.}" ] || rm -rf "$t"; done; }     # uploads whose call was killed
own() {      # the step belongs to this installation, and is this script
  [ -s "$D/meta" ] || return 0      # empty: power was lost before the step began
  read -r sha0 inst0 _ <"$D/meta"
  [ "$inst0" = "$inst" ] && case ${1:-$sha0} in "$sha0") ;; *) [ "$sha0" = - ];; esac || die 93 mismatch ",\"sha\":\"$sha0\""; }
busy() { die 91 busy ",\"installation\":\"$li\",\"job\":\"$lj\",\"step\":\"$busy\",\"since\":$lt,\"idle\":$idle"; }
lane() {     # may a new step of $job begin? Not beside a living step, whoever's; not in another installation's job unless it is silent
  busy= li= lj= lt=0 idle=0
  for d in "$S"/*/meta; do o=${d%/meta} o=${o##*/}; [ -e "$d" ] && [ "$o" != "$id" ] && [ ! -e "$S/$o/exit" ] && (ids "$o"; state; [ $st = running ]) && busy=$o; done
  [ -e "$B/lane" ] && read -r li lj _ lt <"$B/lane" && idle=$(( $(date +%s) - $(stat -c %Y "$B/lane") ))   # its mtime is the last sign of life
  if [ "$busy" ] || { [ "${li:-$inst}" != "$inst" ] && [ "${idle#-}" -lt 120 ]; }; then
    busy; fi
  if [ "$li $lj" != "$inst $job" ]; then put "$B/lane" "$inst $job $epoch $(date +%s)" || full
    [ "$li" != "$inst" ] || rm -rf "$S/$lj"-* "$R/$lj"-*              # our last job never sent its release
  fi; }

launch() {
  if [ "$sd" ]; then systemd-run --quiet --collect --no-ask-password --unit="$unit" --description="infrakt step $id" --service-type=exec \
      -p RuntimeMaxSec="$limit" -p TimeoutStopSec=10 -p OOMPolicy=kill -p StandardOutput=null -p StandardError=null -p ExecStopPost="$0 _post $id" \
      ${INFRAKT_LOG_MAX:+-E INFRAKT_LOG_MAX="$INFRAKT_LOG_MAX"} "$0" _exec "$id" </dev/null
  else ( exec 8>>"$D/solo"; flock -n 8 || exit 0      # held before this returns: a slow start is not taken for none
    setsid -f "$0" _solo "$id" </dev/null >/dev/null 2>&1 7>&- ); fi; }
start() {
  mkdir -p "$D" && printf '' >>"$D/log" && printf '' >>"$D/lock" && cp "$T/script" "$D/script" && mv -f "$T/in" "$IN" && meta "$sha" "$limit" || full
  err=$(launch 2>&1) ; i=0          # its failure alone says nothing: the unit is there already when a launcher before us died
  until [ -e "$D/started" ] || [ -e "$D/exit" ]; do
    i=$((i+1)); [ $((i % 50)) != 0 ] || active || [ -e "$D/started" ] || { rm -f "$IN"; why 95 "not started: $err $(tail -n 1 "$D/log")"; }
    sleep 0.01
  done; }
tick() { read -r up _ </proc/uptime; up=${up%.*}; }
follow() {   # frames from $off until the step is over. A client that is gone ends us by SIGPIPE, never the step
  [ -e "$D/lock" ] && exec 9<"$D/lock"; printf '@%s 0\n' "$off"; tick; last=$up spin=0
  while :; do
    st=running free=                # over or not is asked BEFORE the size: then what is in the log is all of it
    if [ -e "$D/exit" ] || flock -s -w 0.25 9; then free=1; flock -u 9 2>/dev/null; state; fi      # the lock is free the moment the runner is gone
    size=$(stat -c %s "$D/log" 2>/dev/null || echo 0); tick
    while [ "$size" -gt "$off" ]; do
      n=$((size-off)) gs=$size ge=0; [ $n -le 1048576 ] || n=1048576
      [ -e "$D/gap" ] && read -r gs ge <"$D/gap"
      if [ "$gs" -le "$off" ] && [ "$off" -lt "$ge" ]; then printf '@%s -%s\n' "$off" $((ge-off)); off=$ge; continue; fi
      [ "$off" -ge "$gs" ] || [ $((off+n)) -le "$gs" ] || n=$((gs-off))
      printf '@%s %s\n' "$off" "$n"; tail -c +$((off+1)) "$D/log" | head -c "$n"; off=$((off+n)) last=$up
    done
    [ $st = running ] || answer
    [ $((up-last)) -lt 5 ] || { printf '@%s 0\n' "$off"; last=$up; }
    [ -z "$free" ] || { spin=$((spin+1)); [ $spin -le 20 ] && sleep 0.03 || sleep 0.3; }      # the runner is gone, its unit is still ending
  done; }

op=${1:-} id= size=
case $op in
_*) id=$2; ids "$id";;
run|cancel|confirm|release|stat|gc)
  inst=${2:-} epoch=${3:-}; word "$inst" && num "$epoch" || why 92 "bad installation or epoch"
  id=${4:-}; word "$id" || { id=; why 92 "bad id"; }
  case $op in gc) job=$inst n=0-0;; release) job=$id n=0-0;; *) job=${id%-*-*} n=${id#"${id%-*-*}"-};; esac
  [ ${#job} = 36 ] && [ ${#inst} = 36 ] && num "${n%-*}" && num "${n#*-}" || { id=; why 92 "bad id"; }       # uuids: none is the beginning of another
  ids "$id";;
*) why 92 "unknown verb";;
esac
case $op in
run)
  sha=${5:-} off=${6:-} limit=${7:-} ns=${8:-} np=${9:-} T=$R/t.$$
  for n in "$off" "$limit" "$ns" "$np"; do num "$n" || why 92 "bad number"; done; [ "$limit" -gt 0 ] && [ ${#sha} = 64 ] && word "$sha" || why 92 "bad limit or hash"
  if [ "$ns" -gt 0 ]; then          # before the gate: a slow upload must not hold up a cancel
    trap 'rm -rf "$T"' EXIT; trap 'exit 94' HUP INT TERM PIPE
    mkdir -p "$T" && head -c $((ns+np)) >"$T/all" && head -c "$ns" "$T/all" >"$T/script" && tail -c +$((ns+1)) "$T/all" >"$T/in" || full
    [ "$(stat -c %s "$T/all")" = $((ns+np)) ] || why 94 "input ended early"           # a dying connection looks like EOF: only the count tells
    h=$(sha256sum "$T/script"); [ "${h%% *}" = "$sha" ] || why 94 "the script is not the one that was announced"
  fi
  gate; own "$sha"; state
  if [ $st = absent ]; then [ "$ns" != 0 ] || answer; lane; start; fi                 # no script: attach only
  touch -c "$B/lane"; exec 7>&-; [ "$ns" = 0 ] || { rm -rf "$T"; trap - EXIT HUP INT TERM PIPE; }
  follow;;
cancel)
  off=${5:-}; num "$off" || why 92 "bad number"
  gate; own; mkdir -p "$D" && printf '' >>"$D/log" && printf '' >>"$D/lock" && { [ -e "$D/meta" ] || meta - 0; } || full
  exec 9<"$D/lock"                  # who holds it decides alone whether the body begins
  if flock -n 9 && [ ! -e "$D/started" ] && [ ! -e "$D/exit" ]; then rm -f "$IN"; put "$D/exit" "cancelled 143" || full; fi      # a late run meets this
  exec 9<&-; touch "$D/cancel" 2>/dev/null; exec 7>&-
  if [ -e "$D/exit" ]; then :; elif [ "$sd" ]; then systemctl stop --no-block "$unit" 2>/dev/null; else read -r p <"$D/pid" && kill "$p"; fi
  follow;;
confirm) gate; own; state; [ $st != running ] || touch "$D/confirm" || full; answer;;
stat) state; answer;;
release)     # the job is over: closes its epoch, so that nothing of it that is still on its way can run
  gate; li=$inst lj=$job lt=0 idle=0
  for d in "$S/$job"-*/meta; do [ ! -e "$d" ] || { d=${d%/meta} busy=${d%/meta}; busy=${busy##*/}; ids "$busy"; own; state; [ $st != running ] || busy; }; done
  put "$B/epochs/$inst" $((epoch+1)) || full
  [ -e "$B/lane" ] && read -r li lj _ <"$B/lane" && [ "$li $lj" = "$inst $job" ] && rm -f "$B/lane"
  rm -rf "$S/$job"-* "$R/$job"-*; say released;;
gc)          # what others left behind: steps nobody has touched for DAYS, scripts no unit runs from
  days=$id; num "$days" || why 92 "bad number"; gate; lj=; [ -e "$B/lane" ] && read -r _ lj _ <"$B/lane"
  for d in $(find "$S" -mindepth 1 -maxdepth 1 -mmin +$((days*1440)) ! -name "$lj-*"); do (ids "${d##*/}"; state; [ $st = running ]) || rm -rf "$d" "$R/${d##*/}.in"; done
  used=$(systemctl show --value -p ExecStart 'infrakt-*.service' 2>/dev/null)
  for d in $(find "$B/bin" -name 'infrakt-step-*' ! -path "$0" -mmin +$((days*1440))); do case $used in *"$d"*) ;; *) rm -f "$d";; esac; done
  id=; say collected;;
_exec)       # the unit's main process
  tick; exec >>"$D/log" 2>&1 9>>"$D/lock"; flock 9        # waits: a reader may be looking at the lock just now
  { [ -e "$D/started" ] || [ -e "$D/exit" ]; } && exit 0  # a second unit of this step, or cancelled before it began
  printf '%4096s\n' '' >"$D/exit.t" && sync "$D/exit.t" "$D/meta" || exit 1           # room for the result, kept against a full disk
  mark; put "$D/started" "$m $up ${INVOCATION_ID:-solo}" || exit 1                    # on disk before the body's first instruction
  max=${INFRAKT_LOG_MAX:-67108864}
  while sleep 1; do z=$(stat -c %s "$D/log" 2>/dev/null); [ "${z:-0}" -le "$max" ] || {   # offsets stay true: a hole, not a shorter file. Its end may meet a stat, whose complaint is nobody's
    fallocate -p -o $((max/2)) -l $((z-max/4-max/2)) "$D/log" && printf '%s %s\n' $((max/2)) $((z-max/4)) >"$D/gap.t" && mv -f "$D/gap.t" "$D/gap"; }; done 9>&- & w=$!
  umask 022; cd /; [ -z "$sd" ] || HOME=~root; export HOME="${HOME:-/}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  export INFRAKT_IN="$IN" INFRAKT_CONFIRM="$D/confirm"; unset INFRAKT_LOG_MAX INVOCATION_ID
  sh "$D/script" </dev/null 9>&-; c=$?; kill $w; exit $c;;
_post)       # ExecStopPost: whatever ended the main process, kill -9 too. Others of the unit may live yet: systemd ends them after this, hence `result`
  trap '' TERM; rm -f "$IN"; touch -c "$B/lane"; tick
  [ ! -e "$D/result" ] && read -r _ t0 inv <"$D/started" && [ "$inv" = "${INVOCATION_ID:-solo}" ] || exit 0      # this unit never began the body
  read -r _ _ limit <"$D/meta"
  case $EXIT_CODE/$EXIT_STATUS in exited/0) r=success c=0;; exited/*) r=exit-code c=$EXIT_STATUS;; */KILL) r=signal c=137;; */TERM) r=signal c=143;; *) r=signal c=128;; esac
  if [ "$EXIT_CODE" = exited ]; then :; elif [ -e "$D/cancel" ]; then r=cancelled
  else case $SERVICE_RESULT in success) exit 0;;        # stopped by a shutdown or by hand: lost, nobody knows how far it came
    timeout) [ $((up-t0+5)) -ge "$limit" ] || exit 0; r=timeout;; esac; fi
  [ "$SERVICE_RESULT" != oom-kill ] || r=oom-kill
  printf '%s %s\n' "$r" "$c" 1<>"$D/exit.t" && sync "$D/exit.t" && mv -f "$D/exit.t" "$D/result" && sync "$D";;
_solo)       # without systemd (tests only): limit and TERM/KILL by timeout(1); a child that calls setsid escapes
  read -r _ _ limit <"$D/meta"; timeout -k 10 "$limit" "$0" _exec "$id" 8>&- & echo $! >"$D/pid"; wait $!; c=$?
  export EXIT_CODE=exited EXIT_STATUS=$c SERVICE_RESULT=signal
  case $c in 124) EXIT_CODE=killed EXIT_STATUS=TERM SERVICE_RESULT=timeout;; 137|143) [ ! -e "$D/cancel" ] || EXIT_CODE=killed EXIT_STATUS=TERM;; esac
  exec "$0" _post "$id";;
esac
