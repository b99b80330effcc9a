#!/usr/bin/env bash
# Brings a fresh Debian or Ubuntu to where howdah can be built and tested: PostgreSQL 15 or newer,
# Redis, a C linker, CA certificates and Rust. Installs only what is missing, starts no server,
# and says nothing when there is nothing to do.
#
#   scripts/setup.sh          what a build needs
#   scripts/setup.sh check    and what the checks need: rustfmt, clippy, Mosquitto, and libfaketime
#                             for the clocks that jump
#
# Exit codes: 0 all there, 2 something is missing that could not be installed.
set -euo pipefail

# Newest first; howdah is tested against each of these.
readonly postgres_majors=(18 17 16 15)
readonly postgres_minimum=15
readonly rust_minimum=1.88

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
  say "$1"
  shift
  printf '  %s\n' "$@" >&2
  exit 2
}

# True when a server of a supported major version is installed, started or not.
have_postgres() {
  local program major
  for program in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
    "$(command -v postgres || true)"; do
    [[ -x $program ]] || continue
    major=$("$program" --version | sed -E 's/.* ([0-9]+).*/\1/')
    ((major >= postgres_minimum)) && return 0
  done
  return 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Where crates/howdah-testkit/src/clock.rs looks for it.
have_faketime() {
  compgen -G '/usr/lib*/*/faketime/libfaketimeMT.so.1' >/dev/null ||
    compgen -G '/usr/lib*/faketime/libfaketimeMT.so.1' >/dev/null ||
    [[ -e /usr/local/lib/faketime/libfaketimeMT.so.1 ]]
}

# Debian keeps it where the PATH of ordinary users does not look.
have_mosquitto() { have mosquitto || [[ -x /usr/sbin/mosquitto ]]; }

can_install() { have apt-get && { ((EUID == 0)) || have sudo; }; }

have_certificates() {
  [[ -n ${SSL_CERT_FILE:-} || -s /etc/ssl/certs/ca-certificates.crt || -s /etc/ssl/cert.pem ]]
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# Another apt may hold the lock, and a mirror may stumble: three tries, each waiting for the lock.
apt() {
  local try
  for try in 1 2 3; do
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" \
      </dev/null >&2 && return 0
    ((try == 3)) || sleep $((try * 5))
  done
  return 1
}

# The newest supported server that the configured repositories offer.
postgres_package() {
  local major
  for major in "${postgres_majors[@]}"; do
    if [[ $(LC_ALL=C apt-cache policy "postgresql-$major") =~ Candidate:\ [0-9] ]]; then
      echo "postgresql-$major"
      return 0
    fi
  done
  return 1
}

# Debian starts a server when its package is installed, and creates a PostgreSQL cluster. howdah
# brings its own private ones, so for the time of the installation both are switched off, by the
# two files that Debian has for this, and only where the administrator has not decided already.
readonly policy=/usr/sbin/policy-rc.d
readonly cluster=/etc/postgresql-common/createcluster.d/howdah-setup.conf
quieted=()

quiet_servers() {
  trap unquiet_servers EXIT
  trap 'exit 130' INT TERM
  if [[ ! -e $policy ]]; then
    quieted+=("$policy")
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  if ! grep -qrsE '^\s*create_main_cluster' "${cluster%/*}" "${cluster%.d/*}.conf"; then
    quieted+=("$cluster")
    as_root mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$cluster" >/dev/null
  fi
}

unquiet_servers() {
  ((${#quieted[@]} == 0)) || as_root rm -f "${quieted[@]}"
}

install_packages() {
  local packages=("$@") postgres
  have apt-get || die "this is neither Debian nor Ubuntu; please install:" \
    "PostgreSQL $postgres_minimum or newer (server), Redis (redis-server), a C compiler (cc)" \
    "and CA certificates, then run the command again."
  ((EUID == 0)) || have sudo || die "packages are missing and there is no sudo; as root, run:" \
    "apt-get update && apt-get install ${packages[*]}"

  say "installing ${packages[*]}"
  apt update || die "could not read the package lists." "Is there a network?"
  if [[ " ${packages[*]} " == *" postgresql "* ]]; then
    postgres=$(postgres_package) || die \
      "the repositories of this system have no PostgreSQL $postgres_minimum or newer." \
      "Add the one of the PostgreSQL project (PGDG), then run the command again:" \
      "apt-get install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh"
    packages=("${packages[@]/#postgresql/$postgres}")
  fi
  quiet_servers
  apt install --no-install-recommends "${packages[@]}" ||
    die "could not install ${packages[*]}." "The lines above say why."
}

# Rust is the developer's own choice of toolchain, so it is looked for and not installed.
check_rust() {
  have cargo || PATH=$PATH:$HOME/.cargo/bin
  have cargo || die "cargo was not found." \
    "Install Rust $rust_minimum or newer (https://rustup.rs), then run the command again."
  local version
  version=$(cargo --version | cut -d' ' -f2)
  if [[ $(printf '%s\n' "$rust_minimum" "$version" | sort -V | head -n1) != "$rust_minimum" ]]; then
    die "cargo $version is too old." "Install Rust $rust_minimum or newer: rustup update stable"
  fi
}

# A minimal profile of rustup comes without the two.
check_lints() {
  local part
  for part in fmt clippy; do
    cargo "$part" --version >/dev/null 2>&1 && continue
    have rustup || die "cargo $part is missing." "Install the rustfmt and clippy of your Rust."
    rustup component add rustfmt clippy || die "could not add rustfmt and clippy to Rust." \
      "The lines above say why."
  done
}

main() {
  check_rust
  [[ ${1:-} != check ]] || check_lints
  local missing=()
  have_postgres || missing+=(postgresql)
  have redis-server || missing+=(redis-server)
  have cc || missing+=(gcc libc6-dev)
  have_certificates || missing+=(ca-certificates)
  [[ ${1:-} != check ]] || have_mosquitto || missing+=(mosquitto)
  # Without it the tests of clocks are skipped, so it alone fails nothing.
  [[ ${1:-} != check ]] || have_faketime || ! can_install || missing+=(libfaketime)
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
}

main "$@"
