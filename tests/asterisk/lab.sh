#!/bin/bash
# Real Asterisk for the tests: one chroot a version, built once, many instances from it.
#
#   lab.sh build 22|16         make the chroot in the cache folder; prints its path
#   lab.sh tools               install what the tests need from Debian: debootstrap, SIPp, openssl
#   lab.sh run 22|16 NAME      configure an instance and run it until standard input is closed
#   lab.sh cli 22|16 NAME CMD  a console command in a running instance
#   lab.sh sweep 22|16         remove the folders of instances that no longer run
#
# `run` reads ports and fragments from the environment: AMI_PORT, AMI_TLS_PORT, SIP_PORT, TRUNK_PORT,
# LOAD_PORT, HTTP_PORT, HTTPS_PORT, CHANNELVARS, DIALPLAN (a file that becomes hookswitch.conf; empty when unset).
# Its first line of output is the process id of Asterisk. Needs root, because chroot does.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${HOOKSWITCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hookswitch-tests}
recipe=1 # part of the chroot's name: raise it when the packages below change

fail() { echo "lab.sh: $*" >&2; exit 1; }

chroot_of() {
  case $1 in
    22) suite=sid packages=asterisk ;;
    16) suite=bullseye packages=asterisk,asterisk-voicemail ;;
    *) fail "no Asterisk version '$1': 22 or 16" ;;
  esac
  root=$cache/asterisk$1-r$recipe
}

install_missing() { # command package ...
  local missing=()
  while [ $# -gt 0 ]; do
    command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] || fail "missing ${missing[*]}: install with apt-get, or run as root"
  local apt=(apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends)
  # Concurrent apt runs delete each other's unpack folder: one at a time.
  (
    flock 9
    export DEBIAN_FRONTEND=noninteractive
    "${apt[@]}" install "${missing[@]}" || { apt-get -o DPkg::Lock::Timeout=300 update && "${apt[@]}" install "${missing[@]}"; }
  ) 9>"$cache/apt.lock" >>"$cache/apt.log" 2>&1 || fail "cannot install ${missing[*]}; see $cache/apt.log"
}

unmount_below() { # a killed debootstrap leaves proc mounted in its target
  awk -v p="$1/" 'index($2, p) == 1 { print $2 }' /proc/mounts | sort -r | while read -r m; do umount "$m"; done
}

build() {
  mkdir -p "$cache"
  [ -d "$root" ] && return
  [ "$(id -u)" -eq 0 ] || fail "building the Asterisk chroot needs root"
  (
    flock 9
    [ -d "$root" ] && exit 0 # another builder was first
    install_missing debootstrap debootstrap
    # Built beside and moved when whole, so that an interrupted build is never taken for a chroot.
    local new=$root.partial
    unmount_below "$new"
    rm -rf --one-file-system "$new"
    debootstrap --variant=minbase --include="$packages" "$suite" "$new" >"$root.log" 2>&1 ||
      { tail -5 "$root.log" >&2; fail "debootstrap of $suite failed; see $root.log"; }
    unmount_below "$new"
    [ -x "$new/usr/sbin/asterisk" ] || fail "no asterisk in the chroot; see $root.log"
    furnish "$new"
    mv "$new" "$root"
  ) 9>"$root.lock"
}

furnish() { # what every instance shares: hosts, tones, no name server
  local new=$1 f sounds
  rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
  mkdir -p "$new/lab" "$new/usr/share/asterisk/moh-lab"
  # Asterisk looks its own host name up in calls; without an answer each call costs failed queries.
  printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$new/etc/hosts"
  : >"$new/etc/resolv.conf"
  # Ten seconds of the 1 kHz digital milliwatt (G.711, table 6) as music; a tenth of a second as prompts.
  local milliwatt='\x1e\x0b\x0b\x1e\x9e\x8b\x8b\x9e'
  printf "$milliwatt%.0s" {1..10000} >"$new/usr/share/asterisk/moh-lab/tone.ulaw"
  # sid has no prompts without packages of their own; where they come along, they stay.
  sounds=$new/usr/share/asterisk/sounds/en
  [ -L "$sounds" ] && return
  mkdir -p "$sounds"
  for f in beep beeperr pbx-transfer pbx-invalid pbx-parkingfailed vm-intro vm-goodbye \
    vm-theperson vm-isunavail auth-thankyou conf-onlyperson conf-hasjoin conf-hasleft; do
    printf "$milliwatt%.0s" {1..100} >"$sounds/$f.ulaw"
  done
}

configure() {
  local module_dir f
  mkdir -p "$instance"/{etc,run,spool,log,db}
  module_dir=/$(cd "$root" && find usr/lib -name chan_pjsip.so -printf '%h\n' | head -1)
  for f in "$here"/conf/*.conf; do
    sed -e "s#@DIR@#/lab/$name#g; s#@MODULES@#$module_dir#; s/@AMI_PORT@/$AMI_PORT/; s/@AMI_TLS_PORT@/$AMI_TLS_PORT/" \
      -e "s/@SIP_PORT@/$SIP_PORT/g; s/@TRUNK_PORT@/$TRUNK_PORT/g; s/@LOAD_PORT@/$LOAD_PORT/g; s/@HTTP_PORT@/$HTTP_PORT/; s/@HTTPS_PORT@/$HTTPS_PORT/" \
      -e "s/@CHANNELVARS@/${CHANNELVARS:-}/" "$f" >"$instance/etc/$(basename "$f")"
  done
  if [ -n "${DIALPLAN:-}" ]; then cp "$DIALPLAN" "$instance/etc/hookswitch.conf"; else : >"$instance/etc/hookswitch.conf"; fi
  [ -s "$instance/etc/ami.pem" ] || certify
}

certify() { # a CA and AMI's certificate from it, as Asterisk's own ast_tls_cert makes them
  local etc=$instance/etc key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
  {
    openssl req -x509 "${key[@]}" -days 3650 -subj '/CN=lab CA' -keyout "$etc/ca.key" -out "$etc/ca.pem"
    openssl req "${key[@]}" -subj /CN=localhost -keyout "$etc/ami.key" -out "$etc/ami.csr"
    openssl x509 -req -in "$etc/ami.csr" -CA "$etc/ca.pem" -CAkey "$etc/ca.key" -CAcreateserial -days 3650 \
      -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) -out "$etc/ami.pem"
  } 2>/dev/null
}

asterisk() { chroot "$root" /usr/sbin/asterisk -C "/lab/$name/etc/asterisk.conf" "$@"; }

run() {
  : "${AMI_PORT:?}" "${AMI_TLS_PORT:?}" "${SIP_PORT:?}" "${TRUNK_PORT:?}" "${LOAD_PORT:?}" "${HTTP_PORT:?}" "${HTTPS_PORT:?}"
  [ -d "$root" ] || fail "no chroot $root: run 'lab.sh build' first"
  install_missing openssl openssl
  configure
  ulimit -n 65536 2>/dev/null || true
  # Two guards against an Asterisk left behind: it dies with this shell, and this shell ends when
  # whoever started it closes the pipe, which the kernel does for a killed test.
  exec 3<&0
  setpriv --pdeathsig KILL chroot "$root" /usr/sbin/asterisk -f -n -C "/lab/$name/etc/asterisk.conf" \
    </dev/null >"$instance/log/console" 2>&1 &
  local pid=$!
  echo "$pid"
  cat <&3 >/dev/null &
  exec 2>/dev/null # the shell's own word on a killed child is noise
  wait -n || true
  kill -TERM "$pid" 2>/dev/null || true
  for _ in {1..20}; do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true # seen after load: SIGTERM alone takes over five seconds
}

sweep() {
  local dir pid
  for dir in "$root"/lab/*/; do
    [ -d "$dir" ] || continue
    pid=$(cat "$dir/run/asterisk.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then continue; fi
    # Young folders may belong to an instance that is just starting.
    [ -z "$(find "$dir" -maxdepth 0 -mmin +60)" ] || rm -rf --one-file-system "$dir"
  done
}

command=${1:-}
case $command in
  tools)
    mkdir -p "$cache"
    install_missing debootstrap debootstrap sipp sip-tester openssl openssl
    ;;
  build | run | cli | sweep)
    chroot_of "${2:-}"
    name=${3:-}
    instance=$root/lab/$name
    [ "$command" = build ] || [ "$command" = sweep ] || [ -n "$name" ] || fail "which instance?"
    case $command in
      build)
        build # not `build && echo`: that would switch off `set -e` inside
        echo "$root"
        ;;
      run) run ;;
      cli) asterisk -rx "${4:?a console command}" ;;
      sweep) sweep ;;
    esac
    ;;
  *)
    sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
